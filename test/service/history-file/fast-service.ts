/**
 * Arguments for Node.js to run a service that keeps its history in a file, in the folder of the compiled package. Its
 * clock runs 300 times as fast, so that it writes five times a second, and begins at `since` in 1970. It prints lines
 * of JSON: `slots` with the number of slots of a check, and `warning` with the text of each warning about the file.
 */
export function fastService(file: string, since: number): string[] {
  return ['--input-type=module', '--eval', script, file, String(since)];
}

const script = `
import { createService } from 'pongcheck';
const [file, since] = process.argv.slice(1);
const clock = {
  now: () => performance.now() * 300,
  wall: () => (Date.now() - Number(since)) * 300,
  after: (ms, fire) => setTimeout(fire, ms / 300).unref(),
  clear: clearTimeout,
};
const say = (line) => console.log(JSON.stringify(line));
const log = { debug() {}, info() {}, error() {}, warn: ({ file }, text) => file && say({ msg: 'warning', text }) };
const check = { kind: 'any', interval: 60_000, timeout: 60_000, run: async () => ({ status: 'pass' }) };
const checks = Object.fromEntries(Array.from({ length: 20 }, (_, i) => ['check-' + i, check]));
const service = createService({ listen: [], http: false, clock, log, checks, history: { file } });
await service.start();
setInterval(() => {
  const slots = service.history.check('check-19')?.slots(1440) ?? [];
  say({ msg: 'slots', count: slots.filter(Boolean).length });
}, 10);
`;
