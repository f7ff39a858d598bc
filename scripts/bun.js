// Tests what is supported on Bun: unit tests, all `conformance` sessions, and the command with PINGs and HTTP. Other
// tests compare text that Node formats (IPv6 addresses, errors), or use Jest modules.
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { run, say } from './steps.js';

const VERSION = '1.4.5';
const units = ['wire', 'common', 'options', 'liveness', 'server/sockets.test.ts'].map((name) => `test/${name}`);
const cli = 'dist/cli.cjs';

/** Resolves with whether all of it passed. */
export async function testOnBun() {
  const print = ['-y', '-p', `bun@${VERSION}`, 'bun', '-e', 'console.log(process.execPath)'];
  const bun = execFileSync('npx', print, { encoding: 'utf8' }).trim();
  const reference = `'${bun}' dist/cli/conformance/reference.js {settings} {port}`;
  const results = [
    run(bun, ['test', '--timeout', '60000', ...units]) === 0,
    run(process.execPath, [cli, 'conformance', '--slack', '2s', '--start', reference]) === 0,
    await testServe(bun),
  ];
  return results.every(Boolean);
}

/** Tests the command itself: its PINGs with the sessions that require no settings, and its HTTP server. */
async function testServe(bun) {
  const options = ['--listen', 'pong://127.0.0.1:0', '--http', '127.0.0.1:0'];
  const child = spawn(bun, [cli, 'serve', ...options], { stdio: ['ignore', 'pipe', 'inherit'] });
  const ended = once(child, 'exit');
  let address;
  let url;
  for await (const line of createInterface({ input: child.stdout })) {
    const entry = JSON.parse(line);
    address ??= entry.address;
    url ??= entry.url;
    if (address && url) break;
  }
  const met = address !== undefined && run(process.execPath, [cli, 'conformance', address]) === 0;
  const answers = url !== undefined && (await fetch(`${url}/readyz`)).ok;
  say(`serve on Bun: ${address}, HTTP ${answers ? 'answers' : 'does not answer'}`);
  child.kill();
  const [code] = await ended;
  return met && answers && code === 0;
}
