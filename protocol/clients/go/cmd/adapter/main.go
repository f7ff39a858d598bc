// Connects the client of this module to `pongcheck conformance --client 'adapter {address}'`. Reads instructions and writes events, one
// JSON object per line (protocol/vectors/README.md, "The command"). PONGCHECK_TOKEN and PONGCHECK_CA contain the token and the path of
// the CA file for its connections.
package main

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
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

// report writes e, or the error instead.
func report(e event, as string, err error) {
	var refused *pongcheck.Refused
	var fault *pongcheck.ProtocolError
	switch {
	case errors.As(err, &refused):
		e = event{"error": refused.Code, "name": refused.Name}
	case errors.As(err, &fault):
		e = event{"error": "protocol", "name": "protocol"}
	case errors.Is(err, pongcheck.ErrTimeout):
		e = event{"error": "timeout", "name": "timeout"}
	case err != nil:
		e = event{"error": "closed", "name": "closed"}
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
	Do, Scope, Group        string
	Detail                  bool
	As, Checks, Addresses   []string
	IntervalMs, MaxPingsOut int
	MaxAgeMs, TimeoutMs     *int
	Watch                   *instruction
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
		causes := []string{}
		for _, cause := range pong.Causes() {
			causes = append(causes, cause.Check+" "+cause.Reason)
		}
		report(event{"pong": pong.Status.String(), "healthy": pong.Status.Healthy(), "stale": pong.Stale, "causes": causes}, as, err)
	}()
}

func (do instruction) options() []pongcheck.Option {
	options := []pongcheck.Option{pongcheck.InScope(scopes[do.Scope])}
	if do.Detail {
		options = append(options, pongcheck.Detail())
	}
	if do.Checks != nil {
		options = append(options, pongcheck.Checks(do.Checks...))
	}
	if do.Group != "" {
		options = append(options, pongcheck.Group(do.Group))
	}
	if do.MaxAgeMs != nil {
		options = append(options, pongcheck.MaxAge(time.Duration(*do.MaxAgeMs)*time.Millisecond))
	}
	if do.TimeoutMs != nil {
		options = append(options, pongcheck.Timeout(time.Duration(*do.TimeoutMs)*time.Millisecond))
	}
	return options
}

// connection returns the options in the environment.
func connection() pongcheck.Options {
	options := pongcheck.Options{Token: os.Getenv("PONGCHECK_TOKEN")}
	if ca := os.Getenv("PONGCHECK_CA"); ca != "" {
		text, err := os.ReadFile(ca)
		if err != nil {
			panic(err)
		}
		options.TLS = &tls.Config{RootCAs: x509.NewCertPool()}
		options.TLS.RootCAs.AppendCertsFromPEM(text)
	}
	return options
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
			if client, err = pongcheck.Dial(context.Background(), os.Args[1], connection()); err != nil {
				panic(err)
			}
		}
		switch do.Do {
		case "ping":
			ping(client, "", do.options()...)
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
			watch = client.Watch(do.options()...)
			go follow(watch)
		case "link":
			var watch []pongcheck.Option
			if do.Watch != nil {
				watch = do.Watch.options()
			}
			pongcheck.OpenLink(do.Addresses, pongcheck.LinkOptions{
				Options:     connection(),
				Interval:    time.Duration(do.IntervalMs) * time.Millisecond,
				MaxPingsOut: do.MaxPingsOut,
				Watch:       watch,
				OnChange:    func(c pongcheck.Change) { say(event{"state": c.State, "link": c.Status.String(), "reason": c.Why}) },
			})
		default:
			say(event{"unsupported": do.Do})
		}
	}
}
