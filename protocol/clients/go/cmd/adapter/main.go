// The client of this module for `pongcheck conformance --client 'adapter {address}'`: reads instructions and writes events, one JSON
// object per line (protocol/vectors/README.md, "The command").
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"sync"
	"time"

	"pongcheck"
)

type event map[string]any

var output sync.Mutex

func say(e event) {
	line, _ := json.Marshal(e)
	output.Lock()
	defer output.Unlock()
	fmt.Println(string(line))
}

// report says e, or the error in its place.
func report(e event, as string, err error) {
	var refused *pongcheck.Refused
	var fault *pongcheck.ProtocolError
	switch {
	case errors.As(err, &refused):
		e = event{"error": refused.Code}
	case errors.As(err, &fault):
		e = event{"error": "protocol"}
	case errors.Is(err, pongcheck.ErrTimeout):
		e = event{"error": "timeout"}
	case err != nil:
		e = event{"error": "closed"}
	}
	if e == nil {
		e = event{}
	}
	if as != "" {
		e["as"] = as
	}
	say(e)
}

type instruction struct {
	Do, Scope               string
	Detail                  bool
	As, Checks, Addresses   []string
	IntervalMs, MaxPingsOut int
}

var scopes = map[string]pongcheck.Scope{"liveness": pongcheck.Liveness, "startup": pongcheck.Startup}

func ping(client *pongcheck.Client, as string, options ...pongcheck.Option) {
	call, err := client.Start(options...)
	if err != nil {
		report(nil, as, err)
		return
	}
	go func() {
		pong, err := call.Pong(context.Background())
		report(event{"pong": pong.Status.String(), "healthy": pong.Status.Healthy()}, as, err)
	}()
}

func follow(watch *pongcheck.Watch) {
	for update := range watch.Updates() {
		say(event{"status": update.Status.String(), "healthy": update.Status.Healthy()})
	}
	if err := watch.Err(); err != nil {
		report(nil, "", err)
	}
}

func main() {
	var client *pongcheck.Client
	var watch *pongcheck.Watch
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		var do instruction
		if err := json.Unmarshal(lines.Bytes(), &do); err != nil {
			panic(err)
		}
		if client == nil && do.Do != "link" {
			var err error
			if client, err = pongcheck.Dial(context.Background(), os.Args[1], pongcheck.Options{}); err != nil {
				panic(err)
			}
		}
		switch do.Do {
		case "ping":
			options := []pongcheck.Option{pongcheck.InScope(scopes[do.Scope])}
			if do.Detail {
				options = append(options, pongcheck.Detail())
			}
			ping(client, "", options...)
		case "pings":
			for _, as := range do.As {
				ping(client, as)
			}
		case "hello":
			go func() {
				_, err := client.Hello(context.Background())
				report(event{"hello": true}, "", err)
			}()
		case "watch":
			if watch != nil {
				watch.Cancel()
			}
			var options []pongcheck.Option
			if do.Checks != nil {
				options = append(options, pongcheck.Checks(do.Checks...))
			}
			watch = client.Watch(options...)
			go follow(watch)
		case "link":
			pongcheck.OpenLink(do.Addresses, pongcheck.LinkOptions{
				Interval:    time.Duration(do.IntervalMs) * time.Millisecond,
				MaxPingsOut: do.MaxPingsOut,
				OnChange:    func(c pongcheck.Change) { say(event{"state": c.State, "reason": c.Why}) },
			})
		default:
			say(event{"unsupported": do.Do})
		}
	}
}
