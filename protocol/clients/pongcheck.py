"""A client for version 1 of the pongcheck protocol, in one file. Requires Python 3.9 or newer and only its standard library.

One PING, and a watch:

    with Client("127.0.0.1:7464") as client:
        pong = client.ping(checks=["db"], timeout=0.3, detail=True)
        print(pong.status, pong.healthy, pong.report)
        for update in client.watch():
            print(update.status)

A persistent connection with heartbeats and reconnects, in a separate thread (any thread may read `link.healthy`):

    link = Link(["pongs://a.example", "pongs://b.example"], token="...", ca="ca.pem")
    threading.Thread(target=link.run, daemon=True).start()

Addresses: HOST, HOST:PORT, pong://HOST:PORT, pongs://HOST:PORT (TLS), pong+unix:/PATH. IPv6 addresses must be in brackets. Times
are in seconds. Use each Client and Link in one thread only. Errors: Refused (with `name` and `code` of the ERROR), ProtocolError,
Timeout, Closed. All are subclasses of PongcheckError.
"""
import json, logging, random, re, selectors, socket, ssl, struct, time
from collections import deque, namedtuple

PING, PONG, WATCH, STATUS, HELLO, GOAWAY, ERROR = 1, 2, 3, 4, 5, 6, 0x7F
SCOPES = ["readiness", "liveness", "startup"]
STATUSES = ["unknown", "pass", "warn", "fail", "draining", "starting", "not-found"]
ERRORS = dict(enumerate(["protocol", "version", "too-large", "unknown-type", "bad-body", "unauthenticated", "forbidden", "too-many-pings",
                         "idle", "slow-peer", "too-many-connections", "internal", "stale-peer"], 1))
MAX_BODY = {PING: 1024, PONG: 65536, WATCH: 4096, STATUS: 65536, HELLO: 4096, GOAWAY: 4096, ERROR: 4096}
KNOWN_FLAGS = {PING: 3, PONG: 6, WATCH: 3, STATUS: 4, HELLO: 0, GOAWAY: 0, ERROR: 1}
DETAIL, CLOSE, STALE, FATAL, CANCEL, WATCH_DETAIL = 1, 2, 2, 1, 1, 2
CONNECT_TIMEOUT, STABLE, ONE_HOUR = 5.0, 5.0, 3600.0
MAX_OUTPUT = 1 << 18  # maximum number of unsent bytes for a server that does not read

class PongcheckError(Exception):
    name = "error"

class Timeout(PongcheckError, TimeoutError):
    """There was no answer in time. The connection stays open."""
    name = "timeout"

class Closed(PongcheckError, ConnectionError):
    """The connection has ended or could not be opened."""
    name = "closed"

class ProtocolError(PongcheckError):
    """The server sent invalid data. `code` and `id` are those of the ERROR that describes the fault."""
    name = "protocol"
    def __init__(self, code, frame_id, what):
        super().__init__(f"invalid data from the server: {what} ({ERRORS[code]})")
        self.code, self.id = code, frame_id

class Refused(PongcheckError):
    """The server sent an ERROR. `name` is one of ERRORS or "unknown". `retry_after` is in seconds, or None."""
    def __init__(self, code, body):
        self.code, self.name, self.message = code, ERRORS.get(code, "unknown"), ascii(body.get("message", ""))[1:-1][:200]
        self.retry_after = body["retryAfterMs"] / 1000 if "retryAfterMs" in body else None
        super().__init__(f"ERROR {code} {self.name}" + (f": {self.message}" if self.message else ""))

# -- bodies and frames ---------------------------------------------------------------------------------------------

def must(is_so):
    if not is_so:
        raise ValueError

def integer(least, most):  # 1.0 is 1; true is no number
    return lambda value: must(type(value) in (int, float) and least <= value <= most and value == int(value))

def text(value):
    must(isinstance(value, str))

def names(value):
    must(isinstance(value, list) and 1 <= len(value) <= 32)
    for name in value:
        text(name)

MS = integer(0, 2**31 - 1)
BEAT = {"canSendMs": MS, "wantMs": MS, "mult": integer(1, 255)}
SHAPES = {
    PING: {"checks": names, "group": text, "maxAgeMs": MS, "timeoutMs": MS},
    HELLO: {"name": text, "token": text, "heartbeat": lambda value: known(value, BEAT), "instance": text, "idleTimeoutMs": MS},
    GOAWAY: {"graceMs": MS, "reconnectAfterMs": MS},
    ERROR: {"message": text, "retryAfterMs": MS},
}
STRING, HALF = re.compile(r'"(?:[^"\\]|\\.)*"'), re.compile(r"\\\\|\\ud[89ab]..\\ud[c-f]..|(\\ud[89a-f])", re.I)

def known(value, shape):
    """Returns the known keys with validated values. Unknown keys are dropped."""
    must(isinstance(value, dict))
    for key in shape.keys() & value.keys():
        shape[key](value[key])
    return {key: value[key] for key in shape if key in value}

def parse(octets):  # parse_constant refuses NaN and Infinity
    string = octets.decode("utf-8")
    value = json.loads(string, parse_constant=int, parse_int=lambda digits: int(digits) if len(digits) < 999 else float(digits))
    must(not any(HALF.findall(string)))  # half of a surrogate pair
    depth = 0
    for char in STRING.sub("", string):
        depth += (char in "[{") - (char in "]}")
        must(depth <= 32)
    return value

def body_of(kind, octets):
    body = parse(octets)
    if kind in (PONG, STATUS):
        return known(body, {}) or body
    body = known(body, SHAPES[kind])
    must(kind != PING or not {"checks", "group"} <= body.keys())
    if kind == HELLO:
        body["heartbeat"] = {"canSendMs": 0, "wantMs": 0, "mult": 3, **known(body.get("heartbeat", {}), BEAT)}
    return body

class Decoder:
    """Decodes bytes to frames (type, flags, code, id, body), without a socket. Raises ProtocolError at the first byte of a fault."""
    def __init__(self):
        self.octets, self.skip, self.hello_seen = bytearray(), 0, False
        self.hello_sent = True  # before it, the server may send neither PING nor HELLO nor GOAWAY

    def feed(self, data):
        self.octets += data
        while True:
            dropped = min(self.skip, len(self.octets))
            self.skip, self.octets = self.skip - dropped, self.octets[dropped:]
            if len(self.octets) < 4:
                return
            length = int.from_bytes(self.octets[:4], "big")
            if not 12 <= length <= 65548:
                raise ProtocolError(1 if length < 12 else 3, bytes(8), "length")
            if len(self.octets) < 16:
                return
            _, version, kind, flags, code, frame_id = struct.unpack(">IBBBB8s", self.octets[:16])
            fault = self.header_fault(length, version, kind, flags, code)
            if fault:
                raise ProtocolError(fault, frame_id, "header")
            if kind < 0x80 and len(self.octets) < length + 4:
                return
            has_body = kind < 0x80 and length > 12  # a type from 80 on is skipped with its body
            body = self.body(kind, bytes(self.octets[16 : length + 4]), frame_id) if has_body else None
            self.skip, self.hello_seen = length + 4, self.hello_seen or kind == HELLO
            yield kind, flags, code, frame_id, body

    def header_fault(self, length, version, kind, flags, code):
        """Returns the ERROR code for a header, in the order of SPEC "Order of validation", or 0 if the header is valid."""
        unasked = kind in (PING, HELLO, GOAWAY) and not self.hello_sent
        out_of_place = kind == WATCH or unasked or (kind == HELLO and self.hello_seen)
        wrong = flags & 15 & ~KNOWN_FLAGS.get(kind, 0) or (kind == PING and code > 2) or out_of_place
        known_type = 0 if kind >= 0x80 else 4 if kind not in MAX_BODY else 3 if length - 12 > MAX_BODY[kind] else bool(wrong)
        return 2 if version != 1 else int(known_type)

    def body(self, kind, octets, frame_id):
        try:
            return body_of(kind, octets)
        except (ValueError, RecursionError):
            if kind != ERROR:  # the code of an ERROR is sufficient
                raise ProtocolError(5, frame_id, "body") from None

# -- one connection ------------------------------------------------------------------------------------------------

def open_socket(address, timeout, tls, ca, server_name):
    match = re.fullmatch(r"(?:(pongs?)://)?(?:\[([\da-fA-F:.]+)\]|([\w.-]+))(?::(\d{1,5}))?", address)
    try:
        if address.startswith("pong+unix:/"):
            connection = socket.socket(socket.AF_UNIX)
            connection.settimeout(timeout)
            connection.connect("/" + address[len("pong+unix:"):].lstrip("/"))
            return connection
        if not match:
            raise ValueError(f"invalid address {address!r}; allowed: HOST:PORT, pong://, pongs:// and pong+unix:/PATH")
        host = match[2] or match[3]
        connection = socket.create_connection((host, int(match[4] or 7464)), timeout)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if match[1] != "pongs":
            return connection
        context = tls or ssl.create_default_context(cafile=ca)
        context.set_alpn_protocols(["pongcheck/1"])
        context.minimum_version = max(context.minimum_version, ssl.TLSVersion.TLSv1_2)
        return context.wrap_socket(connection, server_hostname=server_name or host)
    except socket.timeout:  # TimeoutError from 3.10 on
        raise Timeout(f"{address} did not accept the connection within {timeout} s") from None
    except OSError as error:
        raise Closed(f"{address}: {error}") from error

class Pong(namedtuple("Pong", "status healthy stale report seconds")):
    """`report` is a dict, or None if it was not requested or is not permitted. `seconds`: time since the PING was sent."""

class Request:
    """A request that was sent. Call `result()` only when `ready` is true."""
    def __init__(self, own, answered_by):
        self.id, self.answered_by, self.begun, self.ready, self.outcome = own, answered_by, time.monotonic(), False, None

    def settle(self, outcome):
        self.ready, self.outcome = True, outcome

    def result(self):
        if isinstance(self.outcome, Exception):
            raise self.outcome
        return self.outcome

class Watch:
    """Iterates over the current status and its changes. Raises when the connection ends, or when ERROR 7 refuses the watch."""
    def __init__(self, client, own):
        self.client, self.own, self.updates, self.error = client, own, deque(), None

    def __iter__(self):
        return self

    def __next__(self):
        while not self.updates and not self.error and not self.client.error:
            self.client.poll(1.0)
        if self.updates:
            return self.updates.popleft()
        raise self.error or self.client.error

    def take(self):
        """Returns the changes that have arrived, without waiting."""
        updates = list(self.updates)
        self.updates.clear()
        return updates

    def cancel(self):
        if self.client.watches.pop(self.own, None):
            self.client.send(WATCH, CANCEL, 0, self.own)

class Client:
    """
    One connection. Requests wait for their answers, and `poll` reads data that arrives between requests. After a HELLO, call `poll`
    often while no request is waiting, because it answers the server's PINGs.

    address: see above. token, name, heartbeat (a dict, see SPEC.md): sent in a HELLO immediately. tls: an ssl.SSLContext. ca: a file
    with the trusted CAs. Raises Timeout, Closed, or ValueError for an invalid address.
    """
    def __init__(self, address, *, token=None, name=None, heartbeat=None, tls=None, ca=None, server_name=None, timeout=CONNECT_TIMEOUT):
        self.address, self.socket = address, open_socket(address, timeout, tls, ca, server_name)
        self.socket.setblocking(False)
        self.decoder, self.last_id, self.output = Decoder(), 0, bytearray()
        self.decoder.hello_sent = False
        self.pending, self.watches = {}, {}
        self.error = None  # why the connection has ended
        self.server = None  # the body of the server's HELLO
        self.goaway = None  # the body of the last GOAWAY
        self.received = self.sent = time.monotonic()
        introduction = {"name": name, "token": token, "heartbeat": heartbeat}
        if any(value is not None for value in introduction.values()):
            self.send_hello(**introduction)

    def ping(self, *, wait=None, **options):
        """
        Sends a PING and returns a Pong.

        scope: "readiness", "liveness" or "startup". checks: a list of names. group: a name, instead of checks. max_age: maximum age
        of the results; 0 = run the checks now. timeout: server deadline, after which the server returns the last known status;
        default 2. wait: time until Timeout is raised; default timeout + 0.5. detail=True: requests the report. close=True: the
        server closes the connection after the PONG. Raises Refused, ProtocolError, Timeout, Closed.
        """
        timeout = options.get("timeout")
        return self.wait_for(self.send_ping(**options), (2.0 if timeout is None else timeout) + 0.5 if wait is None else wait)

    def send_ping(self, *, scope="readiness", checks=None, group=None, max_age=None, timeout=None, detail=False, close=False):
        """Sends a PING and returns a Request. Several may be outstanding: use `wait_for`, or `poll` until the request is ready."""
        question = {"checks": checks, "group": group, "maxAgeMs": ms(max_age), "timeoutMs": ms(timeout)}
        return self.request(PING, PONG, DETAIL * detail | CLOSE * close, SCOPES.index(scope), question)

    def hello(self, *, wait=2.5, **introduction):
        """Sends HELLO (once per connection) and returns the server's HELLO. name, token, heartbeat: as in Client."""
        return self.wait_for(self.send_hello(**introduction), wait)

    def send_hello(self, **introduction):
        self.decoder.hello_sent = True
        return self.request(HELLO, HELLO, 0, 0, introduction)

    def watch(self, *, scope="readiness", checks=None, group=None, detail=False):
        """Returns a Watch, an iterator over Pongs for the current status and each change."""
        own = self.next_id()
        question = {"checks": checks, "group": group, "scope": SCOPES.index(scope) or None}
        self.watches[own] = Watch(self, own)
        self.send(WATCH, WATCH_DETAIL * detail, 0, own, question)
        return self.watches[own]

    def wait_for(self, request, wait):
        until = time.monotonic() + wait
        while not request.ready:
            left = until - time.monotonic()
            if left <= 0:
                self.pending.pop(request.id, None)
                raise Timeout(f"{self.address} did not answer within {wait} s")
            self.poll(left)
        return request.result()

    def request(self, kind, answered_by, flags, code, body):
        request = Request(self.next_id(), answered_by)
        self.pending[request.id] = request
        self.send(kind, flags, code, request.id, body)
        if self.error:
            self.fail(self.error)
        return request

    def poll(self, wait=0.0):
        """Reads and handles data that arrives within `wait` seconds. Returns whether there was any."""
        self.flush()
        data = self.read()
        if data is None and wait > 0 and not self.error:
            with selectors.DefaultSelector() as selector:
                selector.register(self.socket, selectors.EVENT_READ | (selectors.EVENT_WRITE if self.output else 0))
                selector.select(wait)
            data = self.read()
        if not data:
            return False
        self.received = time.monotonic()
        try:
            for frame in self.decoder.feed(data):
                self.handle(*frame)
                if self.error:
                    break
        except ProtocolError as fault:
            self.send(ERROR, FATAL, fault.code, fault.id)
            self.end(fault)
        return True

    def read(self):
        """Returns the data that has arrived, or None if there is none."""
        if self.error:
            return None
        try:
            data = self.socket.recv(65536)
        except (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
            return None
        except OSError as error:
            return self.end(Closed(f"{self.address}: {error}"))
        return data or self.end(Closed(f"{self.address} has closed the connection"))

    def handle(self, kind, flags, code, frame_id, body):
        if kind == PING:  # its body has no effect (M21)
            self.send(PONG, 0, 1, frame_id)
        elif kind == GOAWAY:
            self.goaway = body or {}
        elif kind == ERROR and flags & FATAL:
            self.end(Refused(code, body or {}))
        elif kind == ERROR:
            self.settle(frame_id, Refused(code, body or {}))
        elif kind == STATUS and frame_id in self.watches:
            self.watches[frame_id].updates.append(pong_of(code, flags, body, 0.0))
        elif kind == HELLO:
            self.server = body or {"heartbeat": {"canSendMs": 0, "wantMs": 0, "mult": 3}}
            self.settle(frame_id, code, flags, self.server)
        elif frame_id in self.pending and self.pending[frame_id].answered_by == kind:  # otherwise late: ignored (M24)
            self.settle(frame_id, code, flags, body)

    def settle(self, frame_id, outcome, flags=0, body=None):
        if frame_id in self.watches:
            self.watches.pop(frame_id).error = outcome
        request = self.pending.pop(frame_id, None)
        if request and not isinstance(outcome, Exception):
            seconds = time.monotonic() - request.begun
            outcome = pong_of(outcome, flags, body, seconds) if request.answered_by == PONG else body
        if request:
            request.settle(outcome)

    def send(self, kind, flags, code, frame_id, body=None):
        body = {key: value for key, value in (body or {}).items() if value is not None}
        octets = json.dumps(body).encode() if body else b""
        if len(octets) > MAX_BODY[kind]:
            raise ValueError(f"the request has {len(octets)} bytes; allowed: {MAX_BODY[kind]}")
        self.output += struct.pack(">IBBBB8s", 12 + len(octets), 1, kind, flags, code, frame_id) + octets
        self.sent = time.monotonic()
        self.flush()

    def flush(self):
        try:
            while self.output and not self.error:
                del self.output[: self.socket.send(self.output)]
        except (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
            if len(self.output) > MAX_OUTPUT:
                self.end(Closed(f"{self.address} reads nothing"))
        except OSError:
            pass  # what has arrived before is still read, and so is the reason

    def next_id(self):
        self.last_id += 1
        return self.last_id.to_bytes(8, "big")

    def fail(self, error):
        for request in self.pending.values():
            request.settle(error)
        self.pending.clear()

    def end(self, error):
        """Fails all outstanding requests and closes the socket."""
        if not self.error:
            self.error = error
            self.fail(error)
            try:
                self.socket.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
            self.socket.close()

    def close(self, wait=1.0):
        """Sends FIN, reads until the server's FIN for at most `wait` seconds, and closes."""
        if self.error:
            return
        until = time.monotonic() + wait
        try:
            self.socket.shutdown(socket.SHUT_WR)
            self.socket.settimeout(max(wait, 0.001))
            while time.monotonic() < until and self.socket.recv(65536):
                pass
        except OSError:
            pass
        self.end(Closed("closed by this program"))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

def pong_of(code, flags, body, seconds):
    status = STATUSES[code] if code < len(STATUSES) else "unknown"
    return Pong(status, status in ("pass", "warn"), bool(flags & STALE), body, seconds)

def ms(seconds):
    return None if seconds is None else min(max(0, round(seconds * 1000)), 2**31 - 1)

# -- a persistent connection ---------------------------------------------------------------------------------------

class Heartbeat:
    """Sends the PINGs of one connection and detects a dead server (M58, N8 to N10). Call `tick` after a poll that began at `now`."""
    def __init__(self, client, interval, limit, **question):
        self.client, self.interval, self.limit, self.question = client, interval, limit, question
        self.ticked = self.seen = time.monotonic()
        self.requests, self.last = deque(maxlen=16), None  # the last Pong
        self.ping()
        self.out = 0  # PINGs since the last byte was received

    def ping(self):
        if len(self.requests) == self.requests.maxlen:
            self.client.pending.pop(self.requests[0].id, None)
        self.requests.append(self.client.send_ping(**self.question))
        self.pinged, self.jitter = time.monotonic(), random.uniform(0.75, 1.0)

    def tick(self, now):
        client, silence = self.client, (self.limit + 1) * self.interval
        if now - self.ticked > min(5.0, silence / 2):  # this process was stalled, which proves nothing about the server
            client.received = client.sent = now
        self.ticked = now
        if client.received > self.seen:
            self.seen, self.out = client.received, 0
        since = self.pinged if self.out else min(client.received, client.sent)
        if self.out < self.limit and now >= since + self.interval * self.jitter:
            self.out += 1
            self.ping()
        elif self.out == self.limit and now - client.received >= silence:
            client.send(ERROR, FATAL, 13, bytes(8))
            client.end(Closed(f"{client.address} did not answer {self.out} PINGs"))
        for request in [request for request in self.requests if request.ready]:
            self.requests.remove(request)
            if isinstance(request.outcome, Pong):
                self.last = request.outcome

Change = namedtuple("Change", "state status address why")

class Link:
    """
    Maintains a connection to one of the addresses: HELLO, PINGs, detection of a dead server, GOAWAY, reconnects with random delays.

    addresses: one address or a list. interval: PING interval. max_pings_out: number of unanswered PINGs, one interval after which
    the server is dead. scope, detail: options of the PINGs. watch: a dict of `Client.watch` options ({} for defaults) to receive
    changes as they happen. All other options: as in Client. `state` is "connecting", "up", "draining" (send no new work), "down" or
    "closed". `status` and `report` are the latest ones of this connection, or None. `client` is the connection, or None.
    """
    def __init__(self, addresses, *, interval=10.0, max_pings_out=3, scope="readiness", detail=False, watch=None, **connection):
        self.addresses = [addresses] if isinstance(addresses, str) else list(addresses)
        self.beat = {"interval": interval, "limit": max_pings_out, "scope": scope, "detail": detail}
        self.watch, self.connection = watch, {"heartbeat": {"canSendMs": ms(interval), "wantMs": 0}, **connection}
        self.not_before = [0.0] * len(self.addresses)  # when a GOAWAY allows a new connection
        self.index = self.failures = 0
        self.try_at = self.stable_at = 0.0
        self.client = self.next = None  # the connection that is used, and the one that is tried
        self.leaving, self.new, self.warned = [], deque(), False
        self.state, self.status, self.report = "connecting", None, None

    @property
    def healthy(self):
        """Whether to send work: the state is up, and the status is pass or warn."""
        return self.state == "up" and self.status in ("pass", "warn")

    def run(self, on_change=lambda change: None):
        """Maintains the connection until `close`, and calls on_change(change) on each change of state or status."""
        for change in self.changes():
            on_change(change)

    def changes(self):
        """Maintains the connection until `close`, and iterates over the changes."""
        while self.state != "closed":
            yield from self.step(0.1)

    def step(self, wait=0.0):
        """Waits at most `wait` seconds, does what is due, and returns the changes. Call it about every 0.1 s. Connecting takes up to 5 s."""
        if self.state == "closed":
            return []
        if self.client:
            self.client.poll(wait)
        else:
            time.sleep(min(wait, max(0.0, self.try_at - time.monotonic())) if not self.next else min(wait, 0.01))
        now = time.monotonic()  # taken before the sockets are read, so that silence until then is real (N9)
        for client in [self.client, self.next, *self.leaving]:
            if client:
                client.poll()
        for client in list(self.leaving):
            if client.error or not client.pending or now >= client.until:
                self.leaving.remove(client)
                client.close(0.2)
        if self.next:
            self.check_next(now)
        if self.client:
            self.check_current(now)
        if not self.next and now >= self.try_at and (not self.client or self.state == "draining"):
            self.connect(now)
        changes, self.new = list(self.new), deque()
        return changes

    def close(self):
        """Closes the link after outstanding requests are answered, within 1 s."""
        self.change("closed", "closed by this program")
        for client in [self.client, self.next, *self.leaving]:
            if client:
                client.close()

    def connect(self, now):
        """Connects to the next allowed address. While a connection is open, its own address is allowed only after a GOAWAY."""
        count, client = len(self.addresses), self.client
        for index in [(self.index + n) % count for n in range(count)]:
            if now >= self.not_before[index] and (not client or client.index != index or client.goaway is not None):
                break
        else:
            return
        try:
            self.next = client = Client(self.addresses[index], **self.connection)
            client.index, client.beat, client.left_with = index, Heartbeat(client, **self.beat), None
            client.until, client.updates = time.monotonic() + CONNECT_TIMEOUT, client.watch(**self.watch) if self.watch is not None else None
        except PongcheckError as error:
            self.failed(index, error)

    def failed(self, index, why):
        """Tries the other addresses immediately, then all again after a random part of a delay that doubles."""
        self.index, self.next = (index + 1) % len(self.addresses), None
        self.failures += 1
        rounds, left = divmod(self.failures, len(self.addresses))
        self.try_at = time.monotonic() + (0.0 if left else backoff(rounds))
        if not self.client:
            self.change("down", why)

    def check_next(self, now):
        client = self.next
        client.beat.tick(now)
        pong = client.beat.last
        if client.error or (now >= client.until and not pong):
            why = client.error or Timeout(f"{client.address} did not answer within {CONNECT_TIMEOUT} s")
            client.end(why)
            self.failed(client.index, why)
        elif pong and pong.status == "draining" and self.client:
            client.close(0.2)  # it leads to the server that shuts down
            self.failed(client.index, "draining")
            self.try_at = now + backoff(self.failures)
        elif pong:
            if self.client:
                self.leave(self.client, now)
            self.client, self.next, self.index, self.stable_at = client, None, client.index, now + STABLE
            self.state = "connecting"  # so that the change is reported

    def leave(self, client, now):
        client.until = now + (client.goaway or {}).get("graceMs", 5000) / 1000
        for request in client.beat.requests:
            client.pending.pop(request.id, None)
        self.leaving.append(client)

    def check_current(self, now):
        client = self.client
        client.beat.tick(now)
        self.limit_interval(client)
        pongs = [client.beat.last, *(client.updates.take() if client.updates else [])]
        client.beat.last = None
        for pong in filter(None, pongs):
            self.status, self.report, is_new = pong.status, pong.report, pong.status != self.status
            if is_new and self.state in ("up", "draining"):
                self.change(self.state, f"status {pong.status}", force=True)
        if client.goaway is not client.left_with:  # of several the last one applies
            client.left_with, self.failures = client.goaway, self.failures + 1
            delay = min(client.goaway.get("reconnectAfterMs", 0) / 1000, ONE_HOUR)
            self.not_before[client.index] = now + delay + backoff(self.failures)
            self.index, self.try_at = (client.index + 1) % len(self.addresses), now
        if client.goaway is not None or self.status == "draining":
            self.change("draining", "GOAWAY" if client.goaway is not None else "status draining")
        else:
            if self.state == "draining" and self.next:
                self.next.close(0.2)
                self.next = None
            self.change("up", f"status {self.status}")
            if now >= self.stable_at:
                self.failures = 0
        if client.error:
            self.client = self.status = self.report = None
            if self.next:
                self.change("down", client.error)
            else:
                self.failed(client.index, client.error)

    def limit_interval(self, client):
        idle = (client.server or {}).get("idleTimeoutMs", 0) / 1000
        if idle and client.beat.interval > idle / 2.2:
            client.beat.interval = idle / 2.2
            if not self.warned:
                logging.getLogger("pongcheck").warning("interval is reduced to %.2f s: the server closes after %.2f s of silence", idle / 2.2, idle)
            self.warned = True

    def change(self, state, why, force=False):
        if self.state != state or force:
            self.state = state
            client = self.client or self.next
            self.new.append(Change(state, self.status, client.address if client else self.addresses[self.index], str(why)))

def backoff(rounds):
    return random.uniform(0, min(30.0, 0.1 * 2 ** min(rounds - 1, 20)))
