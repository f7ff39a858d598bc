"""The client of pongcheck.py for `pongcheck conformance --client 'python3 adapter.py {address}'`: reads instructions and writes
events, one JSON object per line (protocol/vectors/README.md, "The command")."""
import json, select, sys, time

from pongcheck import Client, Refused

SCOPES = ["readiness", "liveness", "startup"]


def say(**event):
    print(json.dumps(event), flush=True)


def ping(client, scope="readiness", detail=False):
    status = client.ping(SCOPES.index(scope), detail)[0]
    say(pong=status, healthy=status in ("pass", "warn"))


def hello(client):
    client.hello()
    say(hello=True)


def idle(client):
    """Takes what has arrived without an instruction."""
    try:
        client.receive(time.monotonic())
    except TimeoutError:
        pass  # a frame that is not complete


def attempt(client, action, *arguments, **options):
    """Reports why the action failed. After all but a timeout and an ERROR without FATAL, the connection is closed."""
    try:
        action(*arguments, **options)
    except Refused as refused:
        say(error="protocol" if refused is client.fault else refused.code)
    except TimeoutError:
        say(error="timeout")
    except OSError:
        client.socket.close()
        say(error="closed")


def main(address):
    host, port = address.rsplit(":", 1)
    client, instructions = None, {"ping": ping, "hello": hello}
    while True:
        is_open = client and client.socket.fileno() >= 0
        if is_open and (client.frames or client.fault):  # what arrived with the last answer
            attempt(client, idle, client)
            continue
        ready = select.select([sys.stdin, client.socket] if is_open else [sys.stdin], [], [])[0]
        if is_open and client.socket in ready:
            attempt(client, idle, client)
        if sys.stdin in ready:
            line = sys.stdin.buffer.raw.readline()
            if not line:
                return
            options = json.loads(line)
            name = options.pop("do")
            if name in instructions:
                client = client or Client(host, int(port))
                attempt(client, instructions[name], client, **options)
            else:
                say(unsupported=name)


main(sys.argv[1])
