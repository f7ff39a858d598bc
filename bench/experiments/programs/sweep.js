// Measures how long one sweep takes over a number of connections that need no socket: `sweep.js DIST COUNT`.
import { EventEmitter } from 'node:events';

const [dist, count] = process.argv.slice(2);
const { Server } = await import(`${dist}/server/server.js`);
const { defaultServerSettings } = await import(`${dist}/server/settings.js`);
const { Registry } = await import(`${dist}/health/registry.js`);

/** The members of a socket that an idle connection uses. */
class IdleSocket extends EventEmitter {
  bytesRead = 0;
  bytesWritten = 0;
  writableLength = 0;
  writable = true;
  remoteAddress = '127.0.0.1';
  write(bytes) {
    this.bytesWritten += bytes.length;
    return true;
  }
  pause() {}
  resume() {}
  end() {}
  destroy() {}
}

/** Number of sweeps that are not measured, because checks became due while the connections were created. */
const WARM_UP = 20;
let slices = [];
let sweep;
/** Whether the last sweep has ended. */
let waits = false;

/** A sweep may continue after a poll of the event loop, so each slice is timed. */
function timed(fire) {
  const begun = performance.now();
  fire();
  slices.push(performance.now() - begun);
}
const later = globalThis.setImmediate;
globalThis.setImmediate = (fire) => later(timed, fire);

const clock = {
  now: () => performance.now(),
  wall: () => Date.now(),
  clear() {},
  after(_ms, fire) {
    sweep = fire;
    waits = true;
  },
};
const silent = { fatal() {}, error() {}, warn() {}, info() {}, debug() {}, trace() {} };
const heartbeat = { idleTimeout: 90_000, pingInterval: 10_000, maxPingsOut: 3 };
const settings = {
  ...defaultServerSettings,
  heartbeat,
  limits: { ...defaultServerSettings.limits, maxConnections: Number(count) },
};
const server = new Server({ health: new Registry({ checks: {}, clock }), settings, clock, log: silent });
const body = Buffer.from(JSON.stringify({ heartbeat: { canSendMs: 10_000, wantMs: 10_000 } }));
const hello = Buffer.alloc(16 + body.length);
hello.writeUInt32BE(12 + body.length);
hello.set([1, 5], 4);
body.copy(hello, 16);
for (let n = 0; n < Number(count); n++) {
  const socket = new IdleSocket();
  server.admit(socket, { ...server.shared, listener: '' });
  socket.emit('data', hello);
}
const sweeps = [];
for (let n = -WARM_UP; n < 100; n++) {
  slices = [];
  waits = false;
  timed(sweep);
  do await new Promise((resolve) => setTimeout(resolve, 100));
  while (!waits);
  if (n >= 0) sweeps.push(slices);
}
process.stdout.write(`${JSON.stringify({ event: 'swept', at: 0, sweeps })}\n`);
process.exit(0);
