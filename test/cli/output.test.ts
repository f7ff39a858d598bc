import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { createService, type Service } from '../../src/service/service.js';
import { compiledPackage } from './compiled.js';

let service: Service;
let address: string;
beforeAll(async () => {
  service = createService({ listen: [{ url: 'pong://127.0.0.1:0' }], http: false });
  await service.start();
  [address = ''] = service.addresses;
});
afterAll(() => service.stop());

async function run(args: string, stdout: number | 'gone') {
  const words = args.split(' ').map((word) => (word === 'ADDRESS' ? address : word));
  const child = spawn(process.execPath, [join(compiledPackage(), 'dist', 'cli.js'), ...words], {
    cwd: tmpdir(),
    env: { PATH: process.env.PATH } as NodeJS.ProcessEnv,
    stdio: ['ignore', stdout === 'gone' ? 'pipe' : stdout, 'pipe'],
    timeout: 15_000,
  });
  if (stdout === 'gone') child.stdout?.destroy();
  let stderr = '';
  child.stderr?.setEncoding('utf8').on('data', (text) => (stderr += text));
  const [code] = await once(child, 'close');
  return { code, stderr };
}

const NOT_WRITTEN = expect.stringMatching(/^pongcheck: cannot write to standard output: ENOSPC[^\n]*\n$/);

describe('a command with an output that', () => {
  it.each([
    ['ping ADDRESS -c 2 -i 1ms', 0],
    ['ping ADDRESS -i 1ms', 0],
    ['ping ADDRESS --exit nagios', 0],
    ['ping 127.0.0.1:1 -c 1', 2],
    ['explain ADDRESS', 0],
    ['watch ADDRESS', 74],
    ['watch ADDRESS --json', 74],
    ['check-config --json', 74],
    ['emit haproxy', 74],
    ['--help', 74],
  ])('is on a full disk prints one line, and no probe reports a failure because of it: %s', async (args, code) => {
    const full = openSync('/dev/full', 'w');
    expect(await run(args, full)).toEqual({ code, stderr: NOT_WRITTEN });
    closeSync(full);
  });

  it.each([
    ['ping ADDRESS -i 1ms', 0],
    ['ping 127.0.0.1:1 -i 1ms', 2],
    ['explain ADDRESS', 0],
    ['watch ADDRESS', 0],
    ['watch ADDRESS --json', 0],
    ['check-config', 0],
  ])('has lost its reader ends silently, with the code of its result: %s', async (args, code) => {
    expect(await run(args, 'gone')).toEqual({ code, stderr: '' });
  });
});
