import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, linkSync, mkdtempSync, readdirSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { connect } from '../../src/client.js';
import { createService, type Service } from '../../src/service/service.js';
import { compiledPackage } from '../cli/compiled.js';
import { threadCounts } from '../threads/thread-counts.js';

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

function serve(mode?: number, limits = {}, threads = 0): Service {
  const service = createService({
    threads,
    limits,
    listen: [{ url: `pong+unix:${path}`, ...(mode !== undefined && { mode }) }],
    http: false,
  });
  services.push(service);
  return service;
}

describe.each(threadCounts)('a Unix socket, with threads: %i', (threads) => {
  it('accepts connections, with details as on loopback, and is removed afterwards', async () => {
    const service = serve(undefined, {}, threads);
    await service.start();
    expect(service.addresses).toEqual([`pong+unix:${path}`]);
    const client = await connect(`pong+unix:${path}`);
    expect(await client.ping({ detail: true })).toMatchObject({ status: 'pass', report: { status: 'pass' } });
    await client.close();
    await service.stop();
    expect(existsSync(path)).toBe(false);
  });

  it('has no connection limit per address, because its peers have no address', async () => {
    await serve(undefined, { maxConnectionsPerAddress: 1 }, threads).start();
    const clients = await Promise.all([1, 2, 3].map(() => connect(`pong+unix:${path}`)));
    for (const client of clients) expect((await client.ping()).healthy).toBe(true);
    for (const client of clients) await client.close();
  });

  it('has the configured mode', async () => {
    await serve(0o600, {}, threads).start();
    expect(statSync(path).mode & 0o777).toBe(0o600);
  });

  it('of an ended process is replaced', async () => {
    const script = `require('net').createServer().listen(${JSON.stringify(path)}, () => console.log('up'))`;
    const left = spawn(process.execPath, ['-e', script], { stdio: ['ignore', 'pipe', 'inherit'] });
    await once(left.stdout, 'data');
    left.kill('SIGKILL');
    await once(left, 'close');
    expect(existsSync(path)).toBe(true);
    await serve(undefined, {}, threads).start();
    const client = await connect(`pong+unix:${path}`);
    expect((await client.ping()).healthy).toBe(true);
    await client.close();
  });

  it('on which another process listens is refused, and stays in use', async () => {
    await serve(undefined, {}, threads).start();
    await expect(serve(undefined, {}, threads).start()).rejects.toMatchObject({
      code: 'PONGCHECK_LISTEN',
      message: `cannot listen on pong+unix:${path}: another process is listening on it`,
    });
    const client = await connect(`pong+unix:${path}`);
    expect((await client.ping()).healthy).toBe(true);
    await client.close();
  });

  it('never replaces another file', async () => {
    writeFileSync(path, 'precious');
    await expect(serve(undefined, {}, threads).start()).rejects.toThrow('the file exists and is not a socket');
    expect(execFileSync('cat', [path], { encoding: 'utf8' })).toBe('precious');
  });
});

describe('a Unix socket that several processes open concurrently', () => {
  const ROUNDS = 25;
  const RACERS = 4;

  /** Listens on the path in each input line, reports the result, and stops listening when it reads the next line. */
  const racer = `
    import { createInterface } from 'node:readline';
    import { createService } from ${JSON.stringify(join(compiledPackage(), 'dist', 'index.js'))};
    let service;
    for await (const path of createInterface(process.stdin)) {
      await service?.stop();
      service = createService({ listen: [{ url: 'pong+unix:' + path }], http: false });
      console.log(await service.start().then(() => 'listens', (error) => error.code + ' ' + error.message));
    }
    await service?.stop();`;

  it.each(['of an ended process', 'without a file'])('%s is opened by exactly one of them', async (what) => {
    const racers = Array.from({ length: RACERS }, () =>
      spawn(process.execPath, ['--input-type=module', '-e', racer], { stdio: ['pipe', 'pipe', 'inherit'] }),
    );
    const answers = racers.map((child) => createInterface(child.stdout)[Symbol.asyncIterator]());
    try {
      for (let round = 0; round < ROUNDS; round++) {
        const at = join(folder, `${round}.sock`);
        if (what.startsWith('of')) await leaveBehind(at);
        for (const child of racers) child.stdin.write(`${at}\n`);
        const found = await Promise.all(answers.map(async (answer) => (await answer.next()).value));
        const refused = `PONGCHECK_LISTEN cannot listen on pong+unix:${at}: another process is listening on it`;
        expect(found.sort()).toEqual(['listens', ...Array(RACERS - 1).fill(refused)].sort());
        const client = await connect(`pong+unix:${at}`);
        expect((await client.ping()).healthy).toBe(true);
        await client.close();
        expect(readdirSync(folder).filter((name) => name.includes('.lock'))).toEqual([]);
      }
    } finally {
      for (const child of racers) child.stdin.end();
      await Promise.all(racers.map((child) => once(child, 'close')));
    }
  });

  it('is opened despite the lock of an ended process', async () => {
    await leaveBehind(path);
    writeFileSync(`${path}.lock`, '');
    await serve().start();
    expect(existsSync(`${path}.lock`)).toBe(false);
  });

  it('is refused with one description if its folder does not exist', async () => {
    path = join(folder, 'nowhere', 'pong.sock');
    await expect(serve().start()).rejects.toMatchObject({
      code: 'PONGCHECK_LISTEN',
      message: expect.stringContaining(`cannot listen on pong+unix:${path}: ENOENT`),
    });
  });
});

/** Creates the file of a socket whose process has ended. */
async function leaveBehind(at: string): Promise<void> {
  const listener = createServer().listen(at);
  await once(listener, 'listening');
  linkSync(at, `${at}.kept`);
  listener.close();
  await once(listener, 'close');
  renameSync(`${at}.kept`, at);
}
