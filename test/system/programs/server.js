// A service under test: `server.js INDEX OPTIONS`, with the entry point of the compiled package and the options of
// createService as JSON. Additional options: `bulk`: number of checks with long names, which make a long report;
// `timed`: records how long its timers run, the longest of which is the sweep; `held`: number of files that are open
// for other purposes. The program reports each connection and its end, unless it is `quiet`, and answers commands. Its
// `state` contains what must not grow.
import { openSync } from 'node:fs';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { now, onCommand, say } from './say.js';

const [index, text] = process.argv.slice(2);
const { createService } = await import(index);
const { bulk = 0, timed = false, held = 0, quiet = false, ...options } = JSON.parse(text);

// Node opens this stream when it destroys the first socket. It must not count as a handle of that socket.
process.stderr;
for (let n = 0; n < held; n++) openSync('/dev/null');
let blockFor = 0;
let failing = false;
/** A check that blocks the event loop once after the command `block`, and fails after the command `failing`. */
function wedge() {
  if (failing) throw new Error('failing');
  if (blockFor === 0) return;
  const until = now() + blockFor;
  blockFor = 0;
  say('blocked');
  while (now() < until);
}

const checks = { wedge };
for (let n = 0; n < bulk; n++) checks[`check-with-a-name-of-some-length-${n}`] = async () => {};
let longest = 0;
const clock = {
  now: () => performance.now(),
  wall: () => Date.now(),
  clear: (timer) => clearTimeout(timer),
  after(ms, fire) {
    const run = () => {
      const begun = now();
      fire();
      longest = Math.max(longest, now() - begun);
    };
    return setTimeout(run, ms).unref();
  },
};

const service = createService({
  ...(timed && { clock }),
  http: false,
  listen: [{ url: 'pong://127.0.0.1:0' }],
  checks,
  ...options,
});
if (!quiet) {
  service.events.on('connect', ({ id, remotePort }) => say('connect', { id, remotePort }));
  service.events.on('close', (info, reason, errno) => {
    say('close', { id: info.id, remotePort: info.remotePort, reason, errno, listener: info.listener });
  });
}

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc');
/** Memory after garbage collection, handles by kind, and counters. */
async function state() {
  for (let n = 0; n < 3; n++) {
    await new Promise((resolve) => setImmediate(resolve));
    collectGarbage();
  }
  const { heapUsed, external, rss } = process.memoryUsage();
  const resources = {};
  // An immediate is part of a turn of the event loop, not a leftover.
  for (const kind of process.getActiveResourcesInfo())
    if (kind !== 'Immediate') resources[kind] = (resources[kind] ?? 0) + 1;
  const { open, waiting, accepted, closed, refused, errors } = service.server.stats;
  return { memory: heapUsed + external, rss, resources, open, waiting, accepted, closed, refused, errors: [...errors] };
}
onCommand(({ block, list, work, ...command }) => {
  if (command.failing) failing = true;
  if (block) blockFor = block;
  if (work) {
    say('worked', { longest, cpu: process.cpuUsage(), open: service.server.connections.size });
    longest = 0;
  }
  if (command.state) void state().then((found) => say('state', found));
  if (list) void service.connections().then((list) => say('connections', { list }));
});
await service.start();
say('listening', { addresses: service.addresses, http: service.httpAddress });
