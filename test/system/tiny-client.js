// A minimal client for `pongcheck conformance --client 'node tiny-client.js {address} [WRONG]'`. WRONG names the
// mistake that it makes.
import { connect } from 'node:net';
import { createInterface } from 'node:readline';

const [, , address, wrong] = process.argv;
const is = (name) => wrong === name;
const say = (event) => process.stdout.write(`${JSON.stringify(event)}\n`);

const STATUSES = ['unknown', 'pass', 'warn', 'fail', 'draining', 'starting', 'not-found'];
const FLAGS = { 1: 3, 2: 6, 3: 3, 4: 4, 5: 0, 6: 0, 127: 1 };
const MAX_BODY = { 1: 1024, 2: 65_536, 3: 4096, 4: 65_536, 5: 4096, 6: 4096, 127: 4096 };
const MAX_DEPTH = 32;

function frame(type, flags, code, id, body) {
  const text = Buffer.from(body ? JSON.stringify(body) : '');
  const head = Buffer.from([0, 0, 0, 0, 1, type, flags, code]);
  head.writeUInt32BE(12 + text.length);
  return Buffer.concat([head, id, text]);
}

const isMs = (value) => Number.isInteger(value) && value >= 0 && value < 2 ** 31;
const isText = (value) => typeof value === 'string';
const isObject = (value) => typeof value === 'object' && value !== null && !Array.isArray(value);
const isHeartbeat = (value) =>
  isObject(value) && knows(value, { canSendMs: isMs, wantMs: isMs, mult: (n) => n >= 1 && n <= 255 });
const SHAPES = {
  1: { maxAgeMs: isMs, timeoutMs: isMs, group: isText, checks: Array.isArray },
  5: { name: isText, token: isText, instance: isText, idleTimeoutMs: isMs, heartbeat: isHeartbeat },
  6: { graceMs: isMs, reconnectAfterMs: isMs },
  127: { message: isText, retryAfterMs: isMs },
};

function knows(body, shape = {}) {
  if (is('unknown-key') && Object.keys(shape).length > 0) return Object.keys(body).every((key) => key in shape);
  return Object.entries(shape).every(([key, test]) => !(key in body) || test(body[key]));
}

function depth(value) {
  if (typeof value !== 'object' || value === null) return 0;
  return 1 + Math.max(0, ...Object.values(value).map(depth));
}

/** Returns undefined if the body is bad. */
function parsed(type, bytes) {
  try {
    const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
    const body = JSON.parse(text);
    if (/\\ud[89a-f]/i.test(text)) return undefined;
    return isObject(body) && depth(body) <= MAX_DEPTH && knows(body, SHAPES[type]) ? body : undefined;
  } catch {
    return undefined;
  }
}

/** One connection. */
class Connection {
  pending = new Map();
  watches = new Map();
  bytes = Buffer.alloc(0);
  skip = 0;
  last = 0n;
  pings = 0;

  constructor(to, events = {}) {
    const [host, port] = to.split(':');
    this.events = events;
    this.socket = connect({ host, port: Number(port), noDelay: true });
    this.socket.on('connect', () => events.connect?.());
    this.socket.on('data', (chunk) => this.read(chunk));
    this.socket.on('error', () => this.end('closed'));
    this.socket.on('end', () => this.end('closed'));
    this.socket.on('close', () => this.end('closed'));
  }

  ask(type, flags, code, body) {
    if (this.ended) return Promise.resolve({ error: this.ended });
    const id = Buffer.alloc(8);
    id.writeBigUInt64BE(++this.last);
    this.socket.write(frame(type, is('hint-in-ping') && type === 1 ? 0x08 : flags, code, id, body));
    return new Promise((resolve) => this.pending.set(id.toString('hex'), { type, resolve }));
  }

  watch(body, tell) {
    for (const id of this.watches.keys()) this.socket.write(frame(3, 1, 0, Buffer.from(id, 'hex')));
    this.watches.clear();
    const id = Buffer.alloc(8);
    id.writeBigUInt64BE(++this.last);
    this.watches.set(id.toString('hex'), tell);
    this.socket.write(frame(3, 0, 0, id, body));
  }

  end(why) {
    if (this.ended) return;
    this.ended = why;
    this.socket.destroy();
    this.fail(why);
  }

  /** Fails everything that is waiting. */
  fail(why) {
    for (const { resolve } of this.pending.values()) resolve({ error: why });
    for (const tell of this.watches.values()) tell({ error: why });
    this.events.end?.(why);
  }

  read(chunk) {
    this.pings = 0;
    this.activeAt = Date.now();
    this.bytes = is('one-segment') ? chunk : Buffer.concat([this.bytes, chunk]);
    while (!this.ended) {
      const skipped = Math.min(this.skip, this.bytes.length);
      this.skip -= skipped;
      this.bytes = this.bytes.subarray(skipped);
      if (this.skip > 0 || this.bytes.length < 4) return;
      const length = this.bytes.readUInt32BE(0);
      if (length < 12 || length > 65_548) return this.refuse(length < 12 ? 1 : 3, Buffer.alloc(8));
      if (this.bytes.length < 16) return;
      const [version, type, flags, code] = this.bytes.subarray(4, 8);
      const id = this.bytes.subarray(8, 16);
      const fault = this.headerFault(length, version, type, flags, code);
      if (fault) return this.refuse(fault, id);
      if (type >= 0x80) {
        this.skip = length + 4;
        continue;
      }
      if (this.bytes.length < length + 4) return;
      const body = length > 12 ? parsed(type, this.bytes.subarray(16, length + 4)) : {};
      this.bytes = this.bytes.subarray(length + 4);
      if (body === undefined && (type !== 127 || is('error-body')) && !is('any-body')) return this.refuse(5, id);
      this.handle(type, flags, code, id, body ?? {});
    }
  }

  /** The received frame is a fault, so sends ERROR and closes. */
  refuse(code, id) {
    this.socket.end(frame(127, is('not-fatal') ? 0 : 1, code, is('zero-id') ? Buffer.alloc(8) : id));
    this.ended = 'protocol';
    this.fail('protocol');
  }

  /** Returns 0 if the header is valid. */
  headerFault(length, version, type, flags, code) {
    if (is('type-first') && !(type in FLAGS) && type < 0x80) return 4;
    if (version !== 1 && !is('any-version')) return 2;
    if (type >= 0x80) return is('no-skip') ? 4 : 0;
    if (!(type in FLAGS)) return 4;
    if (length - 12 > MAX_BODY[type] && !is('any-length')) return 3;
    if (flags & ~FLAGS[type] & (is('no-hints') ? 0xff : is('any-flag') ? 0 : 0x0f)) return 1;
    if ((type === 1 && code > 2) || (type === 5 && is('hello-code') && code !== 0)) return 1;
    const needsHello = type === 1 || type === 5 || type === 6;
    if (needsHello && !this.saidHello && !is('no-place')) return 1;
    return type === 3 || (type === 5 && this.gotHello) ? 1 : 0;
  }

  handle(type, flags, code, id, body) {
    const hex = id.toString('hex');
    if (type === 1 && !is('no-pong')) this.socket.write(frame(2, 0, 1, is('zero-id') ? Buffer.alloc(8) : id));
    else if (type === 4) this.watches.get(hex)?.(statusOf('status', code));
    else if (type === 6 && !(is('only-draining') && code !== 1)) this.events.goaway?.(body);
    else if (type === 127) this.refused(flags, code, hex);
    else if (type === 2 || type === 5) this.answered(type, hex, type === 2 ? statusOf('pong', code) : { hello: true });
  }

  answered(type, hex, event) {
    this.gotHello ||= type === 5;
    const asked = is('any-pong') && type === 2 ? [...this.pending.keys()][0] : hex;
    if (!this.pending.has(asked) && is('late-pong')) return this.end('protocol');
    this.pending.get(asked)?.resolve(event);
    this.pending.delete(asked);
  }

  refused(flags, code, hex) {
    if (flags & 1 && !is('ignores-fatal')) return this.end(code);
    if (is('all-fatal')) return this.end(code);
    this.pending.get(hex)?.resolve({ error: code });
    this.pending.delete(hex);
    this.watches.get(hex)?.({ error: code });
    this.watches.delete(hex);
  }
}

function statusOf(key, code) {
  if (is('wrong-status') && code === 3) return { [key]: 'warn', healthy: true };
  if (code > 6) return is('unknown-healthy') ? { [key]: 'pass', healthy: true } : { [key]: 'unknown', healthy: false };
  return { [key]: STATUSES[code], healthy: is('by-size') ? code < 3 : code === 1 || code === 2 };
}

/** Maintains a connection to one of the addresses. */
class Link {
  current;
  failures = 0;
  index = 0;
  /** Earliest time of the next connection to each address. */
  notBefore = [];

  constructor({ addresses, intervalMs, maxPingsOut }) {
    Object.assign(this, { addresses, intervalMs, maxPingsOut });
    this.open();
  }

  /** Opens the next connection. An earlier one is used until the new one is up. */
  open() {
    const { index } = this;
    const next = new Connection(this.addresses[index], {
      connect: () => this.begin(next),
      end: (why) => this.ended(next, why),
      goaway: ({ reconnectAfterMs = 0 }) => this.goaway(next, reconnectAfterMs),
    });
    next.index = index;
    this.next = next;
  }

  openAfter(ms) {
    clearTimeout(this.timer);
    const wait = Math.max(ms, (this.notBefore[this.index] ?? 0) - Date.now());
    this.timer = setTimeout(() => this.open(), is('returns-at-once') ? 0 : wait);
  }

  begin(connection) {
    connection.saidHello = true;
    connection.activeAt = Date.now();
    connection.ask(5, 0, 0, { heartbeat: { canSendMs: this.intervalMs, wantMs: 0 } });
    this.ping(connection);
    connection.timer = setInterval(() => this.beat(connection), this.intervalMs * 0.9);
  }

  async ping(connection) {
    connection.pings++;
    const { pong } = await connection.ask(1, 0, 0);
    if (pong === undefined) return;
    if (connection === this.next) this.first(connection, pong);
    else if (!connection.leaves) this.state(pong === 'draining' ? 'draining' : 'up');
    if (pong === 'draining' && this.addresses.length > 1) this.goaway(connection, 60_000);
  }

  /** Handles the first PONG on a new connection. */
  first(connection, pong) {
    const old = this.current;
    if (old && !old.ended && pong === 'draining' && old.index === connection.index) return connection.end('draining');
    this.failures = 0;
    this.next = undefined;
    this.current = connection;
    old?.end('replaced');
    this.state(pong === 'draining' ? 'draining' : 'up');
  }

  beat(connection) {
    const allowed = is('two-pings') ? this.maxPingsOut - 1 : this.maxPingsOut;
    if (connection.pings < allowed || is('never-dead')) return void this.ping(connection);
    if (is('early-dead') || Date.now() - connection.activeAt >= (this.maxPingsOut + 1) * this.intervalMs) {
      if (!is('no-error-13')) connection.socket.write(frame(127, 1, 13, Buffer.alloc(8), { message: 'dead' }));
      connection.socket.end(() => connection.end('dead'));
    }
  }

  goaway(connection, ms) {
    if (connection !== this.current) return;
    connection.leaves = true;
    this.state('draining');
    this.notBefore[connection.index] = Date.now() + ms + 50;
    if (is('first-goaway') && this.isLeaving) return;
    this.isLeaving = true;
    if (this.addresses.length > 1 && !is('no-other')) this.index = (connection.index + 1) % this.addresses.length;
    this.openAfter(0);
  }

  ended(connection, why) {
    clearInterval(connection.timer);
    if (connection !== this.current && connection !== this.next) return;
    const isCurrent = connection === this.current;
    if (isCurrent) this.state('down', why);
    // After a GOAWAY, the next connection is already scheduled.
    if (isCurrent && connection.leaves) return;
    if (isCurrent || !this.current || this.current.ended) this.index = (connection.index + 1) % this.addresses.length;
    const most = 100 * 2 ** Math.min(10, this.failures++);
    this.openAfter(is('tight-loop') ? 0 : Math.random() * most);
  }

  state(state, reason) {
    if (state !== this.last) say({ state, reason });
    this.last = state;
  }
}

let connection;
const SCOPES = ['readiness', 'liveness', 'startup'];
for await (const line of createInterface({ input: process.stdin })) {
  const { do: name, as, scope = 'readiness', detail = false, ...options } = JSON.parse(line);
  if (name !== 'link') connection ??= new Connection(address);
  if (name === 'ping') connection.ask(1, detail ? 1 : 0, SCOPES.indexOf(scope)).then(say);
  else if (name === 'pings') for (const one of as) connection.ask(1, 0, 0).then((event) => say({ ...event, as: one }));
  else if (name === 'hello') {
    connection.saidHello = true;
    connection.ask(5, 0, 0).then(say);
  } else if (name === 'watch') connection.watch(options.checks ? options : undefined, say);
  else if (name === 'link') new Link(options);
  else say({ unsupported: name });
}
process.exit();
