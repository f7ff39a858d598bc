import { runInNewContext } from 'node:vm';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { limitExceeded } from '../../src/common/json-limits.js';
import { MAX_DESCRIPTION, redactor } from '../../src/common/redact.js';
import type { CheckOutcome } from '../../src/health/check.js';
import { CheckFailure, isReason, reasonOf } from '../../src/health/reason.js';
import { type NormalizedResult, ResultNormalizer } from '../../src/health/result.js';
import { checkStates } from '../../src/health/state.js';
import { settle } from '../fake-clock.js';
import { registryOf } from './asking.js';

const SECRET = 'hunter2-is-it';

function thrower(): never {
  throw Object.assign(new Error(SECRET), { code: 5 });
}
function revoked<T extends object>(target: T): T {
  const { proxy, revoke } = Proxy.revocable(target, {});
  revoke();
  return proxy;
}
/** In one of them every trap throws, in the other only reads do. */
const trapped = (target: object) => new Proxy(target, new Proxy({}, { get: () => thrower }));
const unreadable = (target: object) => new Proxy(target, { get: thrower });
/** Each property is another object of the same kind. */
const bottomless = (): object =>
  new Proxy(
    {},
    {
      get: bottomless,
      ownKeys: () => ['a'],
      getOwnPropertyDescriptor: () => ({ enumerable: true, configurable: true, value: bottomless() }),
    },
  );
const circular = () => {
  const circle = Object.assign(new Error(''), { errors: [] as unknown[] });
  circle.cause = circle;
  circle.errors.push(circle, circle, circle, circle, circle, circle, circle, circle, circle, circle);
  return circle;
};
const withGetter = (key: string, base: object) => Object.defineProperty(base, key, { get: thrower, enumerable: true });

const keys = [
  'status',
  'reason',
  'output',
  'observedValue',
  'observedUnit',
  'causes',
  'instance',
  'via',
  'state',
  'code',
  'message',
  'name',
  'cause',
  'errors',
  'syscall',
  'toJSON',
  'then',
];

type Make = () => unknown;

/** Values that user code may return. Created late, because fast-check would inspect them. */
const hostile: fc.Arbitrary<Make> = fc.letrec<{ any: Make }>((tie) => {
  const key = fc.constantFrom(...keys);
  const status = fc.constantFrom('pass', 'warn', 'fail', 'unknown');
  return {
    any: fc.oneof(
      { maxDepth: 4 },
      fc.anything({ withBigInt: true, withSparseArray: true, withNullPrototype: true }).map((value) => () => value),
      fc.constantFrom<Make>(
        () => revoked({}),
        () => revoked([]),
        () => revoked(new Error('x')),
        () => trapped({}),
        () => trapped(new Error('x')),
        () => unreadable(new CheckFailure('lag', 'x')),
        bottomless,
        circular,
        () => new CheckFailure('nonsense' as 'lag', 'x', { status: 'pass' as 'warn' }),
        () => Object.assign(new CheckFailure('lag', 'x'), { status: Symbol('s'), reason: {} }),
        () => runInNewContext('Object.assign(new Error("other realm"), { code: "ECONNREFUSED" })'),
        () => runInNewContext('({ status: "warn", output: new Error("x"), causes: [{ instance: "a", via: [] }] })'),
        () => ({ [Symbol.toPrimitive]: thrower, toString: thrower }),
        () => ({ status: 'fail', output: SECRET.repeat(100_000) }),
        () => ({ status: 10n, reason: 10n }),
        () => Array.from({ length: 100_000 }, () => 1),
        () => new Proxy([], { get: (target, name) => (name === 'length' ? 2 ** 32 : Reflect.get(target, name)) }),
        () => Symbol(SECRET),
        () => thrower,
      ),
      fc.tuple(key, tie('any')).map(([name, make]) => () => ({ [name]: make() })),
      fc.tuple(key, tie('any')).map(
        ([name, make]) =>
          () =>
            Object.assign(new Error(SECRET), { [name]: make() }),
      ),
      fc.tuple(key, status).map(([name, status]) => () => {
        return withGetter(name, { status, causes: [{ instance: 'a', via: [] }] });
      }),
      key.map((name) => () => withGetter(name, new Error(SECRET))),
      fc.tuple(status, tie('any'), tie('any')).map(([status, a, b]) => () => {
        const causes = [b(), { instance: a(), via: [b()] }];
        return { status, output: a(), observedValue: b(), observedUnit: a(), causes };
      }),
    ),
  };
}).any;

function isSound(finding: NormalizedResult): void {
  expect(checkStates).toContain(finding.status);
  if (finding.status === 'pass') expect(finding.reason).toBeUndefined();
  else expect(isReason(finding.reason)).toBe(true);
  expect((finding.output ?? '').length).toBeLessThanOrEqual(MAX_DESCRIPTION);
  const text = JSON.stringify(finding);
  expect(text.length).toBeLessThan(200_000);
  expect(text).not.toContain(SECRET);
  // A peer would refuse a report that exceeds a limit.
  expect(limitExceeded(Buffer.from(text))).toBeUndefined();
}

describe('any value or exception of user code', () => {
  const findings = new ResultNormalizer(redactor([SECRET]), 'me');

  it('becomes a result that can be displayed, whether returned or thrown', () => {
    fc.assert(
      fc.property(hostile, (make) => {
        const value = make();
        isSound(findings.returned(value));
        isSound(findings.thrown(value, 'custom'));
        expect(isReason(reasonOf(value))).toBe(true);
      }),
      { numRuns: 1000 },
    );
  });

  it.each([
    ['an error whose code throws', () => withGetter('code', new Error('kept')), { reason: 'custom', output: 'kept' }],
    ['a revoked Proxy', () => revoked({}), { reason: 'custom', output: 'an error that cannot be read' }],
    [
      'an error of another realm',
      () => runInNewContext('Object.assign(new Error("x"), { code: "ECONNREFUSED" })'),
      { reason: 'refused', output: 'x' },
    ],
    [
      'a failure with an unknown reason',
      () => new CheckFailure('nonsense' as 'lag', 'x'),
      { reason: 'custom', output: 'x' },
    ],
    [
      'a failure with status pass',
      () => Object.assign(new CheckFailure('lag', 'x'), { status: 'pass' }),
      { reason: 'lag', output: 'x' },
    ],
  ])('that is thrown as %s fails the check', (_what, make, expected) => {
    expect(findings.thrown(make(), 'custom')).toEqual({ status: 'fail', ...expected });
  });

  it.each([
    [null, 'null'],
    [Number.NaN, 'NaN'],
    [0, '0'],
    [10n, '10'],
    ['PONG', '"PONG"'],
    [[], 'an array'],
    [() => SECRET, 'a function'],
    [Symbol('s'), 'a symbol'],
  ])('is described by its type: %p', (value, name) => {
    expect(findings.returned(value).output).toBe(
      `The check returned ${name}; allowed: nothing, true, false, or a result with a status.`,
    );
  });

  it('cannot nest a report, and cannot split a character of two code units', async () => {
    const deep = JSON.parse(`${'{"a":['.repeat(50)}${']}'.repeat(50)}`);
    const name = `${'x'.repeat(63)}\u{1f600}`;
    const causes = [{ instance: name, service: deep, via: [name, deep], check: name, reason: deep, output: deep }];
    const { registry, ask } = registryOf({
      custom: () => ({ status: 'fail', output: deep, observedValue: deep, observedUnit: '\ud800', causes }),
    });
    registry.start();
    for (let turn = 0; turn < 3; turn++) await settle();
    const report = ask({ timeout: 0, maxAge: 9000 }).report();
    expect(report.checks.custom).toMatchObject([{ state: 'fail', observedUnit: '\\u{d800}' }]);
    expect(report.causes).toMatchObject([{ instance: 'x'.repeat(63), via: ['x'.repeat(63), expect.any(String)] }]);
    expect(limitExceeded(Buffer.from(JSON.stringify(report)))).toBeUndefined();
    await registry.stop();
  });

  it('affects no other check and no answer', async () => {
    await fc.assert(
      fc.asyncProperty(hostile, hostile, async (make, makeThen) => {
        const value = make();
        const { registry, ask } = registryOf({
          returns: () => value as CheckOutcome,
          rejects: async () => Promise.reject(value),
          throws: () => {
            throw value;
          },
          thenable: () => Object.defineProperty({}, 'then', { get: makeThen }) as Promise<void>,
          refuses: { kind: 'x', run: () => Promise.reject(value), close: () => Promise.reject(value) },
          well: () => true,
        });
        registry.start();
        for (let turn = 0; turn < 3; turn++) await settle();
        const { checks } = ask({ timeout: 0, maxAge: 9000 }).report();
        expect(checks.well).toMatchObject([{ state: 'pass' }]);
        expect(checks.rejects).toMatchObject([{ status: 'fail' }]);
        void registry.stop();
        await settle();
      }),
      { numRuns: 300 },
    );
  });
});
