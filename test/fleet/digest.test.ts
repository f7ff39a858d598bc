import { describe, expect, it } from '@jest/globals';
import { digest } from '../../src/fleet/digest.js';

const time = '2026-01-01T00:10:00.000Z';
const at = (clock: string) => `2026-01-01T${clock}.000Z`;
const report = {
  state: 'fail',
  instance: 'a1b2',
  serviceId: 'shop',
  time,
  causes: [
    { instance: 'a1b2', via: [], check: 'db', state: 'fail', reason: 'timeout', output: 'no answer' },
    { instance: 'c3d4', service: 'stock', via: ['e5f6'], check: 'redis', state: 'warn', reason: 'refused' },
  ],
  checks: {
    db: [{ state: 'fail', since: at('00:08:00') }],
    stock: [{ state: 'warn', since: at('00:01:00'), critical: false }],
    cpu: [{ state: 'pass', since: at('00:09:00') }],
  },
};

describe('the digest of a report', () => {
  it('contains the causes, the failing checks, the service, the instance and the age of the state', () => {
    expect(digest('fail', report)).toEqual({
      service: 'shop',
      instance: 'a1b2',
      causes: [
        { state: 'fail', check: 'db', reason: 'timeout', output: 'no answer' },
        { state: 'warn', check: 'redis', reason: 'refused', of: 'stock' },
      ],
      failing: ['db', 'stock'],
      age: 120_000,
    });
  });

  it('contains the age of the last change if all checks pass', () => {
    const checks = { a: [{ state: 'pass', since: at('00:05:00') }], b: [{ state: 'pass', since: at('00:07:30') }] };
    expect(digest('pass', { time, checks }).age).toBe(150_000);
    expect(digest('pass', { time, checks: {} }).age).toBeUndefined();
    expect(digest('pass', { checks }).age).toBeUndefined();
    expect(digest('pass', { time: at('00:00:00'), checks }).age).toBe(0);
  });

  it('contains the age of the state without checks that only reflect the responder itself', () => {
    const back = [{ state: 'fail', reason: 'loop', since: at('00:07:30') }];
    const [db, down] = ['pass', 'fail'].map((state) => [{ state, since: at('00:09:00') }]);
    expect(digest('pass', { time, checks: { db, back: [{ ...back[0], since: at('00:09:30') }] } }).age).toBe(60_000);
    expect(digest('fail', { time, checks: { down, back } }).age).toBe(60_000);
  });

  it('is bounded, regardless of the report', () => {
    const long = 'x\n'.repeat(30_000);
    const many = Array.from({ length: 5000 }, (_, n) => [`${n}${long}`, [{ state: 'fail', since: time }]]);
    const cause = { instance: long, service: long, via: [long], check: long, state: long, reason: long, output: long };
    const kept = digest('fail', {
      instance: long,
      serviceId: long,
      time,
      causes: Array.from({ length: 5000 }, () => cause),
      checks: Object.fromEntries(many),
    });
    expect([kept.causes.length, kept.failing.length]).toEqual([8, 16]);
    expect(JSON.stringify(kept).length).toBeLessThan(40_000);
    expect(JSON.stringify(kept)).not.toContain('\\n');
  });

  it.each([undefined, null, 7, [], {}, { causes: 'no', checks: 1, instance: {} }])('is empty for %j', (report) => {
    expect(digest('fail', report)).toEqual({ causes: [], failing: [] });
  });
});
