// Runs this package's responder as a command for `conformance --start`: `node reference.js {settings} {port}`. It is an
// example of a command as described in protocol/vectors/README.md.
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { startIsolated } from './isolated.js';
import { startResponder } from './responder.js';
import type { OperatorStep, Wanted } from './session.js';

const [, , settings, port] = process.argv;
const wanted = JSON.parse(readFileSync(settings as string, 'utf8')) as Wanted;
// A responder whose event loop may be blocked runs on a thread, so that this thread can still read `unblock`.
const { operate } = await (wanted.threads ? startIsolated : startResponder)(wanted, Number(port));

process.on('SIGTERM', () => process.exit());
createInterface({ input: process.stdin })
  .on('line', async (line) => {
    await operate?.(JSON.parse(line) as OperatorStep);
    process.stdout.write('{"done":true}\n');
  })
  .on('close', () => process.exit());
