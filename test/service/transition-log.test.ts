import { describe, expect, it } from '@jest/globals';
import { Registry } from '../../src/health/query/registry.js';
import { logTransitions } from '../../src/service/transition-log.js';
import { FakeClock, settle } from '../fake-clock.js';
import { defined } from '../health/defined.js';

describe('the log of transitions', () => {
  it('has one line for each change of a check or a group, at the appropriate level, and none for a run or the drain', async () => {
    const clock = new FakeClock();
    let broken = false;
    const health = new Registry({
      clock,
      random: () => 0,
      checks: defined({
        db: async () => {
          if (broken) throw new Error('no route');
        },
      }),
    });
    const lines: string[] = [];
    const say = (level: string) => (_fields: object, message: string) => void lines.push(`${level}: ${message}`);
    logTransitions(health, { debug: say('debug'), info: say('info'), warn: say('warn'), error: say('error') });
    health.start();
    await clock.advance(20_000);
    expect(lines.splice(0)).toEqual([
      'info: check db: unknown -> pass',
      'info: group readiness: unknown -> pass',
      'info: group startup: starting -> pass',
    ]);
    broken = true;
    await clock.advance(20_000);
    expect(lines.splice(0)).toEqual([
      'error: check db: pass -> fail (custom: no route)',
      'error: group readiness: pass -> fail (custom: no route)',
    ]);
    health.drain();
    expect(lines).toEqual([]);
    await health.stop();
    await settle();
  });
});
