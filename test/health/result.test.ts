import { describe, expect, it } from '@jest/globals';
import { redactor } from '../../src/common/redact.js';
import { CheckFailure } from '../../src/health/reason.js';
import { ResultNormalizer } from '../../src/health/result.js';

const findings = new ResultNormalizer(redactor(['geheim']), 'me');

describe('a returned result', () => {
  it.each([[undefined], [true], [{ status: 'pass' }]])('passes for %p', (value) => {
    expect(findings.returned(value)).toEqual({ status: 'pass' });
  });

  it('is a failure with reason custom for false', () => {
    expect(findings.returned(false)).toMatchObject({ status: 'fail', reason: 'custom' });
  });

  it('has the reason custom if a result other than pass has none', () => {
    expect(findings.returned({ status: 'warn', output: 'hm' })).toEqual({
      status: 'warn',
      reason: 'custom',
      output: 'hm',
    });
  });

  it('has no reason if it is pass', () => {
    expect(findings.returned({ status: 'pass', reason: 'lag' })).toEqual({ status: 'pass' });
  });

  it('may be unknown', () => {
    expect(findings.returned({ status: 'unknown', reason: 'dependency' })).toEqual({
      status: 'unknown',
      reason: 'dependency',
    });
  });

  it.each([
    [null],
    [0],
    ['PONG'],
    [[{ 1: 1 }]],
    [{}],
    [{ status: 'ok' }],
    [{ status: 'draining' }],
    [{ status: 'fail', reason: 'because' }],
    [{ status: 'fail', reason: 'toString' }],
    [{ status: 'fail', reason: null }],
    [{ status: 'fail', causes: 'x' }],
    [{ status: 'fail', causes: [{ via: [] }] }],
    [{ status: 'fail', causes: [null] }],
  ])('is an internal failure of the check for %p', (value) => {
    const finding = findings.returned(value);
    expect(finding).toMatchObject({ status: 'fail', reason: 'internal' });
    expect(finding.output).toMatch(/^The check returned /);
  });

  it('is redacted in all texts', () => {
    const finding = findings.returned({
      status: 'fail',
      output: 'geheim',
      observedValue: 'geheim',
      observedUnit: 'geheim',
      causes: [{ instance: 'geheim', via: ['geheim'], check: 'geheim', reason: 'geheim', output: 'geheim' }],
    });
    expect(JSON.stringify(finding)).not.toContain('geheim');
    expect(JSON.stringify(findings.returned({ status: 'geheim' }))).not.toContain('geheim');
  });

  it('keeps numbers, booleans and objects of them as observed values, and converts all others to text', () => {
    const observed = (observedValue: unknown) => findings.returned({ status: 'pass', observedValue }).observedValue;
    expect(observed(1.5)).toBe(1.5);
    expect(observed(false)).toBe(false);
    expect(observed({ lag: 3, role: 'replica', isReceiving: true, since: null })).toEqual({
      lag: 3,
      role: 'replica',
      isReceiving: true,
    });
    expect(observed({ lags: [1, 2], of: { a: 1n } })).toEqual({ lags: '[1,2]', of: '{"a":"1"}' });
    expect(observed([1, 'x'])).toBe('[1,"x"]');
    expect(observed(new Date(0))).toBe('1970-01-01T00:00:00.000Z');
    expect(observed(Number.NaN)).toBe('NaN');
    expect(observed(10n)).toBe('10');
    expect(observed(null)).toBe('null');
  });

  it('has one unit, or one per name', () => {
    const unit = (observedUnit: never) => findings.returned({ status: 'pass', observedUnit }).observedUnit;
    expect(unit('ms' as never)).toBe('ms');
    expect(unit({ delay: 'ms', geheim: 'geheim', heap: 5 } as never)).toEqual({ delay: 'ms', '***': '***', heap: '5' });
  });

  it('masks secrets in the names and values of an observed object, and bounds it', () => {
    const observed = (observedValue: object) => findings.returned({ status: 'pass', observedValue }).observedValue;
    expect(observed({ geheim: 'geheim', apiToken: 'x', password: 1234 })).toEqual({
      '***': '***',
      apiToken: '***',
      password: '***',
    });
    const many = observed(
      Object.fromEntries(Array.from({ length: 50 }, (_, i) => [`${'x'.repeat(99)}${i}`, 'y'.repeat(999)])),
    );
    expect(JSON.stringify(many).length).toBeLessThan(16 * (64 + 200 + 6));
    expect(Object.keys(observed(Object.fromEntries(Array.from({ length: 50 }, (_, i) => [i, i]))) ?? {})).toHaveLength(
      16,
    );
  });

  it('is kept if its observed value cannot be serialized', () => {
    const circle: { self?: unknown } = {};
    circle.self = circle;
    const of = (observedValue: unknown) => findings.returned({ status: 'pass', observedValue });
    expect(of(circle)).toEqual({ status: 'pass', observedValue: 'an object that cannot be serialized' });
    expect(of({ lag: 10n, of: [1n] })).toEqual({ status: 'pass', observedValue: { lag: '10', of: '["1"]' } });
    expect(of({ toJSON: () => undefined })).toEqual({ status: 'pass', observedValue: 'an object' });
  });
});

describe('causes reported by another responder', () => {
  const fail = (causes: object[]) => findings.returned({ status: 'fail', reason: 'dependency', causes });
  const db = { instance: 'b', via: ['b'], check: 'db', reason: 'refused', output: 'x' };

  it('are passed on', () => {
    expect(fail([db])).toMatchObject({ status: 'fail', reason: 'dependency', causes: [db] });
  });

  it('keep the answers of the other responder’s peers, if they are valid', () => {
    const shared = { ...db, fate: 'shared', peers: { asked: 5, answered: 4, failing: 4 } };
    expect(fail([shared]).causes).toEqual([shared]);
    for (const peers of [{ asked: 5 }, { asked: 5, answered: -1, failing: 0 }, 'many', null, [1, 2, 3]]) {
      expect(fail([{ ...db, fate: 'doomed', peers }]).causes).toEqual([db]);
    }
  });

  it('are dropped if they come from this process or came through it', () => {
    const own = { instance: 'me', via: ['b'] };
    const through = { instance: 'c', via: ['me', 'b'] };
    expect(fail([own, db, through]).causes).toEqual([db]);
  });

  it('make the result a loop if none is left', () => {
    const finding = fail([{ instance: 'me', via: ['b'] }]);
    expect(finding.reason).toBe('loop');
    expect(finding.causes).toBeUndefined();
    expect(
      findings.returned({ status: 'warn', reason: 'dependency', causes: [{ instance: 'me', via: [] }] }).reason,
    ).toBe('loop');
  });

  it('limit it to the worst remaining cause if some are from this process', () => {
    const own = { instance: 'me', via: ['b'], state: 'fail' };
    const warns = { ...db, state: 'warn' };
    const unsure = { ...db, state: 'unknown' };
    expect(fail([own, warns])).toMatchObject({ status: 'warn', reason: 'dependency', causes: [warns] });
    expect(fail([own, warns, unsure]).status).toBe('unknown');
    expect(fail([own, warns, { ...db, state: 'fail' }]).status).toBe('fail');
  });

  it('do not change it if none is from this process, one has no instance, or the list may be truncated', () => {
    const own = { instance: 'me', via: ['b'], state: 'fail' };
    const warns = { ...db, state: 'warn' };
    expect(fail([warns]).status).toBe('fail');
    expect(fail([own, warns, db]).status).toBe('fail');
    expect(fail([own, warns, { ...db, state: 'pass' }]).status).toBe('fail');
    expect(fail([own, ...Array(31).fill(warns)]).status).toBe('fail');
    expect(
      findings.returned({ status: 'warn', reason: 'dependency', causes: [own, { ...db, state: 'fail' }] }).status,
    ).toBe('warn');
  });

  it('leave the result unchanged if there were none', () => {
    expect(fail([])).toEqual({ status: 'fail', reason: 'dependency' });
  });

  it('may be bare instances, for a client without access to detail', () => {
    expect(fail([{ instance: 'c', via: ['b'] }]).causes).toEqual([{ instance: 'c', via: ['b'] }]);
  });

  it('are limited in number and size, because they come from another process', () => {
    const huge = { instance: 'i'.repeat(1000), via: Array(1000).fill('v'.repeat(1000)), output: 'o'.repeat(10_000) };
    const { causes = [] } = fail(Array(100).fill(huge));
    expect(causes).toHaveLength(32);
    expect(JSON.stringify(causes[0]).length).toBeLessThan(2600);
  });
});

describe('an exception of a run', () => {
  it('has its own reason if it is known, otherwise the given one', () => {
    expect(findings.thrown(new CheckFailure('auth', 'no'), 'internal')).toEqual({
      status: 'fail',
      reason: 'auth',
      output: 'no',
    });
    expect(findings.thrown(new Error('no'), 'custom')).toEqual({ status: 'fail', reason: 'custom', output: 'no' });
    expect(findings.thrown('geheim', 'custom')).toEqual({ status: 'fail', reason: 'custom', output: '***' });
  });

  it('is only a warning if it is marked as one', () => {
    expect(findings.thrown(new CheckFailure('lag', 'x', { status: 'warn' }), 'internal').status).toBe('warn');
  });
});
