"""A client of the pongcheck protocol, version 1, from Python's standard library alone (SPEC.md says why each line is so).

    client = Client("127.0.0.1", 7464)
    status, report, seconds = client.ping(detail=True, checks=["mysql"])
"""
import json, re, socket, struct, time

PING, PONG, WATCH, STATUS, HELLO, GOAWAY, ERROR = 1, 2, 3, 4, 5, 6, 0x7F
STATUSES = dict(enumerate(["unknown", "pass", "warn", "fail", "draining", "starting", "not-found"]))
DETAIL, CLOSE, FATAL = 1, 2, 1
MAX_BODY = {PING: 1024, PONG: 65536, WATCH: 4096, STATUS: 65536, HELLO: 4096, GOAWAY: 4096, ERROR: 4096}
STRING, HALF = re.compile(r'"(?:[^"\\]|\\.)*"'), re.compile(r"\\\\|\\ud[89ab]..\\ud[c-f]..|(\\ud[89a-f])", re.I)
KNOWN_FLAGS = {PING: 3, PONG: 6, WATCH: 3, STATUS: 4, HELLO: 0, GOAWAY: 0, ERROR: 1}

class Refused(Exception):
    """The received data is invalid (code 1 to 5), or the server sent an ERROR."""
    def __init__(self, code, frame_id, message=""):
        super().__init__(f"ERROR {code}: {message}")
        self.code, self.id = code, frame_id

def must(is_so):
    if not is_so:
        raise ValueError

def integer(least, most):  # 1.0 is 1; true is no number
    return lambda value: must(type(value) in (int, float) and least <= value <= most and value == int(value))

def text(value):
    must(isinstance(value, str))

def names(value):
    must(isinstance(value, list) and 1 <= len(value) <= 32)
    [text(name) for name in value]

MS = integer(0, 2**31 - 1)
BEAT = {"canSendMs": MS, "wantMs": MS, "mult": integer(1, 255)}
SHAPES = {
    PING: {"checks": names, "group": text, "maxAgeMs": MS, "timeoutMs": MS},
    HELLO: {"name": text, "token": text, "heartbeat": lambda v: known(v, BEAT), "instance": text, "idleTimeoutMs": MS},
    GOAWAY: {"graceMs": MS, "reconnectAfterMs": MS},
    ERROR: {"message": text, "retryAfterMs": MS},
}

def known(value, shape):
    """The known keys, each validated; unknown keys are dropped."""
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
    """Bytes in, frames out: (type, flags, code, id, body). Has no socket. Raises Refused at the first byte that decides it."""
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
                raise Refused(1 if length < 12 else 3, bytes(8), "length")
            if len(self.octets) < 16:
                return
            _, version, kind, flags, code, frame_id = struct.unpack(">IBBBB8s", self.octets[:16])
            fault = self.header_fault(length, version, kind, flags, code)
            if fault:
                raise Refused(fault, frame_id, "header")
            if kind < 0x80 and len(self.octets) < length + 4:
                return
            has_body = kind < 0x80 and length > 12  # a type from 80 on is skipped with its body
            body = self.body(kind, bytes(self.octets[16 : length + 4]), frame_id) if has_body else None
            self.skip, self.hello_seen = length + 4, self.hello_seen or kind == HELLO
            yield kind, flags, code, frame_id, body

    def header_fault(self, length, version, kind, flags, code):
        """The ERROR code for a header, in the order of SPEC "Order of validation"; 0 if it is valid."""
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
                raise Refused(5, frame_id, "body") from None

class Client:
    """One connection. A request waits for its answer; PINGs of the server that arrive meanwhile are answered."""
    def __init__(self, host, port=7464, timeout=5.0):
        self.socket, self.decoder = socket.create_connection((host, port), timeout), Decoder()
        self.last_id, self.frames, self.fault, self.draining = 0, [], None, False
        self.decoder.hello_sent = False

    def ping(self, scope=0, detail=False, close=False, wait=2.5, **question):
        """(status, report, seconds). question: checks=[...] or group=..., maxAgeMs=..., timeoutMs=..."""
        begun = time.monotonic()
        code, report = self.ask(PING, PONG, wait, scope, DETAIL * detail | CLOSE * close, question)
        return STATUSES.get(code, "unknown"), report, time.monotonic() - begun

    def hello(self, wait=2.5, **introduction):
        self.decoder.hello_sent = True
        return self.ask(HELLO, HELLO, wait, 0, 0, introduction)[1]

    def ask(self, kind, answer, wait, code, flags, content):
        self.last_id += 1
        own, until = self.last_id.to_bytes(8, "big"), time.monotonic() + wait
        self.send(kind, flags, code, own, json.dumps(content).encode() if content else b"")
        while True:
            kind, flags, code, frame_id, body = self.receive(until)
            if kind == ERROR and frame_id == own:
                raise Refused(code, frame_id, (body or {}).get("message", ""))
            if kind == answer and frame_id == own:
                return code, body

    def receive(self, until):
        while not self.frames:
            if self.fault:  # behind it, nothing can be distinguished
                self.socket.close()
                raise self.fault
            self.socket.settimeout(max(0.001, until - time.monotonic()))
            octets = self.socket.recv(65536)
            if not octets:
                raise ConnectionError("the server has closed the connection")
            try:
                self.frames.extend(self.decoder.feed(octets))  # those before a fault count
            except Refused as refused:
                self.fault = refused
        kind, flags, code, frame_id, body = frame = self.frames.pop(0)
        if kind == ERROR and flags & FATAL:
            self.socket.close()
            raise Refused(code, frame_id, (body or {}).get("message", ""))
        if kind == PING:  # a PING is answered at once
            self.send(PONG, 0, 1, frame_id)
        self.draining |= kind == GOAWAY
        return frame

    def send(self, kind, flags, code, frame_id, body=b""):
        self.socket.sendall(struct.pack(">IBBBB8s", 12 + len(body), 1, kind, flags, code, frame_id) + body)

    def close(self):
        """Sends FIN, and reads until the FIN of the server."""
        self.socket.shutdown(socket.SHUT_WR)
        while self.socket.recv(65536):
            pass
        self.socket.close()
