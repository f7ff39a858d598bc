// Pongprobe sends one PING and exits with 0 if the status is pass or warn, and with 1 otherwise, like `pongcheck ping --exit k8s` and
// `--exit docker`, for images without Node. It is one static file:
//
//	CGO_ENABLED=0 go build -trimpath -ldflags='-s -w' ./cmd/pongprobe
package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"pongcheck"
)

const (
	healthy, unhealthy = 0, 1
	defaultAddress     = "pong://127.0.0.1:7464"
	defaultWait        = 2500 * time.Millisecond
	networkTime        = 500 * time.Millisecond
)

var scopes = map[string]pongcheck.Scope{"readiness": pongcheck.Readiness, "liveness": pongcheck.Liveness, "startup": pongcheck.Startup}

// names is a flag that may be repeated.
type names []string

func (n *names) String() string { return strings.Join(*n, ",") }

func (n *names) Set(name string) error {
	*n = append(*n, name)
	return nil
}

func main() { os.Exit(run(os.Args[1:], os.Stdout, os.Stderr)) }

func run(arguments []string, stdout, stderr io.Writer) int {
	flags := flag.NewFlagSet("pongprobe", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.Usage = func() {
		fmt.Fprintf(stderr, "Usage: pongprobe [FLAGS] [ADDRESS]\nSends one PING. Exits with 0 for pass and warn, with 1 otherwise. ADDRESS: %s\n\n", defaultAddress)
		flags.PrintDefaults()
	}
	var checks names
	scope := flags.String("scope", "readiness", "readiness, liveness or startup")
	flags.Var(&checks, "check", "queries this check; up to 32 times")
	group := flags.String("group", "", "queries the checks of this group")
	maxAge := flags.Duration("max-age", -1, "maximum age of a result; 0 = run the checks now")
	timeout := flags.Duration("timeout", -1, "response deadline, after which the last known status is returned; 0 = immediately")
	wait := flags.Duration("wait", 0, "time to connect and wait for the PONG (default --timeout, or 2s, plus 500ms)")
	detail := flags.Bool("detail", false, "prints the causes, if the responder lets this client see them")
	exit := flags.String("exit", "", "k8s or docker: the same exit codes, for the command lines of pongcheck ping")
	tokenFile := flags.String("token-file", "", "file with the token (default the token in PONGCHECK_TOKEN)")
	ca := flags.String("ca", "", "for pongs://: PEM file with the trusted CA certificates")
	cert := flags.String("cert", "", "for pongs://: PEM file with the client certificate")
	key := flags.String("key", "", "for pongs://: PEM file with its private key")
	serverName := flags.String("servername", "", "for pongs://: expected host name in the server certificate (default the host of the address)")
	insecure := flags.Bool("insecure", false, "for pongs://: accepts any server certificate")
	if err := flags.Parse(arguments); errors.Is(err, flag.ErrHelp) {
		return healthy
	} else if err != nil {
		return unhealthy
	}
	fail := func(err error) int {
		fmt.Fprintln(stderr, "pongprobe:", err)
		return unhealthy
	}

	code, isScope := scopes[*scope]
	switch {
	case flags.NArg() > 1:
		return fail(fmt.Errorf("%d addresses are given; allowed: one", flags.NArg()))
	case !isScope:
		return fail(fmt.Errorf("--scope is %q; allowed: readiness, liveness, startup", *scope))
	case *exit != "" && *exit != "k8s" && *exit != "docker":
		return fail(fmt.Errorf("--exit is %q; allowed: k8s, docker", *exit))
	case len(checks) > 0 && *group != "":
		return fail(errors.New("--check and --group cannot be given together"))
	}
	options := []pongcheck.Option{pongcheck.InScope(code)}
	if len(checks) > 0 {
		options = append(options, pongcheck.Checks(checks...))
	}
	if *group != "" {
		options = append(options, pongcheck.Group(*group))
	}
	if *maxAge >= 0 {
		options = append(options, pongcheck.MaxAge(*maxAge))
	}
	limit := defaultWait
	if *timeout >= 0 {
		options, limit = append(options, pongcheck.Timeout(*timeout)), *timeout+networkTime
	}
	if *wait > 0 {
		limit = *wait
	}
	if *detail {
		options = append(options, pongcheck.Detail())
	}

	config, err := tlsConfig(*ca, *cert, *key, *serverName, *insecure)
	if err != nil {
		return fail(err)
	}
	token := os.Getenv("PONGCHECK_TOKEN")
	if *tokenFile != "" {
		text, err := os.ReadFile(*tokenFile)
		if err != nil {
			return fail(err)
		}
		token = strings.TrimSpace(string(text))
	}
	address := defaultAddress
	if flags.NArg() == 1 {
		address = flags.Arg(0)
	}
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	client, err := pongcheck.Dial(ctx, address, pongcheck.Options{Token: token, TLS: config})
	if err != nil {
		return fail(err)
	}
	// The server closes the connection after the PONG. Without a PONG, the end of this process closes it.
	pong, err := client.Ping(ctx, append(options, pongcheck.Last())...)
	if err != nil {
		return fail(err)
	}
	line := pong.Status.String()
	for _, cause := range pong.Causes() {
		line += fmt.Sprintf(", %q is %s (%s)", cause.Check, cause.State, cause.Reason)
	}
	fmt.Fprintln(stdout, line)
	if pong.Status.Healthy() {
		return healthy
	}
	return unhealthy
}

func tlsConfig(ca, cert, key, serverName string, insecure bool) (*tls.Config, error) {
	config := &tls.Config{ServerName: serverName, InsecureSkipVerify: insecure}
	if ca != "" {
		text, err := os.ReadFile(ca)
		if err != nil {
			return nil, err
		}
		config.RootCAs = x509.NewCertPool()
		if !config.RootCAs.AppendCertsFromPEM(text) {
			return nil, fmt.Errorf("--ca %s has no certificate", ca)
		}
	}
	if cert != "" || key != "" {
		pair, err := tls.LoadX509KeyPair(cert, key)
		if err != nil {
			return nil, err
		}
		config.Certificates = []tls.Certificate{pair}
	}
	return config, nil
}
