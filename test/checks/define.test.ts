import { describe, expect, it } from '@jest/globals';
import { defineCheck } from '../../src/checks/define.js';
import { diskCheck } from '../../src/checks/disk/index.js';
import { PongcheckError } from '../../src/common/errors.js';
import type { CheckSettings } from '../../src/health/check.js';

const run = async () => ({ status: 'pass' as const });
const define = (settings: object) => defineCheck('db', { kind: 'test', run, ...settings });

function refusal(define: () => unknown): string {
  try {
    define();
  } catch (error) {
    expect(error).toBeInstanceOf(PongcheckError);
    expect((error as PongcheckError).code).toBe('PONGCHECK_CONFIG');
    return (error as Error).message;
  }
  throw new Error('it was taken');
}

describe('the definition of a check', () => {
  it('has a default for each setting', () => {
    expect(define({})).toMatchObject({
      name: 'db',
      timeout: 800,
      maxAge: 1000,
      interval: 5000,
      minInterval: 100,
      rise: 1,
      fall: 1,
      critical: true,
      groups: ['readiness'],
      secrets: [],
    });
  });

  it('sets the max age to interval + timeout if an interval is given, so that callers never wait', () => {
    expect(define({ interval: 2000 }).maxAge).toBe(2800);
    expect(define({ interval: 2000, timeout: 300 }).maxAge).toBe(2300);
  });

  it('keeps a given max age, and the default if the check runs only on demand', () => {
    expect(define({ interval: 2000, maxAge: 500 }).maxAge).toBe(500);
    expect(define({ interval: 0 }).maxAge).toBe(1000);
  });

  it('stays the same when it is defined twice', () => {
    const once = define({ interval: 2000, groups: ['a', 'a'] });
    expect(defineCheck('db', once)).toEqual({ ...once, run: expect.any(Function) });
    expect(once.groups).toEqual(['a']);
  });

  it.each([1n, '', 'x'.repeat(65), {}])(
    'refuses a component type that does not fit in a report: %p',
    (componentType) => {
      expect(() => define({ componentType })).toThrow('componentType is');
    },
  );

  it('accepts a function, which has its own kind', async () => {
    const check = defineCheck('own', async (signal) => signal.aborted);
    expect(check.kind).toBe('function');
    expect(await check.run(new AbortController().signal, 0)).toBe(false);
  });

  it('keeps `this` if the definition is an instance of a class', async () => {
    class Kind {
      kind = 'k';
      closed = false;
      run() {
        return Promise.resolve({ status: 'pass' as const, output: this.kind });
      }
      close() {
        this.closed = true;
      }
    }
    const kind = new Kind();
    const check = defineCheck('x', kind);
    expect(await check.run(new AbortController().signal, 0)).toEqual({ status: 'pass', output: 'k' });
    await check.close?.();
    expect(kind.closed).toBe(true);
  });

  it.each<[keyof CheckSettings, unknown, string]>([
    ['timeout', 0, 'from 1 to'],
    ['timeout', -1, 'from 1 to'],
    ['timeout', Number.NaN, 'from 1 to'],
    ['timeout', Number.POSITIVE_INFINITY, 'from 1 to'],
    ['timeout', 2 ** 31, 'from 1 to'],
    ['timeout', '800', 'from 1 to'],
    ['maxAge', -1, 'from 0 to'],
    ['interval', Number.NaN, 'from 0 to'],
    ['interval', 99, 'is 99ms; allowed: 0 for on demand only, or at least minInterval, 100ms'],
    ['minInterval', 0, 'from 1 to'],
    ['minInterval', -5, 'from 1 to'],
    ['rise', 0, 'a whole number from 1'],
    ['rise', 1.5, 'a whole number from 1'],
    ['fall', null, 'a whole number from 1'],
    ['critical', 'no', 'true or false'],
    ['groups', 'web', 'a list of names'],
    ['groups', [''], 'a list of names of 1 to 64'],
    ['groups', [7], 'a list of names of 1 to 64'],
    ['groups', ['liveness'], 'liveness runs no check'],
  ])('refuses %s %p', (key, value, allowed) => {
    const message = refusal(() => define({ [key]: value }));
    expect(message).toMatch(new RegExp(`^checks\\.db\\.${key} is `));
    expect(message).toContain(allowed);
  });

  it.each([
    [{ interval: 99 }, 'interval is 99ms; allowed: 0 for on demand only, or at least minInterval, 100ms'],
    [{ groups: ['a', 'liveness'] }, 'groups is "liveness"; allowed: any other name: liveness runs no check'],
  ])('is also refused by the factory of a kind: %j', (settings, message) => {
    expect(refusal(() => diskCheck({ path: '/', ...settings }))).toBe(`disk check: ${message}`);
    expect(refusal(() => define(settings))).toBe(`checks.db.${message}`);
  });

  it('states the value found', () => {
    expect(refusal(() => define({ timeout: -7 }))).toBe(
      'checks.db.timeout is -7; allowed: milliseconds, a whole number from 1 to 3600000',
    );
    expect(refusal(() => define({ critical: 'no' }))).toContain('critical is "no";');
  });

  it('never shows a secret that was given in an invalid form', () => {
    expect(refusal(() => define({ secrets: 'geheim' }))).not.toContain('geheim');
    expect(refusal(() => define({ secrets: ['geheim', undefined] }))).not.toContain('geheim');
  });

  it.each(['', 'with space', 'a=b', 'line\nbreak', 'x'.repeat(65), '\u202e'])('refuses the name %p', (name) => {
    expect(refusal(() => defineCheck(name, { kind: 'test', run }))).toContain('is not a valid name');
  });

  it('refuses the former name of a setting, and names the new one', () => {
    const definition = { kind: 'function', run: async () => ({ status: 'pass' as const }), floor: 100 };
    expect(() => defineCheck('db', definition)).toThrow('checks.db.floor was renamed to minInterval');
  });

  it('refuses a value that is not a check', () => {
    expect(refusal(() => defineCheck('x', undefined as never))).toContain(
      'a function, or an object with a function `run`',
    );
    expect(refusal(() => defineCheck('x', { kind: 'k' } as never))).toContain('checks.x is an object');
    expect(refusal(() => defineCheck('x', { run } as never))).toContain('checks.x.kind is missing');
  });
});
