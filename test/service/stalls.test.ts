import { afterEach, describe, expect, it } from '@jest/globals';
import { silentLog } from '../../src/common/log.js';
import type { Series } from '../../src/health/history/recorder.js';
import { createService, type Service } from '../../src/service/service.js';
import { blockUntilCounted } from '../threads/blocked-loop.js';

interface Row {
  name: string;
  from: string;
  to: string;
  reason?: string;
  output?: string;
  time: string;
}

let service: Service | undefined;
afterEach(() => service?.stop());

describe('a stall of the event loop that has ended', () => {
  it('is logged once and in the history, between the changes before and after it', async () => {
    let isBroken = false;
    const lines: string[] = [];
    let logged = () => {};
    const isLogged = new Promise<void>((resolve) => {
      logged = resolve;
    });
    const warn = (_fields: object, message: string) => {
      // On a busy machine, loading the HTTP modules may exceed the readiness limit.
      if (!message.endsWith(' liveness reported fail')) return;
      lines.push(message);
      logged();
    };
    service = createService({
      listen: [{ url: 'pong://127.0.0.1:0' }],
      http: { port: 0 },
      threads: 1,
      loop: { readinessStall: 500, livenessStall: 2000 },
      log: { ...silentLog, warn },
      checks: {
        db: {
          kind: 'test',
          interval: 50,
          minInterval: 50,
          run: async () =>
            isBroken ? { status: 'fail', reason: 'refused', output: 'nothing listens' } : { status: 'pass' },
        },
      },
    });
    await service.start();
    const transitions = async () => {
      const response = await fetch(`${service?.httpAddress}/status.json`);
      return ((await response.json()) as { transitions: Row[] }).transitions;
    };
    while ((await transitions()).length === 0);
    blockUntilCounted(service, 'liveness');
    isBroken = true;
    await isLogged;
    while (!(await transitions()).some(({ reason }) => reason === 'refused'));

    expect(lines).toEqual([
      expect.stringMatching(
        /^the event loop was blocked for [\d.]+ s, since 20[\d-]+T[\d:.]+Z: readiness and liveness reported fail$/,
      ),
    ]);
    const rows = await transitions();
    const times = rows.map(({ time }) => Date.parse(time));
    expect(times).toEqual([...times].sort((a, b) => b - a));
    const changes = rows.map(({ name, from, to, reason }) => [name, from, to, ...(reason ? [reason] : [])].join(' '));
    const own = changes.filter((change) => change.startsWith('event-loop'));
    expect(own.slice(0, 2)).toEqual(['event-loop fail pass', 'event-loop pass fail loop-blocked']);
    expect(changes.indexOf('db unknown pass')).toBeGreaterThan(changes.indexOf('event-loop pass fail loop-blocked'));
    // The failure of the check counts for both series, the blocked event loop only for that of the group.
    const unhealthy = (series: Series | undefined) =>
      series?.slots(10).reduce((sum, slot) => sum + (slot?.unhealthyMs ?? 0), 0) ?? 0;
    const { history } = service;
    expect(unhealthy(history.group('readiness')) - unhealthy(history.check('db'))).toBeGreaterThan(1000);
    expect(rows.find(({ reason }) => reason === 'loop-blocked')?.output).toMatch(
      /^the event loop has been blocked since 20/,
    );
  });
});
