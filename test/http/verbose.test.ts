import { afterEach, describe, expect, it } from '@jest/globals';
import type { CheckDefinition } from '../../src/health/check.js';
import { Registry } from '../../src/health/query/registry.js';
import { CheckFailure } from '../../src/health/reason.js';
import { settle } from '../fake-clock.js';
import { peersThat, registryOf } from '../health/asking.js';
import { defined } from '../health/defined.js';
import { SteadyCheck } from '../health/scripted-check.js';
import { closeAll, serve } from './served.js';

afterEach(closeAll);

/** A check that runs once in this test, no matter how long the test takes. */
const once = (run: CheckDefinition['run']) => ({ kind: 'function', interval: 3_600_000, run });

async function verbose(detail: 'loopback' | 'never' = 'loopback') {
  const health = new Registry({
    checks: defined({
      db: once(async () => ({ status: 'pass' })),
      cache: once(async () => {
        throw new CheckFailure('refused', 'nothing listens');
      }),
      extra: { ...once(async () => ({ status: 'fail', output: 'no' })), critical: false },
      queue: once(async () => ({ status: 'warn', reason: 'threshold', output: '900 waiting' })),
    }),
  });
  health.start();
  const { url } = await serve({ health, detail });
  const response = await fetch(`${url}/readyz?verbose`);
  const text = await response.text();
  await health.stop();
  return { code: response.status, text };
}

describe('?verbose', () => {
  it('has a line for each check, however many there are', async () => {
    const checks = Object.fromEntries(
      Array.from({ length: 1001 }, (_, n) => [`c${n}`, once(async () => ({ status: 'pass' }))]),
    );
    const health = new Registry({ checks: defined(checks) });
    const { url } = await serve({ health });
    const text = await (await fetch(`${url}/readyz?verbose`)).text();
    expect(text.match(/^\[[-+]\]c\d+ /gm)).toHaveLength(1001);
    await health.stop();
  });

  it('states that a failure is shared', async () => {
    const db = new SteadyCheck({ onShared: 'warn', interval: 5000 });
    const { registry: health, clock } = registryOf(
      { db },
      { peers: peersThat(() => ({ asked: 5, answered: 5, failing: 4 })) },
    );
    health.start();
    await settle();
    db.outcome = { status: 'fail', reason: 'timeout', output: 'no answer' };
    await clock.advance(5000);
    const { url } = await serve({ health });
    const response = await fetch(`${url}/readyz?verbose`);
    expect([response.status, (await response.text()).split('\n')]).toEqual([
      200,
      [
        expect.stringMatching(
          /^\[-\]db failed: timeout: no answer; shared: fails at 4 of 5 peers \(since .*, fails 1\)$/,
        ),
        'readyz check passed',
        '',
      ],
    ]);
    await health.stop();
  });

  it('prints one line per check, like Kubernetes', async () => {
    const { code, text } = await verbose();
    expect({ code, text: text.replace(/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z/g, 'T') }).toEqual({
      code: 503,
      text: [
        '[+]db ok (since T, passes 1)',
        '[-]cache failed: refused: nothing listens (since T, fails 1)',
        '[-]extra failed: custom: no (not critical, since T, fails 1)',
        '[+]queue ok (warn: threshold: 900 waiting; since T, passes 1)',
        'readyz check failed: fail',
        '',
      ].join('\n'),
    });
  });

  it('shows clients without access to detail no more than without it', async () => {
    expect(await verbose('never')).toEqual({ code: 503, text: '{"status":"fail","state":"fail"}' });
  });
});
