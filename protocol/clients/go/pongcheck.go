// Package pongcheck is a client for version 1 of the pongcheck protocol, in one file. It requires Go 1.19 or newer and only the
// standard library.
//
// One PING, and a watch:
//
//	client, err := pongcheck.Dial(ctx, "127.0.0.1:7464", pongcheck.Options{})
//	pong, err := client.Ping(ctx, pongcheck.Checks("db"), pongcheck.Timeout(300*time.Millisecond), pongcheck.Detail())
//	fmt.Println(pong.Status, pong.Status.Healthy(), pong.Causes())
//	watch := client.Watch()
//	for update := range watch.Updates() { ... }
//
// A persistent connection with heartbeats and reconnects:
//
//	link := pongcheck.OpenLink([]string{"pongs://a.example", "pongs://b.example"}, pongcheck.LinkOptions{
//		Options:  pongcheck.Options{Token: "..."},
//		OnChange: func(change pongcheck.Change) { log.Println(change.State, change.Why) },
//	})
//	if link.Healthy() { ... }
//
// Addresses: HOST, HOST:PORT, pong://HOST:PORT, pongs://HOST:PORT (TLS), pong+unix:/PATH. IPv6 addresses must be in brackets. Errors:
// *Refused (with Name and Code of the ERROR), *ProtocolError, ErrTimeout, ErrClosed, and those of the context. All methods may be
// called from several goroutines.
package pongcheck

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"math/rand"
	"net"
	"os"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"time"
	"unicode/utf8"
)

// Frame types.
const (
	typePing, typePong, typeWatch, typeStatus, typeHello, typeGoaway, typeError = 1, 2, 3, 4, 5, 6, 0x7f
	firstSkipped                                                                = 0x80
)

const (
	flagDetail, flagClose, flagStale, flagFatal, flagCancel, flagWatchDetail = 1, 2, 2, 1, 1, 2
	criticalFlags                                                            = 0x0f
)

const (
	maxMs              = math.MaxInt32
	maxDepth           = 32
	errStalePeer       = 13
	connectTimeout     = 5 * time.Second
	writeTimeout       = 5 * time.Second
	stableAfter        = 5 * time.Second
	serverTimeout      = 2 * time.Second
	networkTime        = 500 * time.Millisecond
	maxReconnectDelay  = time.Hour
	maxBackoff         = 30 * time.Second
	linkTick           = 50 * time.Millisecond
	defaultInterval    = 10 * time.Second
	defaultMaxPingsOut = 3
)

var (
	maxBody    = map[byte]uint32{typePing: 1 << 10, typePong: 1 << 16, typeWatch: 1 << 12, typeStatus: 1 << 16, typeHello: 1 << 12, typeGoaway: 1 << 12, typeError: 1 << 12}
	knownFlags = map[byte]byte{typePing: 3, typePong: 6, typeWatch: 3, typeStatus: 4, typeError: 1}
	errorNames = []string{"unknown", "protocol", "version", "too-large", "unknown-type", "bad-body", "unauthenticated", "forbidden",
		"too-many-pings", "idle", "slow-peer", "too-many-connections", "internal", "stale-peer"}
)

// Status is the status of a responder, or of the selection of a PING.
type Status byte

// The statuses. A received status that is not listed here is Unknown.
const (
	Unknown Status = iota
	Pass
	Warn
	Fail
	Draining
	Starting
	NotFound
)

func (s Status) String() string {
	return [...]string{"unknown", "pass", "warn", "fail", "draining", "starting", "not-found"}[s]
}

// Healthy reports whether the status is Pass or Warn.
func (s Status) Healthy() bool { return s == Pass || s == Warn }

func statusOf(code byte) Status {
	if code > byte(NotFound) {
		return Unknown
	}
	return Status(code)
}

// Scope is the scope of a PING or a watch.
type Scope byte

// The scopes.
const (
	Readiness Scope = iota
	Liveness
	Startup
)

// ErrTimeout is returned if there is no answer in time. The connection stays open.
var ErrTimeout = errors.New("timeout")

// ErrClosed is returned if the connection has ended or could not be opened.
var ErrClosed = errors.New("closed")

// ProtocolError is returned if the server sent invalid data. Code and ID are those of the ERROR that describes the fault.
type ProtocolError struct {
	Code byte
	ID   [8]byte
	What string
}

func (e *ProtocolError) Error() string { return "invalid data from the server: " + e.What }

// Refused is an ERROR from the server.
type Refused struct {
	Code byte
	// Name of the code, such as "too-many-pings", or "unknown".
	Name string
	// Message from the server, escaped and truncated.
	Message string
	// RetryAfter is 0 if the server did not send it.
	RetryAfter time.Duration
}

func (e *Refused) Error() string {
	return strings.TrimSuffix(fmt.Sprintf("ERROR %d %s: %s", e.Code, e.Name, e.Message), ": ")
}

func refusedOf(f Frame) *Refused {
	refused := &Refused{Code: f.Code, Name: errorNames[0], RetryAfter: duration(f.Body, "retryAfterMs")}
	if int(f.Code) < len(errorNames) {
		refused.Name = errorNames[f.Code]
	}
	message, _ := f.Body["message"].(string)
	if refused.Message = strings.Trim(strconv.QuoteToASCII(message), `"`); len(refused.Message) > 200 {
		refused.Message = refused.Message[:200]
	}
	return refused
}

// -- bodies and frames --------------------------------------------------------------------------------------------

// Frame is a received frame.
type Frame struct {
	Type, Flags, Code byte
	ID                [8]byte
	// Body contains the known keys, with numbers as float64. For a PONG or a STATUS, it is nil and Report contains the bytes.
	Body   map[string]any
	Report json.RawMessage
}

// Decoder decodes bytes to frames. It has no socket.
type Decoder struct {
	// HelloSent is whether HELLO was sent. Before that, the server may not send PING, HELLO or GOAWAY.
	HelloSent bool
	bytes     []byte
	skip      int
	helloSeen bool
}

// Unfinished reports whether a frame is incomplete.
func (d *Decoder) Unfinished() bool { return len(d.bytes) > 0 || d.skip > 0 }

// Feed returns the frames that data completes, and a *ProtocolError at the first byte of a fault.
func (d *Decoder) Feed(data []byte) (frames []Frame, err error) {
	d.bytes = append(d.bytes, data...)
	for {
		dropped := min(d.skip, len(d.bytes))
		d.skip -= dropped
		d.bytes = d.bytes[dropped:]
		if len(d.bytes) < 4 {
			return frames, nil
		}
		length := binary.BigEndian.Uint32(d.bytes)
		if length < 12 {
			return frames, &ProtocolError{Code: 1, What: "length"}
		} else if length > 65548 {
			return frames, &ProtocolError{Code: 3, What: "length"}
		} else if len(d.bytes) < 16 {
			return frames, nil
		}
		frame := Frame{Type: d.bytes[5], Flags: d.bytes[6], Code: d.bytes[7]}
		copy(frame.ID[:], d.bytes[8:16])
		if code := d.headerFault(length, d.bytes[4], frame); code != 0 {
			return frames, &ProtocolError{code, frame.ID, "header"}
		}
		size := int(length) + 4
		if frame.Type < firstSkipped {
			if len(d.bytes) < size {
				return frames, nil
			}
			if size > 16 && !frame.readBody(d.bytes[16:size]) {
				return frames, &ProtocolError{5, frame.ID, "body"}
			}
		}
		d.skip, d.helloSeen = size, d.helloSeen || frame.Type == typeHello
		frames = append(frames, frame)
	}
}

// headerFault returns the ERROR code for a header, in the order of SPEC "Order of validation", or 0 if the header is valid.
func (d *Decoder) headerFault(length uint32, version byte, f Frame) byte {
	limit, isKnown := maxBody[f.Type]
	needsHello := f.Type == typePing || f.Type == typeHello || f.Type == typeGoaway
	switch {
	case version != 1:
		return 2
	case f.Type >= firstSkipped:
		return 0
	case !isKnown:
		return 4
	case length-12 > limit:
		return 3
	case f.Flags&criticalFlags&^knownFlags[f.Type] != 0, f.Type == typePing && f.Code > byte(Startup), f.Type == typeWatch,
		needsHello && !d.HelloSent, f.Type == typeHello && d.helloSeen:
		return 1
	}
	return 0
}

// readBody returns whether the body is valid. An ERROR with an invalid body is treated as one without a body.
func (f *Frame) readBody(octets []byte) bool {
	body, ok := parse(octets)
	switch f.Type {
	case typePong, typeStatus:
		f.Report = append(json.RawMessage{}, octets...)
		return ok
	case typePing:
		f.Body, ok = known(body, ok, map[string]check{"checks": isNames, "group": isText, "maxAgeMs": isMs, "timeoutMs": isMs})
		return ok && (f.Body["checks"] == nil || f.Body["group"] == nil)
	case typeHello:
		f.Body, ok = known(body, ok, map[string]check{"name": isText, "token": isText, "heartbeat": isHeartbeat, "instance": isText, "idleTimeoutMs": isMs})
		if _, isThere := f.Body["heartbeat"]; ok && !isThere {
			f.Body["heartbeat"], _ = isHeartbeat(map[string]any{})
		}
		return ok
	case typeGoaway:
		f.Body, ok = known(body, ok, map[string]check{"graceMs": isMs, "reconnectAfterMs": isMs})
		return ok
	}
	if f.Body, ok = known(body, ok, map[string]check{"message": isText, "retryAfterMs": isMs}); !ok {
		f.Body = nil
	}
	return true
}

// parse returns the object, with numbers as json.Number (M7, M82, M83).
func parse(octets []byte) (body map[string]any, ok bool) {
	if !utf8.Valid(octets) || !json.Valid(octets) || !isSound(octets) {
		return nil, false
	}
	decoder := json.NewDecoder(bytes.NewReader(octets))
	decoder.UseNumber()
	err := decoder.Decode(&body)
	return body, err == nil && body != nil
}

// isSound returns whether valid JSON has at most 32 levels and no lone surrogates.
func isSound(octets []byte) bool {
	isString, depth := false, 0
	for i := 0; i < len(octets); i++ {
		switch c := octets[i]; {
		case c == '"':
			isString = !isString
		case isString && c == '\\':
			unit := escaped(octets[i:])
			if unit < 0 {
				i++ // the escaped character
			} else if unit >= 0xd800 && unit <= 0xdfff {
				if low := escaped(octets[i+6:]); unit >= 0xdc00 || low < 0xdc00 || low > 0xdfff {
					return false
				}
				i += 11
			}
		case !isString && (c == '[' || c == '{'):
			if depth++; depth > maxDepth {
				return false
			}
		case !isString && (c == ']' || c == '}'):
			depth--
		}
	}
	return true
}

// escaped returns the value of an escape \uXXXX at the start, or -1.
func escaped(octets []byte) int {
	unit := make([]byte, 2)
	if len(octets) < 6 || octets[0] != '\\' || octets[1] != 'u' {
		return -1
	}
	if _, err := hex.Decode(unit, octets[2:6]); err != nil {
		return -1
	}
	return int(binary.BigEndian.Uint16(unit))
}

// check validates a value and returns it, with a number as float64.
type check func(value any) (any, bool)

func known(body map[string]any, ok bool, shape map[string]check) (map[string]any, bool) {
	result := map[string]any{}
	for key, check := range shape {
		if value, isThere := body[key]; isThere && ok {
			result[key], ok = check(value)
		}
	}
	return result, ok
}

func isInteger(least, most float64) check {
	return func(value any) (any, bool) {
		text, ok := value.(json.Number)
		number, _ := strconv.ParseFloat(string(text), 64) // ±Inf if it is out of range
		return number, ok && number >= least && number <= most && number == math.Trunc(number)
	}
}

var isMs = isInteger(0, maxMs)

func isText(value any) (any, bool) {
	_, ok := value.(string)
	return value, ok
}

func isNames(value any) (any, bool) {
	list, ok := value.([]any)
	for _, name := range list {
		_, isString := name.(string)
		ok = ok && isString
	}
	return value, ok && len(list) >= 1 && len(list) <= 32
}

func isHeartbeat(value any) (any, bool) {
	object, ok := value.(map[string]any)
	beat, ok := known(object, ok, map[string]check{"canSendMs": isMs, "wantMs": isMs, "mult": isInteger(1, 255)})
	for key, standard := range map[string]any{"canSendMs": 0.0, "wantMs": 0.0, "mult": 3.0} {
		if _, isThere := beat[key]; !isThere {
			beat[key] = standard
		}
	}
	return beat, ok
}

// duration converts the value of a key in milliseconds. It returns 0 if the key is absent.
func duration(body map[string]any, key string) time.Duration {
	ms, _ := body[key].(float64)
	return time.Duration(ms) * time.Millisecond
}

// -- requests -----------------------------------------------------------------------------------------------------

// Option is an option of a PING or a watch.
type Option func(*question)

type question struct {
	flags, watchFlags byte
	scope             Scope
	timeout           *time.Duration
	body              map[string]any
}

// InScope selects a scope. The default is Readiness.
func InScope(scope Scope) Option { return func(q *question) { q.scope = scope } }

// Checks selects checks by name, 1 to 32. Excludes Group.
func Checks(names ...string) Option { return func(q *question) { q.body["checks"] = names } }

// Group selects a group of checks.
func Group(name string) Option { return func(q *question) { q.body["group"] = name } }

// MaxAge sets the maximum age of the results; 0 runs the checks now. PING only.
func MaxAge(age time.Duration) Option { return func(q *question) { q.body["maxAgeMs"] = wireMs(age) } }

// Timeout sets the server deadline, after which the server returns the last known status. The default is 2 s. PING only.
func Timeout(timeout time.Duration) Option {
	return func(q *question) { q.timeout, q.body["timeoutMs"] = &timeout, wireMs(timeout) }
}

// Detail requests the report.
func Detail() Option {
	return func(q *question) { q.flags, q.watchFlags = q.flags|flagDetail, q.watchFlags|flagWatchDetail }
}

// Last makes the server close the connection after the PONG. PING only.
func Last() Option { return func(q *question) { q.flags |= flagClose } }

func questionOf(options []Option) *question {
	q := &question{body: map[string]any{}}
	for _, option := range options {
		option(q)
	}
	return q
}

func wireMs(d time.Duration) int64 {
	return int64(math.Min(math.Max(0, math.Round(float64(d)/float64(time.Millisecond))), maxMs))
}

// Pong is the answer to a PING, or a status of a watch.
type Pong struct {
	Status Status
	// Stale is whether the server deadline has passed, so that this is the last known status.
	Stale bool
	// Report is the JSON of the report, if it was requested and is permitted.
	Report json.RawMessage
	// RTT is the time since the PING was sent; 0 for a watch.
	RTT time.Duration
}

// Cause is a cause of a status other than Pass, from the report.
type Cause struct{ Check, State, Reason, Output string }

// Causes returns the causes in the report; none without a report.
func (p Pong) Causes() []Cause {
	var report struct{ Causes []Cause }
	_ = json.Unmarshal(p.Report, &report)
	return report.Causes
}

func pongOf(f Frame, rtt time.Duration) Pong {
	return Pong{statusOf(f.Code), f.Flags&flagStale != 0, f.Report, rtt}
}

// -- one connection -----------------------------------------------------------------------------------------------

// Options are the options of a connection.
type Options struct {
	// Token and Name are sent in a HELLO immediately, if one of them is given.
	Token, Name string
	// TLS is the configuration for pongs://. The default uses the CAs of the system and the host of the address.
	TLS *tls.Config
}

// Client is one connection.
type Client struct {
	// Address is the address as given.
	Address string
	conn    net.Conn
	done    chan struct{}
	writing sync.Mutex
	beat    *heartbeat

	mu             sync.Mutex
	decoder        Decoder
	lastID         uint64
	pending        map[[8]byte]*request
	watches        map[[8]byte]*Watch
	err            error
	server, goaway map[string]any
	received, sent time.Time
}

type request struct {
	answeredBy byte
	begun      time.Time
	isBeat     bool
	settle     func(Frame, error)
}

// Dial connects within 5 s, unless the context ends first. The errors are ErrTimeout, ErrClosed, or that of an invalid address.
func Dial(ctx context.Context, address string, options Options) (*Client, error) {
	return dial(ctx, address, options, nil)
}

func dial(ctx context.Context, address string, options Options, beat *heartbeat) (*Client, error) {
	ctx, cancel := context.WithTimeout(ctx, connectTimeout)
	defer cancel()
	conn, err := open(ctx, address, options.TLS)
	if err != nil {
		return nil, err
	}
	now := time.Now()
	c := &Client{Address: address, conn: conn, done: make(chan struct{}), beat: beat, received: now, sent: now,
		pending: map[[8]byte]*request{}, watches: map[[8]byte]*Watch{}}
	if options.Token != "" || options.Name != "" || beat != nil {
		c.sendHello(options, func(Frame, error) {})
	}
	if beat != nil {
		beat.start(c, now)
	}
	go c.readLoop()
	return c, nil
}

var addressPattern = regexp.MustCompile(`^(?:(pongs?)://)?(?:\[([0-9a-fA-F:.]+)\]|([\w.-]+))(?::(\d{1,5}))?$`)

func open(ctx context.Context, address string, config *tls.Config) (net.Conn, error) {
	network, target, isTLS, host := "tcp", "", false, ""
	if path := strings.TrimPrefix(address, "pong+unix:"); path != address {
		network, target = "unix", strings.TrimPrefix(path, "//")
	} else if m := addressPattern.FindStringSubmatch(address); m != nil {
		host, isTLS = m[2]+m[3], m[1] == "pongs"
		if m[4] == "" {
			m[4] = "7464"
		}
		target = net.JoinHostPort(host, m[4])
	} else {
		return nil, fmt.Errorf("invalid address %q; allowed: HOST:PORT, pong://, pongs:// and pong+unix:/PATH", address)
	}
	conn, err := (&net.Dialer{}).DialContext(ctx, network, target)
	if err == nil && isTLS {
		if config == nil {
			config = &tls.Config{}
		}
		config = config.Clone()
		config.NextProtos = []string{"pongcheck/1"}
		config.MinVersion = max(config.MinVersion, tls.VersionTLS12)
		if config.ServerName == "" {
			config.ServerName = host
		}
		secure := tls.Client(conn, config)
		if err = secure.HandshakeContext(ctx); err != nil {
			conn.Close()
		}
		conn = secure
	}
	if err != nil && (ctx.Err() != nil || errors.Is(err, os.ErrDeadlineExceeded)) {
		return nil, fmt.Errorf("%w: %s did not accept the connection in time", ErrTimeout, address)
	} else if err != nil {
		return nil, fmt.Errorf("%w: %s: %v", ErrClosed, address, err)
	}
	return conn, nil
}

// Ping sends a PING and waits for its PONG until the deadline of the context, or without one for the Timeout (2 s) plus 500 ms.
func (c *Client) Ping(ctx context.Context, options ...Option) (Pong, error) {
	call, err := c.Start(options...)
	if err != nil {
		return Pong{}, err
	}
	return call.Pong(ctx)
}

// Call is a PING that was sent.
type Call struct {
	client  *Client
	id      [8]byte
	begun   time.Time
	wait    time.Duration
	answers chan answer
}

type answer struct {
	frame Frame
	rtt   time.Duration
	err   error
}

// Start sends a PING. Several may be outstanding.
func (c *Client) Start(options ...Option) (*Call, error) {
	q := questionOf(options)
	wait := serverTimeout + networkTime
	if q.timeout != nil {
		wait = *q.timeout + networkTime
	}
	return c.call(wait, typePing, typePong, q.flags, byte(q.scope), q.body)
}

// Pong waits like Ping.
func (call *Call) Pong(ctx context.Context) (Pong, error) {
	a := call.await(ctx)
	if a.err != nil {
		return Pong{}, a.err
	}
	return pongOf(a.frame, a.rtt), nil
}

func (c *Client) call(wait time.Duration, kind, answeredBy, flags, code byte, body map[string]any) (*Call, error) {
	call := &Call{client: c, begun: time.Now(), wait: wait, answers: make(chan answer, 1)}
	var err error
	call.id, err = c.send(kind, flags, code, body, &request{answeredBy: answeredBy, settle: func(f Frame, err error) {
		call.answers <- answer{f, time.Since(call.begun), err}
	}})
	return call, err
}

func (call *Call) await(ctx context.Context) answer {
	if _, isSet := ctx.Deadline(); !isSet {
		limited, cancel := context.WithDeadline(ctx, call.begun.Add(call.wait))
		defer cancel()
		ctx = limited
	}
	select {
	case a := <-call.answers:
		return a
	case <-ctx.Done():
		call.client.mu.Lock()
		delete(call.client.pending, call.id)
		call.client.mu.Unlock()
		if errors.Is(ctx.Err(), context.DeadlineExceeded) {
			return answer{err: fmt.Errorf("%w: %s did not answer in time", ErrTimeout, call.client.Address)}
		}
		return answer{err: ctx.Err()}
	}
}

// Hello sends HELLO, once per connection. Dial has already sent it if there is a token or a name. It returns the body of the server's
// HELLO.
func (c *Client) Hello(ctx context.Context) (map[string]any, error) {
	c.mu.Lock()
	c.decoder.HelloSent = true
	c.mu.Unlock()
	call, err := c.call(serverTimeout+networkTime, typeHello, typeHello, 0, 0, nil)
	if err != nil {
		return nil, err
	}
	a := call.await(ctx)
	return a.frame.Body, a.err
}

func (c *Client) sendHello(options Options, settle func(Frame, error)) {
	body := map[string]any{}
	if options.Token != "" {
		body["token"] = options.Token
	}
	if options.Name != "" {
		body["name"] = options.Name
	}
	if c.beat != nil {
		body["heartbeat"] = map[string]any{"canSendMs": wireMs(c.beat.interval), "wantMs": 0}
	}
	c.mu.Lock()
	c.decoder.HelloSent = true
	c.mu.Unlock()
	c.send(typeHello, 0, 0, body, &request{answeredBy: typeHello, settle: settle})
}

// Watch is a watch of a status.
type Watch struct {
	client  *Client
	id      [8]byte
	latest  chan Pong
	mu      sync.Mutex
	isEnded bool
	err     error
}

// Watch requests the status and each change. Updates delivers them.
func (c *Client) Watch(options ...Option) *Watch {
	q := questionOf(options)
	if q.scope != Readiness {
		q.body["scope"] = q.scope
	}
	w := &Watch{client: c, latest: make(chan Pong, 64)}
	c.mu.Lock()
	w.id = c.nextID()
	c.watches[w.id] = w
	err := c.err
	c.mu.Unlock()
	if err == nil {
		err = c.write(typeWatch, q.watchFlags, 0, w.id, q.body)
	}
	if err != nil {
		w.end(err)
	}
	return w
}

// Updates delivers the current status and each change. If they are not read, the oldest ones are dropped. The channel is closed at the
// end of the watch, and Err returns the reason.
func (w *Watch) Updates() <-chan Pong { return w.latest }

// Err returns why the watch has ended; nil after Cancel.
func (w *Watch) Err() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.err
}

// Cancel ends the watch.
func (w *Watch) Cancel() {
	w.client.mu.Lock()
	_, isThere := w.client.watches[w.id]
	delete(w.client.watches, w.id)
	w.client.mu.Unlock()
	if isThere {
		_ = w.client.write(typeWatch, flagCancel, 0, w.id, nil)
		w.end(nil)
	}
}

func (w *Watch) push(pong Pong) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for !w.isEnded {
		select {
		case w.latest <- pong:
			return
		default:
		}
		select {
		case <-w.latest:
		default:
		}
	}
}

func (w *Watch) end(err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !w.isEnded {
		w.isEnded, w.err = true, err
		close(w.latest)
	}
}

// Err returns why the connection has ended; nil while it is open.
func (c *Client) Err() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.err
}

// Done returns a channel that is closed when the connection has ended.
func (c *Client) Done() <-chan struct{} { return c.done }

// Close sends FIN, reads until the server's FIN for at most 1 s, and closes. Earlier requests are still answered.
func (c *Client) Close() error {
	if half, ok := c.conn.(interface{ CloseWrite() error }); ok && half.CloseWrite() == nil {
		select {
		case <-c.done:
		case <-time.After(time.Second):
		}
	}
	c.end(fmt.Errorf("%w by this program", ErrClosed))
	return nil
}

// send registers a request and writes its frame.
func (c *Client) send(kind, flags, code byte, body map[string]any, r *request) (id [8]byte, err error) {
	c.mu.Lock()
	id, err, r.begun = c.nextID(), c.err, time.Now()
	if err == nil {
		c.pending[id] = r
	}
	c.mu.Unlock()
	if err == nil {
		err = c.write(kind, flags, code, id, body)
	}
	return id, err
}

func (c *Client) nextID() (id [8]byte) {
	c.lastID++
	binary.BigEndian.PutUint64(id[:], c.lastID)
	return id
}

// write fails for a body that is too large. A lost connection is detected by the reader, after it has read what arrived before.
func (c *Client) write(kind, flags, code byte, id [8]byte, body map[string]any) error {
	var octets []byte
	if len(body) > 0 {
		var err error
		if octets, err = json.Marshal(body); err != nil {
			return err
		}
	}
	if len(octets) > int(maxBody[kind]) {
		return fmt.Errorf("the request has %d bytes; allowed: %d", len(octets), maxBody[kind])
	}
	frame := make([]byte, 16, 16+len(octets))
	binary.BigEndian.PutUint32(frame, uint32(12+len(octets)))
	copy(frame[4:], []byte{1, kind, flags, code})
	copy(frame[8:], id[:])
	c.mu.Lock()
	c.sent = time.Now()
	c.mu.Unlock()
	c.writing.Lock()
	defer c.writing.Unlock()
	_ = c.conn.SetWriteDeadline(time.Now().Add(writeTimeout))
	if _, err := c.conn.Write(append(frame, octets...)); errors.Is(err, os.ErrDeadlineExceeded) {
		c.end(fmt.Errorf("%w: %s reads nothing", ErrClosed, c.Address))
	}
	return nil
}

func (c *Client) readLoop() {
	buffer := make([]byte, 4096)
	for c.Err() == nil {
		before := time.Now() // taken before the poll, so that silence until then is real (N9)
		if c.beat != nil {
			_ = c.conn.SetReadDeadline(before.Add(c.beat.tickEvery()))
		}
		n, err := c.conn.Read(buffer)
		if n > 0 {
			c.receive(buffer[:n])
		}
		if errors.Is(err, os.ErrDeadlineExceeded) {
			err = nil
		}
		if errors.Is(err, io.EOF) {
			c.end(fmt.Errorf("%w: %s has closed the connection", ErrClosed, c.Address))
		} else if err != nil {
			c.end(fmt.Errorf("%w: %s: %v", ErrClosed, c.Address, err))
		}
		if c.beat != nil && err == nil {
			c.beat.tick(before)
		}
	}
}

func (c *Client) receive(data []byte) {
	c.mu.Lock()
	c.received = time.Now()
	frames, err := c.decoder.Feed(data)
	c.mu.Unlock()
	for _, frame := range frames {
		if c.Err() != nil {
			return
		}
		c.handle(frame)
	}
	var fault *ProtocolError
	if errors.As(err, &fault) && c.Err() == nil {
		_ = c.write(typeError, flagFatal, fault.Code, fault.ID, nil)
		c.end(fault)
	}
}

func (c *Client) handle(f Frame) {
	switch f.Type {
	case typePing: // its body has no effect (M21)
		_ = c.write(typePong, 0, byte(Pass), f.ID, nil)
	case typeError:
		if f.Flags&flagFatal != 0 {
			c.end(refusedOf(f))
		} else {
			c.refuse(f)
		}
	case typeGoaway:
		c.mu.Lock()
		if c.goaway = f.Body; f.Body == nil {
			c.goaway = map[string]any{}
		}
		c.goaway["received"] = c.received // a different map each time
		c.mu.Unlock()
		c.beat.notify()
	case typeStatus:
		c.mu.Lock()
		w := c.watches[f.ID]
		c.mu.Unlock()
		if w != nil {
			w.push(pongOf(f, 0))
		}
	case typePong, typeHello:
		c.mu.Lock()
		if f.Type == typeHello {
			c.server = f.Body
		}
		r := c.pending[f.ID] // nil if it is late, and ignored (M24)
		if r != nil && r.answeredBy == f.Type {
			delete(c.pending, f.ID)
		} else {
			r = nil
		}
		c.mu.Unlock()
		if r != nil {
			r.settle(f, nil)
		}
	}
}

// refuse handles an ERROR. Without FATAL, it concerns one request.
func (c *Client) refuse(f Frame) {
	c.mu.Lock()
	r, w := c.pending[f.ID], c.watches[f.ID]
	delete(c.pending, f.ID)
	delete(c.watches, f.ID)
	c.mu.Unlock()
	if r != nil {
		r.settle(f, refusedOf(f))
	}
	if w != nil {
		w.end(refusedOf(f))
	}
}

// end fails all outstanding requests and closes the socket.
func (c *Client) end(err error) {
	c.mu.Lock()
	isFirst := c.err == nil
	if isFirst {
		c.err = err
	}
	pending, watches := c.pending, c.watches
	if isFirst {
		c.pending, c.watches = map[[8]byte]*request{}, map[[8]byte]*Watch{}
	}
	c.mu.Unlock()
	if !isFirst {
		return
	}
	if half, ok := c.conn.(interface{ CloseWrite() error }); ok {
		_ = half.CloseWrite() // sends FIN, because a close with unread data would send RST
	}
	c.conn.Close()
	for _, r := range pending {
		r.settle(Frame{}, err)
	}
	for _, w := range watches {
		w.end(err)
	}
	close(c.done)
	c.beat.notify()
}

// -- a persistent connection --------------------------------------------------------------------------------------

// heartbeat sends the PINGs of one connection and detects a dead server (M58, N8 to N10). The reader calls tick.
type heartbeat struct {
	interval     time.Duration
	limit        int
	options      []Option
	onChange     func()
	client       *Client
	out          int // number of PINGs since the last byte was received
	ticked, seen time.Time
	pinged       time.Time
	jitter       float64
	pong         *Pong // the last one; guarded by client.mu
	beats        int   // number of outstanding PINGs; guarded by client.mu
}

func (h *heartbeat) notify() {
	if h != nil {
		h.onChange()
	}
}

func (h *heartbeat) start(c *Client, now time.Time) {
	h.client, h.ticked, h.seen = c, now, now
	h.ping()
}

func (h *heartbeat) tickEvery() time.Duration {
	return max(5*time.Millisecond, min(h.interval/20, 250*time.Millisecond))
}

func (h *heartbeat) ping() {
	h.pinged, h.jitter = time.Now(), 0.75+rand.Float64()/4
	q, begun := questionOf(h.options), h.pinged
	_, _ = h.client.send(typePing, q.flags, byte(q.scope), q.body, &request{answeredBy: typePong, isBeat: true, settle: func(f Frame, err error) {
		if err == nil {
			pong := pongOf(f, time.Since(begun))
			h.client.mu.Lock()
			h.pong = &pong
			h.client.mu.Unlock()
			h.onChange()
		}
	}})
}

// tick is called after a read that began at now.
func (h *heartbeat) tick(now time.Time) {
	c, silence := h.client, time.Duration(h.limit+1)*h.interval
	c.mu.Lock()
	if now.Sub(h.ticked) > min(5*time.Second, silence/2) { // this process was stalled, which proves nothing about the server
		c.received, c.sent = now, now
	}
	if c.received.After(h.seen) {
		h.seen, h.out = c.received, 0
	}
	if idle := duration(c.server, "idleTimeoutMs"); idle > 0 && h.interval > idle*10/22 {
		h.interval = idle * 10 / 22
	}
	received, since := c.received, c.received
	if h.out > 0 {
		since = h.pinged
	} else if c.sent.Before(since) {
		since = c.sent
	}
	for id, r := range c.pending { // those that will not be answered
		if r.isBeat && now.Sub(r.begun) > 16*h.interval {
			delete(c.pending, id)
		}
	}
	c.mu.Unlock()
	h.ticked = now
	if h.out < h.limit && now.Sub(since) >= time.Duration(float64(h.interval)*h.jitter) {
		h.out++
		h.ping()
	} else if h.out == h.limit && now.Sub(received) >= silence {
		_ = c.write(typeError, flagFatal, errStalePeer, [8]byte{}, nil)
		c.end(fmt.Errorf("%w: %s did not answer %d PINGs", ErrClosed, c.Address, h.out))
	}
}

// State is the state of a Link.
type State string

// The states. In LinkDraining send no new work.
const (
	LinkConnecting State = "connecting"
	LinkUp         State = "up"
	LinkDraining   State = "draining"
	LinkDown       State = "down"
	LinkClosed     State = "closed"
)

// Change is a change of the state or the status of a Link.
type Change struct {
	State   State
	Status  Status
	Address string
	Why     string
}

// LinkOptions are the options of OpenLink.
type LinkOptions struct {
	Options
	// Interval is the PING interval; default 10 s. The server is dead one interval after MaxPingsOut (3) unanswered PINGs.
	Interval    time.Duration
	MaxPingsOut int
	// Ping contains the options of the PINGs, such as InScope and Detail.
	Ping []Option
	// Watch, if not nil, starts a watch with these options on each connection, to receive changes as they happen.
	Watch []Option
	// OnChange is called on each change of the state or the status, from one goroutine. It must not block.
	OnChange func(Change)
	// Logf receives log lines.
	Logf func(format string, arguments ...any)
}

// Link maintains a connection to one of its addresses: HELLO, PINGs, detection of a dead server, GOAWAY, reconnects with random delays.
type Link struct {
	addresses []string
	options   LinkOptions
	wake      chan struct{}
	dialed    chan attempt
	cancel    context.CancelFunc
	ended     chan struct{}

	// Used only by the goroutine of the link.
	notBefore       []time.Time // time from which GOAWAY allows a new connection
	index, failures int
	tryAt, stableAt time.Time
	isDialing       bool
	next            *attempt
	hasWarned       bool
	mu              sync.Mutex
	current         *attempt
	state           State
	status          Status
	pong            Pong
	hasStatus       bool
}

type attempt struct {
	client *Client
	index  int
	beat   *heartbeat
	watch  *Watch
	err    error
	until  time.Time
	goaway map[string]any // the one that was handled
}

// OpenLink returns immediately. Close ends the link.
func OpenLink(addresses []string, options LinkOptions) *Link {
	if options.Interval == 0 {
		options.Interval = defaultInterval
	}
	if options.MaxPingsOut == 0 {
		options.MaxPingsOut = defaultMaxPingsOut
	}
	ctx, cancel := context.WithCancel(context.Background())
	l := &Link{addresses: addresses, options: options, wake: make(chan struct{}, 1), dialed: make(chan attempt, 1), cancel: cancel,
		ended: make(chan struct{}), notBefore: make([]time.Time, len(addresses)), state: LinkConnecting}
	go l.run(ctx)
	return l
}

// Healthy reports whether to send work: the state is up, and the status is Pass or Warn.
func (l *Link) Healthy() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.state == LinkUp && l.status.Healthy()
}

// State returns the state of the link, and the last Pong of the connection.
func (l *Link) State() (State, Pong) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.state, l.pong
}

// Client returns the current connection; nil if there is none.
func (l *Link) Client() *Client {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.current == nil {
		return nil
	}
	return l.current.client
}

// Close ends the link and its connections.
func (l *Link) Close() {
	l.cancel()
	<-l.ended
}

func (l *Link) run(ctx context.Context) {
	defer close(l.ended)
	ticker := time.NewTicker(linkTick)
	defer ticker.Stop()
	for {
		now := time.Now()
		if l.next != nil {
			l.checkNext(now)
		}
		if l.current != nil {
			l.checkCurrent(now)
		}
		if l.next == nil && !l.isDialing && !now.Before(l.tryAt) && (l.current == nil || l.state == LinkDraining) {
			l.connect(ctx, now)
		}
		select {
		case <-l.wake:
		case <-ticker.C:
		case a := <-l.dialed:
			if l.isDialing = false; a.err != nil {
				l.failed(a.index, a.err.Error())
			} else if l.current != nil && l.state != LinkDraining {
				go a.client.Close() // it is no longer needed
			} else {
				l.next = &a
			}
		case <-ctx.Done():
			l.change(LinkClosed, "closed by this program", false)
			for _, a := range []*attempt{l.current, l.next} {
				if a != nil {
					a.client.Close()
				}
			}
			return
		}
	}
}

// connect connects to the next allowed address. While a connection is open, its own address is allowed only after a GOAWAY.
func (l *Link) connect(ctx context.Context, now time.Time) {
	for n := range l.addresses {
		index := (l.index + n) % len(l.addresses)
		isOwn := l.current != nil && l.current.index == index && l.current.goaway == nil
		if now.Before(l.notBefore[index]) || isOwn {
			continue
		}
		l.isDialing = true
		go func() {
			a := attempt{index: index, until: time.Now().Add(connectTimeout)}
			a.beat = &heartbeat{interval: l.options.Interval, limit: l.options.MaxPingsOut, options: l.options.Ping, onChange: l.notify}
			if a.client, a.err = dial(ctx, l.addresses[index], l.options.Options, a.beat); a.err == nil && l.options.Watch != nil {
				a.watch = a.client.Watch(l.options.Watch...)
			}
			select {
			case l.dialed <- a:
			case <-ctx.Done():
				if a.client != nil {
					a.client.Close()
				}
			}
		}()
		return
	}
}

func (l *Link) notify() {
	select {
	case l.wake <- struct{}{}:
	default:
	}
}

// failed schedules attempts to the other addresses immediately, then to all again after a random part of a delay that doubles.
func (l *Link) failed(index int, why string) {
	l.next, l.index = nil, (index+1)%len(l.addresses)
	l.failures++
	l.tryAt = time.Now()
	if l.failures%len(l.addresses) == 0 {
		l.tryAt = l.tryAt.Add(backoff(l.failures / len(l.addresses)))
	}
	if l.current == nil {
		l.change(LinkDown, why, false)
	}
}

func (l *Link) checkNext(now time.Time) {
	next := l.next
	next.client.mu.Lock()
	pong, err := next.beat.pong, next.client.err
	next.client.mu.Unlock()
	switch {
	case err == nil && pong == nil && now.After(next.until):
		err = fmt.Errorf("%w: %s did not answer in time", ErrTimeout, next.client.Address)
		next.client.end(err)
		fallthrough
	case err != nil:
		l.failed(next.index, err.Error())
	case pong != nil && pong.Status == Draining && l.current != nil: // it reached the server that is shutting down
		go next.client.Close()
		l.failed(next.index, "draining")
		l.tryAt = now.Add(backoff(l.failures))
	case pong != nil:
		if l.current != nil {
			go l.current.leave()
		}
		l.mu.Lock()
		l.current, l.state, l.hasStatus = next, LinkConnecting, false // so that the change is reported
		l.mu.Unlock()
		l.next, l.index, l.stableAt = nil, next.index, now.Add(stableAfter)
	}
}

// leave closes the connection when outstanding requests are answered, but no later than after the grace.
func (a *attempt) leave() {
	grace := 5 * time.Second
	if a.goaway["graceMs"] != nil {
		grace = duration(a.goaway, "graceMs")
	}
	for until := time.Now().Add(grace); a.client.isWaiting() && time.Now().Before(until); {
		time.Sleep(linkTick)
	}
	a.client.Close()
}

func (c *Client) isWaiting() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, r := range c.pending {
		if !r.isBeat {
			return true
		}
	}
	return false
}

func (l *Link) checkCurrent(now time.Time) {
	current := l.current
	c := current.client
	c.mu.Lock()
	pong, err, goaway, interval := current.beat.pong, c.err, c.goaway, current.beat.interval
	current.beat.pong = nil
	c.mu.Unlock()
	if pong != nil {
		l.observe(*pong)
	}
	l.drain(current.watch)
	if interval < l.options.Interval && !l.hasWarned && l.options.Logf != nil {
		l.hasWarned = true
		l.options.Logf("pongcheck: the interval is reduced to %v for the idle timeout of the server", interval)
	}
	if goaway != nil && (current.goaway == nil || goaway["received"] != current.goaway["received"]) { // the last one applies
		l.failures++
		current.goaway = goaway
		delay := min(duration(goaway, "reconnectAfterMs"), maxReconnectDelay)
		l.notBefore[current.index] = now.Add(delay + backoff(l.failures))
		l.index, l.tryAt = (current.index+1)%len(l.addresses), now
	}
	if goaway != nil {
		l.change(LinkDraining, "GOAWAY", false)
	} else if l.status == Draining {
		l.change(LinkDraining, "status draining", false)
	} else {
		if l.state == LinkDraining && l.next != nil {
			go l.next.client.Close()
			l.next = nil
		}
		l.change(LinkUp, "status "+l.status.String(), false)
		if now.After(l.stableAt) {
			l.failures = 0
		}
	}
	if err != nil {
		l.mu.Lock()
		l.current, l.status, l.hasStatus, l.pong = nil, Unknown, false, Pong{}
		l.mu.Unlock()
		if l.next != nil || l.isDialing {
			l.change(LinkDown, err.Error(), false)
		} else {
			l.failed(current.index, err.Error())
		}
	}
}

func (l *Link) drain(watch *Watch) {
	for watch != nil {
		select {
		case pong, isOpen := <-watch.Updates():
			if !isOpen {
				return
			}
			l.observe(pong)
		default:
			return
		}
	}
}

func (l *Link) observe(pong Pong) {
	l.mu.Lock()
	isNew := !l.hasStatus || l.status != pong.Status
	l.status, l.pong, l.hasStatus = pong.Status, pong, true
	state := l.state
	l.mu.Unlock()
	if isNew && (state == LinkUp || state == LinkDraining) {
		l.change(state, "status "+pong.Status.String(), true)
	}
}

func (l *Link) change(state State, why string, isStatus bool) {
	l.mu.Lock()
	isNew := l.state != state || isStatus
	l.state = state
	change := Change{State: state, Status: l.status, Address: l.addresses[l.index], Why: why}
	if l.current != nil {
		change.Address = l.current.client.Address
	}
	l.mu.Unlock()
	if isNew && l.options.OnChange != nil {
		l.options.OnChange(change)
	}
}

func backoff(rounds int) time.Duration {
	most := maxBackoff
	if rounds < 10 {
		most = min(most, 100*time.Millisecond<<(rounds-1))
	}
	return time.Duration(rand.Float64() * float64(most))
}

func min[T int | time.Duration](a, b T) T {
	if a < b {
		return a
	}
	return b
}

func max[T uint16 | time.Duration](a, b T) T {
	if a > b {
		return a
	}
	return b
}
