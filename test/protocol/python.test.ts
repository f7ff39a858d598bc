import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, it } from '@jest/globals';
import { CheckFailure } from '../../src/health/reason.js';
import type { ServiceOptions } from '../../src/service/options.js';
import { createService, type Service } from '../../src/service/service.js';
import { frame, ScriptedServer } from '../client/scripted-server.js';

const folder = fileURLToPath(new URL('../../protocol/clients', import.meta.url));
const vectors = fileURLToPath(new URL('../../protocol/vectors/codec', import.meta.url));
const python = 'python3';

const closing: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});

/** The output of a few lines of Python, with `client` connected to the port. */
async function run(port: number, ...lines: string[]): Promise<string> {
  const program = ['import json, sys', 'from pongcheck import *', `client = Client("127.0.0.1", ${port})`, ...lines];
  const child = spawn(python, ['-B', '-c', program.join('\n')], { cwd: folder, timeout: 15_000 });
  let text = '';
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (chunk) => (text += chunk));
  await once(child, 'close');
  return text.trim();
}

async function serve(options: ServiceOptions = {}): Promise<{ service: Service; port: number }> {
  const service = createService({ listen: [{ url: 'pong://127.0.0.1:0' }], http: false, ...options });
  await service.start();
  closing.push(() => service.stop());
  return { service, port: Number(new URL(service.addresses[0] as string).port) };
}

describe('the Python client', () => {
  it('has at most 175 lines, and requires only Python', () => {
    const text = readFileSync(`${folder}/pongcheck.py`, 'utf8');
    expect(text.trimEnd().split('\n').length).toBeLessThanOrEqual(175);
    expect([...text.matchAll(/^(?:import|from) (.*)$/gm)].map(([, what]) => what)).toEqual([
      'json, re, socket, struct, time',
    ]);
    expect(existsSync(`${folder}/vectors.py`)).toBe(true);
  });

  it('passes every codec vector for a client, in any chunks', () => {
    const { stdout, status } = spawnSync(python, ['-B', 'vectors.py', vectors], { cwd: folder, encoding: 'utf8' });
    expect(stdout).toMatch(/^3\d\d vectors, 0 failed\n$/);
    expect(status).toBe(0);
  });

  it('queries every scope, checks, and the report of a responder', async () => {
    const { port } = await serve({
      checks: {
        db: async () => {},
        cache: async () => {
          throw new CheckFailure('refused', 'nothing listens');
        },
      },
    });
    const said = await run(
      port,
      'print([client.ping(scope)[0] for scope in (0, 1, 2)])',
      'print(client.ping(checks=["db"])[0], client.ping(checks=["none"])[0])',
      'status, report, seconds = client.ping(detail=True, timeoutMs=1000)',
      'print(status, report["causes"][0]["check"], report["causes"][0]["reason"], 0 < seconds < 5)',
      'print(client.ping(close=True)[0])',
      'client.close()',
    );
    expect(said.split('\n')).toEqual(["['fail', 'pass', 'pass']", 'pass not-found', 'fail cache refused True', 'fail']);
  });

  it('sends HELLO, answers PINGs of the server, and receives GOAWAY', async () => {
    const { service, port } = await serve({ heartbeat: { pingInterval: 30 }, drain: { grace: 3000, delay: 0 } });
    const running = run(
      port,
      'print(len(client.hello(name="py", heartbeat={"canSendMs": 1000, "wantMs": 30})["instance"]))',
      'while not client.draining: client.receive(time.monotonic() + 10)',
      'print("leaves")',
      'client.close()',
    );
    while (!(await service.connections())[0]?.roundTrip) await new Promise((resolve) => setImmediate(resolve));
    expect((await service.connections())[0]?.name).toBe('py');
    await service.drain();
    expect((await running).split('\n')).toEqual(['16', 'leaves']);
  });

  it.each([
    ['an ERROR of the server', frame(0x7f, 1, 8, 0n, '{"message":"too many"}'), 'Refused ERROR 8: too many'],
    ['an invalid frame', Buffer.from('0000000b', 'hex'), 'Refused ERROR 1: length'],
    ['a FIN', undefined, 'ConnectionError the server has closed the connection'],
    ['silence', Buffer.alloc(0), 'TimeoutError timed out'],
  ])('reports %s', async (_what, octets, description) => {
    const server = await ScriptedServer.listen((_seen, socket) => {
      if (octets) socket.write(octets);
      else socket.end();
    });
    closing.push(() => server.stop());
    const ask = ['try: client.ping(wait=0.5)', 'except Exception as e: print(type(e).__name__, e)'];
    expect(await run(server.port, ...ask)).toBe(description);
  });
});
