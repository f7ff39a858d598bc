import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { expect, it } from '@jest/globals';
import { compiledPackage } from '../cli/compiled.js';

/**
 * A program whose listeners throw and that keeps running. It prints the answers to a client, and the uncaught errors.
 */
const program = `
const { createService } = await import(process.argv[1]);
const { connect } = await import('node:net');
const told = [];
process.on('uncaughtException', ({ message }) => told.push(message));
const service = createService({
  listen: [{ url: 'pong://127.0.0.1:0' }],
  http: false,
  limits: { maxPending: 1 },
  checks: { slow: { kind: 'own', run: () => new Promise((resolve) => setTimeout(() => resolve({ status: 'pass' }), 100)), interval: 0 } },
});
for (const event of ['connect', 'ping', 'close']) {
  service.events.once(event, () => { throw new Error(event); });
}
await service.start();
const frame = (id, scope) => '0000000c010100' + scope + id;
const socket = connect(Number(new URL(service.addresses[0]).port), '127.0.0.1');
let came = '';
socket.on('data', (octets) => (came += octets.toString('hex')));
// The second waits for its check, the third is queued behind it; the listener throws for the first.
socket.end(Buffer.from(frame('00000000000000a1', '01') + frame('00000000000000a2', '00') + frame('00000000000000a3', '01'), 'hex'));
await new Promise((resolve) => socket.on('close', resolve));
await service.stop();
console.log(JSON.stringify({ ids: came.match(/.{32}/g).map((pong) => pong.slice(-2)), told }));
`;

it('a listener that throws delays no answer, and its error is reported', async () => {
  const index = join(compiledPackage(), 'dist', 'index.js');
  const output = await new Promise<string>((resolve, reject) => {
    const child = ['--input-type=module', '-e', program, index];
    execFile(process.execPath, child, { timeout: 10_000 }, (error, out) => (error ? reject(error) : resolve(out)));
  });
  expect(JSON.parse(output)).toEqual({ ids: ['a1', 'a2', 'a3'], told: ['connect', 'ping', 'close'] });
});
