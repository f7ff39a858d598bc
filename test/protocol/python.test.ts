import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
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
  const program = ['import json, sys', 'from pongcheck import *', `client = Client("127.0.0.1:${port}")`, ...lines];
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
  it('is one file that requires only Python', () => {
    const text = readFileSync(`${folder}/pongcheck.py`, 'utf8');
    expect([...text.matchAll(/^(?:import|from) (.*)$/gm)].map(([, what]) => what)).toEqual([
      'json, logging, random, re, selectors, socket, ssl, struct, time',
      'collections import deque, namedtuple',
    ]);
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
      'print([client.ping(scope=scope).status for scope in SCOPES])',
      'print(client.ping(checks=["db"]).status, client.ping(group="all", max_age=60).healthy, client.ping(checks=["none"]).status)',
      'pong = client.ping(detail=True, timeout=1)',
      'print(pong.status, pong.healthy, pong.report["causes"][0]["check"], pong.report["causes"][0]["reason"], pong.seconds > 0)',
      'print(client.ping(close=True).status)',
      'client.close()',
    );
    expect(said.split('\n')).toEqual([
      "['fail', 'pass', 'pass']",
      'pass False not-found',
      'fail False cache refused True',
      'fail',
    ]);
  });

  it('sends HELLO, answers PINGs of the server, and receives GOAWAY', async () => {
    const { service, port } = await serve({ heartbeat: { pingInterval: 30 }, drain: { grace: 3000, delay: 0 } });
    const running = run(
      port,
      'print(len(client.hello(name="py", heartbeat={"canSendMs": 1000, "wantMs": 30})["instance"]))',
      'while client.goaway is None: client.poll(10)',
      'print("leaves", client.goaway["reconnectAfterMs"] > 0)',
      'client.close()',
    );
    while (!(await service.connections())[0]?.roundTrip) await new Promise((resolve) => setImmediate(resolve));
    expect((await service.connections())[0]?.name).toBe('py');
    await service.drain();
    expect((await running).split('\n')).toEqual(['16', 'leaves True']);
  });

  it.each([
    [
      'an ERROR of the server',
      frame(0x7f, 1, 8, 0n, '{"message":"too many"}'),
      'Refused too-many-pings ERROR 8 too-many-pings: too many',
    ],
    [
      'an invalid frame',
      Buffer.from('0000000b', 'hex'),
      'ProtocolError protocol invalid data from the server: length (protocol)',
    ],
    ['a FIN', undefined, /^Closed closed 127.0.0.1:\d+ has closed the connection$/],
    ['silence', Buffer.alloc(0), /^Timeout timeout 127.0.0.1:\d+ did not answer within 0.5 s$/],
  ])('reports %s', async (_what, octets, description) => {
    const server = await ScriptedServer.listen((_seen, socket) => {
      if (octets) socket.write(octets);
      else socket.end();
    });
    closing.push(() => server.stop());
    const ask = ['try: client.ping(wait=0.5)', 'except Exception as e: print(type(e).__name__, e.name, e)'];
    const said = await run(server.port, ...ask);
    if (typeof description === 'string') expect(said).toBe(description);
    else expect(said).toMatch(description);
  });
});
