import { describe, expect, it } from '@jest/globals';
import { redactor } from '../../src/common/redact.js';
import { CheckFailure } from '../../src/health/reason.js';
import { ResultNormalizer } from '../../src/health/result.js';

const findings = new ResultNormalizer(redactor(['geheim']), 'me');

describe('what a run returned', () => {
  it.each([[undefined], [true], [{ status: 'pass' }]])('passes for %p', (value) => {
    expect(findings.returned(value)).toEqual({ status: 'pass' });
  });

  it('fails with custom for false', () => {
    expect(findings.returned(false)).toMatchObject({ status: 'fail', reason: 'custom' });
  });

  it('is custom where a result that is not pass names no reason', () => {
    expect(findings.returned({ status: 'warn', output: 'hm' })).toEqual({
      status: 'warn',
      reason: 'custom',
      output: 'hm',
    });
  });

  it('has no reason where it passes', () => {
    expect(findings.returned({ status: 'pass', reason: 'lag' })).toEqual({ status: 'pass' });
  });

  it('may be that it could not be found out', () => {
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
  ])('is a fault of the check for %p', (value) => {
    const finding = findings.returned(value);
    expect(finding).toMatchObject({ status: 'fail', reason: 'internal' });
    expect(finding.output).toMatch(/^The check returned /);
  });

  it('is redacted in everything that is text', () => {
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

  it('keeps numbers and booleans as they were observed, and makes text of all else', () => {
    const observed = (observedValue: unknown) => findings.returned({ status: 'pass', observedValue }).observedValue;
    expect(observed(1.5)).toBe(1.5);
    expect(observed(false)).toBe(false);
    expect(observed({ lag: 3 })).toBe('{"lag":3}');
    expect(observed(Number.NaN)).toBe('NaN');
    expect(observed(10n)).toBe('10');
    expect(observed(null)).toBe('null');
  });

  it('is what it says, also if its observed value cannot be serialised', () => {
    const circle: { self?: unknown } = {};
    circle.self = circle;
    const of = (observedValue: unknown) => findings.returned({ status: 'pass', observedValue });
    expect(of(circle)).toEqual({ status: 'pass', observedValue: 'an object that cannot be serialised' });
    expect(of({ lag: 10n, of: [1n] })).toEqual({ status: 'pass', observedValue: '{"lag":"10","of":["1"]}' });
    expect(of({ toJSON: () => undefined })).toEqual({ status: 'pass', observedValue: 'an object' });
  });
});

describe('causes that another responder told', () => {
  const fail = (causes: object[]) => findings.returned({ status: 'fail', reason: 'dependency', causes });
  const db = { instance: 'b', via: ['b'], check: 'db', reason: 'refused', output: 'x' };

  it('are carried on', () => {
    expect(fail([db])).toMatchObject({ status: 'fail', reason: 'dependency', causes: [db] });
  });

  it('are dropped where they come from this process or came through it', () => {
    const own = { instance: 'me', via: ['b'] };
    const through = { instance: 'c', via: ['me', 'b'] };
    expect(fail([own, db, through]).causes).toEqual([db]);
  });

  it('make the result a loop where none is left', () => {
    const finding = fail([{ instance: 'me', via: ['b'] }]);
    expect(finding.reason).toBe('loop');
    expect(finding.causes).toBeUndefined();
    expect(
      findings.returned({ status: 'warn', reason: 'dependency', causes: [{ instance: 'me', via: [] }] }).reason,
    ).toBe('loop');
  });

  it('make it no worse than the worst that is left where some are ours', () => {
    const own = { instance: 'me', via: ['b'], state: 'fail' };
    const warns = { ...db, state: 'warn' };
    const unsure = { ...db, state: 'unknown' };
    expect(fail([own, warns])).toMatchObject({ status: 'warn', reason: 'dependency', causes: [warns] });
    expect(fail([own, warns, unsure]).status).toBe('unknown');
    expect(fail([own, warns, { ...db, state: 'fail' }]).status).toBe('fail');
  });

  it('make it neither better nor worse where none is ours, one does not say, or the list may have lost its end', () => {
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

  it('leave the result as it is where there never were any', () => {
    expect(fail([])).toEqual({ status: 'fail', reason: 'dependency' });
  });

  it('may be bare instances, as where detail is refused', () => {
    expect(fail([{ instance: 'c', via: ['b'] }]).causes).toEqual([{ instance: 'c', via: ['b'] }]);
  });

  it('are bounded in number and size, because they come from another process', () => {
    const huge = { instance: 'i'.repeat(1000), via: Array(1000).fill('v'.repeat(1000)), output: 'o'.repeat(10_000) };
    const { causes = [] } = fail(Array(100).fill(huge));
    expect(causes).toHaveLength(32);
    expect(JSON.stringify(causes[0]).length).toBeLessThan(2600);
  });
});

describe('what a run threw', () => {
  it('has the reason that can be told, else the given one', () => {
    expect(findings.thrown(new CheckFailure('auth', 'no'), 'internal')).toEqual({
      status: 'fail',
      reason: 'auth',
      output: 'no',
    });
    expect(findings.thrown(new Error('no'), 'custom')).toEqual({ status: 'fail', reason: 'custom', output: 'no' });
    expect(findings.thrown('geheim', 'custom')).toEqual({ status: 'fail', reason: 'custom', output: '***' });
  });

  it('is only a warning where it says so', () => {
    expect(findings.thrown(new CheckFailure('lag', 'x', { status: 'warn' }), 'internal').status).toBe('warn');
  });
});
