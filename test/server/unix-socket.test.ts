import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { connect } from '../../src/client.js';
import { createService, type Service } from '../../src/service.js';

let folder: string;
let path: string;
const services: Service[] = [];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'pongcheck-unix-'));
  path = join(folder, 'pong.sock');
});

afterEach(async () => {
  for (const service of services.splice(0)) await service.stop();
  rmSync(folder, { recursive: true, force: true });
});

function serve(mode?: number, limits = {}): Service {
  const service = createService({
    limits,
    listen: [{ url: `pong+unix:${path}`, ...(mode !== undefined && { mode }) }],
    http: false,
  });
  services.push(service);
  return service;
}

describe('a Unix socket', () => {
  it('is listened on and connected to, with detail as on loopback, and is gone afterwards', async () => {
    const service = serve();
    await service.start();
    expect(service.addresses).toEqual([`pong+unix:${path}`]);
    const client = await connect(`pong+unix:${path}`);
    expect(await client.ping({ detail: true })).toMatchObject({ status: 'pass', report: { status: 'pass' } });
    await client.close();
    await service.stop();
    expect(existsSync(path)).toBe(false);
  });

  it('takes any number of peers, which have no address, where connections per address are limited', async () => {
    await serve(undefined, { maxConnectionsPerAddress: 1 }).start();
    const clients = await Promise.all([1, 2, 3].map(() => connect(`pong+unix:${path}`)));
    for (const client of clients) expect((await client.ping()).healthy).toBe(true);
    for (const client of clients) await client.close();
  });

  it('has the mode that was asked for', async () => {
    await serve(0o600).start();
    expect(statSync(path).mode & 0o777).toBe(0o600);
  });

  it('that a process left behind is replaced', async () => {
    const script = `require('net').createServer().listen(${JSON.stringify(path)}, () => console.log('up'))`;
    const left = spawn(process.execPath, ['-e', script], { stdio: ['ignore', 'pipe', 'inherit'] });
    await once(left.stdout, 'data');
    left.kill('SIGKILL');
    await once(left, 'close');
    expect(existsSync(path)).toBe(true);
    await serve().start();
    const client = await connect(`pong+unix:${path}`);
    expect((await client.ping()).healthy).toBe(true);
    await client.close();
  });

  it('on which another process listens is refused, and that one is not disturbed', async () => {
    await serve().start();
    await expect(serve().start()).rejects.toMatchObject({
      code: 'PONGCHECK_LISTEN',
      message: `cannot listen on pong+unix:${path}: another process listens there`,
    });
    const client = await connect(`pong+unix:${path}`);
    expect((await client.ping()).healthy).toBe(true);
    await client.close();
  });

  it('is never put in the place of another file', async () => {
    writeFileSync(path, 'precious');
    await expect(serve().start()).rejects.toThrow('there is a file that is no socket');
    expect(execFileSync('cat', [path], { encoding: 'utf8' })).toBe('precious');
  });
});
