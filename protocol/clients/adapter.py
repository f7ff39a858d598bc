"""Connects pongcheck.py to `pongcheck conformance --client 'python3 adapter.py {address}'`. Reads instructions and writes
events, one JSON object per line (protocol/vectors/README.md, "The command"). PONGCHECK_TOKEN and PONGCHECK_CA
contain the token and the path of the CA file for its connections."""
import json, os, select, sys

from pongcheck import Client, Link, PongcheckError, Refused


def say(**event):
    print(json.dumps(event), flush=True)


def report(outcome, kind="pong", **name):
    if isinstance(outcome, PongcheckError):
        say(error=outcome.code if isinstance(outcome, Refused) else outcome.name, name=outcome.name, **name)
    elif kind == "hello":
        say(hello=True)
    else:
        causes = [f"{cause['check']} {cause['reason']}" for cause in (outcome.report or {}).get("causes", [])]
        say(**{kind: outcome.status}, healthy=outcome.healthy, stale=outcome.stale, causes=causes, **name)


def seconds(ms):
    return None if ms is None else ms / 1000


class Adapter:
    def __init__(self, address):
        self.address, self.client, self.link, self.watch, self.waiting = address, None, None, None, []
        self.options = {"token": os.environ.get("PONGCHECK_TOKEN"), "ca": os.environ.get("PONGCHECK_CA")}

    def ping(self, maxAgeMs=None, timeoutMs=None, **options):
        self.waiting.append((self.client.send_ping(max_age=seconds(maxAgeMs), timeout=seconds(timeoutMs), **options), {}))

    def pings(self, **options):
        self.waiting += [(self.client.send_ping(), {"as": name}) for name in options["as"]]

    def hello(self):
        self.waiting.append((self.client.send_hello(), {"kind": "hello"}))

    def do_watch(self, checks=None):
        if self.watch:
            self.watch.cancel()
        self.watch = self.client.watch(checks=checks)

    def do_link(self, addresses, intervalMs, maxPingsOut, watch=None):
        self.link = Link(addresses, interval=intervalMs / 1000, max_pings_out=maxPingsOut, watch=watch, **self.options)

    def run(self, name, options):
        if name != "link":
            self.client = self.client or Client(self.address, **self.options)
        actions = {"ping": self.ping, "pings": self.pings, "hello": self.hello, "watch": self.do_watch, "link": self.do_link}
        if name in actions:
            actions[name](**options)
        else:
            say(unsupported=name)

    def tick(self):
        if self.link:
            for change in self.link.step():
                say(state=change.state, link=change.status, reason=change.why)
        if self.client and not self.client.error:
            self.client.poll()
        for request, name in [entry for entry in self.waiting if entry[0].ready]:
            self.waiting.remove((request, name))
            report(request.outcome, **name)
        if self.watch:
            for update in self.watch.take():
                report(update, "status")
            error = self.watch.error or self.client.error
            if error:
                self.watch = report(error)


def main(address):
    adapter = Adapter(address)
    while True:
        if select.select([sys.stdin], [], [], 0.005)[0]:
            line = sys.stdin.buffer.raw.readline()
            if not line:
                return
            options = json.loads(line)
            adapter.run(options.pop("do"), options)
        adapter.tick()


main(sys.argv[1])
