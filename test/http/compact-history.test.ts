import { afterEach, describe, expect, test } from '@jest/globals';
import type { HistoryView } from '../../src/health/history/health-history.js';
import { checkKey, groupKey, HistoryRecorder } from '../../src/health/history/recorder.js';
import { compactHistory } from '../../src/http/status-page/compact-history.js';
import { FakeClock } from '../fake-clock.js';

const MINUTE = 60_000;

let recorder: HistoryRecorder;
afterEach(() => recorder.close());

function historyOf(checks: readonly string[], groups: readonly string[] = []): [HistoryView, FakeClock] {
  const clock = new FakeClock();
  recorder = new HistoryRecorder({ clock });
  const view = {
    get minute() {
      return recorder.minute;
    },
    checks,
    groups,
    check: (name: string) => recorder.series(checkKey(name)),
    group: (name: string) => recorder.series(groupKey(name)),
  };
  return [view, clock];
}

const json = (history: HistoryView) => JSON.parse(JSON.stringify(compactHistory(history)));

describe('the history in /status.json', () => {
  test('has a letter for each minute, the unhealthy time, and the runs', async () => {
    const [history, clock] = historyOf(['db', 'silent'], ['readiness']);
    recorder.setState(groupKey('readiness'), 'starting');
    for (const state of ['pass', 'warn', 'fail', 'unknown'] as const) {
      recorder.setState(checkKey('db'), state);
      recorder.addRun(checkKey('db'), false, 12.34);
      await clock.advance(MINUTE);
    }
    recorder.setState(checkKey('db'), undefined);
    recorder.setState(groupKey('readiness'), 'draining');
    await clock.advance(MINUTE);
    const { minute, checks, groups } = json(history);
    expect(minute).toBe('2026-01-01T00:05:00.000Z');
    expect(checks).toEqual({
      db: {
        availability: { '1h': 0.5, '24h': 0.5 },
        states: `${'-'.repeat(54)}pwfu--`,
        unhealthyMs: [...Array(56).fill(0), MINUTE, MINUTE, 0, 0],
        meanMs: [...Array(54).fill(null), 12.3, 12.3, 12.3, 12.3, null, null],
      },
    });
    expect(groups.readiness).toMatchObject({ availability: { '1h': 0 }, states: `${'-'.repeat(54)}ssssdd` });
    expect(groups.readiness).not.toHaveProperty('meanMs');
  });

  test('has no availability for a series without known time', async () => {
    const [history] = historyOf(['db']);
    recorder.setState(checkKey('db'), 'pass');
    expect(json(history).checks.db).toEqual({ availability: {}, states: `${'-'.repeat(59)}p` });
  });

  test('an hour of 500 checks takes less than 400 KB', async () => {
    const names = Array.from({ length: 500 }, (_, i) => `upstream-service-${i}`);
    const [history, clock] = historyOf(names);
    for (let minute = 0; minute < 60; minute++) {
      for (const [i, name] of names.entries()) {
        recorder.setState(checkKey(name), (i + minute) % 50 === 0 ? 'fail' : 'pass');
        recorder.addRun(checkKey(name), false, 1 + ((i * 7919 + minute * 104_729) % 100_000) / 1000);
      }
      await clock.advance(MINUTE);
    }
    expect(JSON.stringify(compactHistory(history)).length).toBeLessThan(400_000);
  });
});
