import { once } from 'node:events';
import { type AddressInfo, createServer, type Server } from 'node:net';
import { threadId, Worker } from 'node:worker_threads';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { httpCheck } from '../../src/checks/http/index.js';
import { PatternWorker } from '../../src/checks/shared/pattern-worker.js';
import { tcpCheck } from '../../src/checks/tcp/index.js';
import type { CheckDefinition } from '../../src/health/check.js';
import { runCheck } from '../live/run-check.js';

/** 41 bytes, with which each of these patterns would need years to determine that it does not match. */
const TEXT = `${'a'.repeat(40)}!`;
const patterns = [/^(a+)+$/, /^(?=(a+)+$)/, /(?<!b)^(a|aa)+$/, /^(a*)*\1$/, /^(?:(a+)\1?)+$/i];
const TOOK_TOO_LONG = /^the pattern of \S+ took more than \d+ ms$/;

let server: Server;
let answer = '';
let port = 0;
const closing: (() => unknown)[] = [];

beforeEach(async () => {
  server = createServer((socket) => {
    socket.on('error', () => {}).once('data', () => socket.end(answer));
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  port = (server.address() as AddressInfo).port;
});
afterEach(async () => {
  for (const close of closing.splice(0)) await close();
  server.close();
  await once(server, 'close');
});

function kept(check: CheckDefinition): CheckDefinition {
  closing.push(() => check.close?.());
  return check;
}
const answered = (header: string, body: string) =>
  `HTTP/1.1 200 OK\r\nx-says: ${header}\r\ncontent-length: ${body.length}\r\nconnection: close\r\n\r\n${body}`;
const url = (scheme: string) => `${scheme}://127.0.0.1:${port}`;

const kinds: [string, (pattern: string | RegExp) => CheckDefinition, (text: string) => string][] = [
  [
    'the body of an HTTP answer',
    (expectBody) => httpCheck({ url: url('http'), expectBody, timeout: 800 }),
    (text) => answered('', text),
  ],
  [
    'a header of an HTTP answer',
    (says) => httpCheck({ url: url('http'), expectHeaders: { 'x-says': says }, timeout: 800 }),
    (text) => answered(text, ''),
  ],
  ['what a TCP port says', (expect) => tcpCheck({ url: url('tcp'), send: 'x', expect, timeout: 800 }), (text) => text],
];

describe.each(kinds)('a pattern for %s', (_what, make, say) => {
  it.each(patterns.slice(0, 2).map(String))(
    'that would never finish fails at the timeout and reports that, and the next text is matched: %s',
    async (pattern) => {
      const check = kept(make(pattern));
      answer = say(TEXT);
      let turns = 0;
      const ticking = setInterval(() => turns++, 5);
      const outcome = await runCheck(check);
      clearInterval(ticking);
      expect(outcome).toMatchObject({
        status: 'fail',
        reason: 'timeout',
        output: expect.stringMatching(TOOK_TOO_LONG),
      });
      // The process was not blocked.
      expect(turns).toBeGreaterThan(3);
      answer = say('aa');
      // Another thread must start within the timeout.
      expect(await runCheck({ ...check, timeout: 10_000 })).toMatchObject({ status: 'pass' });
    },
  );

  it('may be a RegExp that does not match', async () => {
    answer = say('Ready to serve');
    const lasting = { timeout: 15_000 };
    expect(await runCheck({ ...kept(make(/READY (?!for)to/gi)), ...lasting })).toMatchObject({ status: 'pass' });
    expect(await runCheck({ ...kept(make('/^ready$/')), ...lasting })).toMatchObject({
      status: 'fail',
      reason: 'bad-body',
    });
  });
});

describe('the matching thread', () => {
  const never = new AbortController().signal;
  const soon = () => performance.now() + 15_000;
  const worker = () => {
    const made = new PatternWorker();
    closing.push(() => made.close());
    return made;
  };
  const threads = async (between: () => Promise<unknown>) => {
    const idOf = async () => {
      const probe = new Worker('', { eval: true });
      const { threadId: id } = probe;
      await once(probe, 'exit');
      return id;
    };
    const before = await idOf();
    await between();
    return (await idOf()) - before - 1;
  };

  it('is kept for all runs, and replaced only after it was terminated', async () => {
    const pattern = worker();
    const index = pattern.add(/^(a+)+$/);
    const match = (text: string, deadline = soon()) => pattern.match(index, text, 'x', never, deadline);
    expect(
      await threads(async () => {
        await pattern.load();
        for (let run = 0; run < 20; run++) expect(await match('a'.repeat(run))).toBe(run > 0);
      }),
    ).toBe(1);
    expect(
      await threads(async () => {
        await expect(match(TEXT, performance.now() + 200)).rejects.toMatchObject({ reason: 'timeout' });
        expect(await match('a')).toBe(true);
      }),
    ).toBe(1);
  });

  it.each(patterns)('is terminated if %p would never finish', async (expression) => {
    const pattern = worker();
    const match = pattern.match(pattern.add(expression), TEXT, 'x', never, performance.now() + 200);
    await expect(match).rejects.toMatchObject({ reason: 'timeout' });
  });

  it('is not started if all patterns are plain texts', async () => {
    const check = kept(tcpCheck({ url: url('tcp'), send: 'x', expect: '(a+' }));
    answer = 'it is (a+)+';
    expect(await threads(async () => expect(await runCheck(check)).toMatchObject({ status: 'pass' }))).toBe(0);
    expect(threadId).toBe(0);
  });

  it('does not keep the process alive', async () => {
    const ports = () => process.getActiveResourcesInfo().filter((kind) => kind === 'MessagePort').length;
    const before = ports();
    const pattern = worker();
    const index = pattern.add(/^(a+)+$/);
    await pattern.load();
    expect(await pattern.match(index, 'a', 'x', never, soon())).toBe(true);
    expect(ports()).toBeLessThanOrEqual(before);
  });

  it('is terminated with the check, which ends its match', async () => {
    const pattern = worker();
    const index = pattern.add(/^(a+)+$/);
    const match = pattern.match(index, TEXT, 'x', never, soon());
    const refused = expect(match).rejects.toMatchObject({ reason: 'internal', message: 'the check is closed' });
    await pattern.close();
    await refused;
    await expect(pattern.match(index, 'a', 'x', never, soon())).rejects.toMatchObject({ reason: 'internal' });
  });

  it('is terminated with the run for which it matches', async () => {
    const pattern = worker();
    const index = pattern.add(/^(a+)+$/);
    const aborter = new AbortController();
    const match = pattern.match(index, TEXT, 'x', aborter.signal, soon());
    aborter.abort(new Error('the service stops'));
    await expect(match).rejects.toThrow('the service stops');
    expect(await pattern.match(index, 'a', 'x', never, soon())).toBe(true);
  });
});
