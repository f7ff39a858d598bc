import { afterAll, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { fastify } from 'fastify';
import { scopes } from '../../src/health/health.js';
import { Registry, type RegistryOptions } from '../../src/health/query/registry.js';
import { reasons } from '../../src/health/reason.js';
import { states } from '../../src/health/state.js';
import { settle } from '../fake-clock.js';
import { peersThat, registryOf } from '../health/asking.js';
import { type Checks, defined } from '../health/defined.js';
import { ScriptedCheck, SteadyCheck } from '../health/scripted-check.js';
import { readRoot } from '../readme/markdown.js';
import { mirrored, reportOf as reportOfAnswer } from '../threads/mirrored.js';

type Schema = Record<string, any>;
const schema = JSON.parse(readRoot('protocol/report.schema.json')) as Schema;

/** The schema without additional keys. Readers ignore them, but this package writes none. */
function closed(part: Schema): Schema {
  const inner = Object.fromEntries(
    Object.entries(part).map(([key, value]) => [
      key,
      typeof value === 'object' && value !== null && !Array.isArray(value) ? closed(value) : value,
    ]),
  );
  return 'properties' in part && part.type === 'object' ? { ...inner, additionalProperties: false } : inner;
}

type Validate = ((value: unknown) => boolean) & { errors?: unknown };
// Fastify includes a validator and compiles the schema of a route. The application does not listen.
const app = fastify({ ajv: { customOptions: { coerceTypes: false, removeAdditional: false, strict: false } } });
app.post('/', { schema: { body: {} } }, async () => '');
afterAll(() => app.close());

const compiled = new Map<Schema, Validate>();
const closedSchema = closed(schema);

async function verdict(report: unknown, wanted: Schema = closedSchema): Promise<string> {
  await app.ready();
  const { $id: _, ...anonymous } = wanted;
  const compile = () => app.validatorCompiler?.({ schema: anonymous, method: 'POST', url: '/' } as never) as Validate;
  const validate = compiled.get(wanted) ?? compile();
  compiled.set(wanted, validate);
  return validate(report) ? 'fits' : JSON.stringify(validate.errors);
}

const opened: Registry[] = [];
afterAll(() => Promise.all(opened.map((registry) => registry.stop())));

/** The report of a service with these checks, as sent. */
function reportOf(
  checks: Checks,
  {
    extent = 'full',
    timeout = 1000,
    name,
  }: { extent?: 'full' | 'causes' | 'chain'; timeout?: number; name?: string } = {},
): Promise<Schema> {
  const registry = new Registry({ checks: defined(checks), serviceId: 'shop', releaseId: '1.2' });
  opened.push(registry);
  const query = { scope: 'readiness' as const, hops: 0, timeout, ...(name && { checks: [name] }) };
  return new Promise((resolve) => {
    registry.ask(query, (answer) => resolve(JSON.parse(answer.report(extent).toString())));
  });
}

const remote = { instance: 'far', via: ['near'], check: 'db', reason: 'timeout', output: 'no answer' };
const checks: Checks = {
  good: async () => ({ status: 'pass', observedValue: 3.5, observedUnit: 's' }),
  bad: async () => {
    throw Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED' });
  },
  behind: {
    kind: 'pingpong',
    componentType: 'component',
    groups: ['readiness', 'web'],
    critical: false,
    run: async () => ({ status: 'warn', reason: 'dependency', output: 'x'.repeat(500), causes: [remote] }),
  },
};

describe('the schema of the report', () => {
  it.each(['full', 'causes', 'chain'] as const)('accepts real reports (%s)', async (extent) => {
    const report = await reportOf(checks, { extent });
    expect(await verdict(report)).toBe('fits');
    expect(report.causes).toHaveLength(2);
  });

  it('accepts a report of checks that never ran, and of a check that does not exist', async () => {
    expect(await verdict(await reportOf(checks, { timeout: 0 }))).toBe('fits');
    const report = await reportOf(checks, { name: 'other' });
    expect(report.state).toBe('not-found');
    expect(await verdict(report)).toBe('fits');
  });

  it.each([4, 1])('accepts a report about which peers were asked, at %i of 5 of which it fails', async (failing) => {
    const db = new SteadyCheck({ onShared: 'warn', interval: 5000 });
    const { registry, clock, ask } = registryOf(
      { db },
      { peers: peersThat(() => ({ asked: 5, answered: 5, failing })) },
    );
    opened.push(registry);
    registry.start();
    await settle();
    db.outcome = { status: 'fail', reason: 'timeout' };
    await clock.advance(5000);
    for (const extent of ['full', 'causes', 'chain'] as const) {
      expect(await verdict(ask({ timeout: 0 }).report(extent))).toBe('fits');
    }
    expect(ask({ timeout: 0 }).report().causes[0].fate).toBe(failing === 4 ? 'shared' : 'local');
  });

  /** The reports for these queries, at all levels, from a registry and from its copy on a thread. */
  async function reportsOf(
    checks: Checks,
    prepare: (parts: Awaited<ReturnType<typeof mirrored>>) => unknown = () => {},
    options: Partial<RegistryOptions> = {},
  ): Promise<Schema[]> {
    const parts = await mirrored(checks, options);
    const { registry, mirror } = parts;
    await prepare(parts);
    await settle();
    const reports: Schema[] = [];
    for (const health of [registry, mirror]) {
      for (const scope of scopes) {
        for (const selection of [{}, { group: 'all' }, { checks: [Object.keys(checks)[0] ?? 'none'] }]) {
          health.ask({ scope, hops: 0, timeout: 0, ...selection }, (answer) => {
            for (const extent of ['full', 'causes', 'chain'] as const) reports.push(reportOfAnswer(answer, extent));
          });
        }
      }
    }
    return reports;
  }

  const blocked = { isReadinessBlocked: true, isLivenessBlocked: true, blockedSince: 0 };
  const neverRan = () => ({ hanging: new ScriptedCheck(), other: new ScriptedCheck({ critical: false, interval: 0 }) });
  it.each<[string, Parameters<typeof reportsOf>, string[]]>([
    ['no checks', [{}], ['pass', 'not-found']],
    ['checks before their first run', [neverRan()], ['unknown', 'pass', 'starting']],
    ['checks in their first run', [neverRan(), ({ registry }) => registry.start()], ['unknown', 'pass', 'starting']],
    [
      'a check in its first run beside others',
      [{ ...neverRan(), ...checks }, ({ registry }) => registry.start()],
      ['fail', 'unknown', 'pass', 'starting'],
    ],
    [
      'a check whose startup grace is over',
      [neverRan(), ({ registry }) => registry.start(), { startupGrace: 0 }],
      ['unknown', 'pass'],
    ],
    [
      'a result that is too old to count',
      [
        { db: new SteadyCheck({ interval: 0 }) },
        async ({ registry, clock, mirror }) => {
          registry.start();
          await clock.advance(31_000);
          mirror.expire();
        },
      ],
      ['unknown', 'pass'],
    ],
    [
      'a check that is still loading',
      [
        { db: Object.assign(new ScriptedCheck(), { load: () => new Promise<void>(() => {}) }) },
        ({ registry }) => registry.start(),
      ],
      ['unknown', 'pass', 'starting'],
    ],
    [
      'a failure that only comes back from a circle',
      [
        {
          peer: new SteadyCheck({}, { status: 'fail', reason: 'dependency', causes: [{ instance: 'me', via: ['b'] }] }),
        },
        ({ registry }) => registry.start(),
      ],
      ['pass'],
    ],
    [
      'a value of each type',
      [
        {
          text: new SteadyCheck({}, { status: 'pass', observedValue: 'x' }),
          several: new SteadyCheck(
            {},
            { status: 'pass', observedValue: { lag: 3.5, role: 'replica' }, observedUnit: { lag: 's' } },
          ),
          flag: new SteadyCheck({}, { status: 'warn', observedValue: true, observedUnit: 'on' }),
          number: new SteadyCheck({}, { status: 'pass', observedValue: Number.NaN }),
        },
        ({ registry }) => registry.start(),
      ],
      ['warn', 'pass'],
    ],
    ['a service that drains', [checks, ({ registry }) => registry.drain()], ['draining', 'pass']],
    [
      'a blocked event loop',
      [checks, ({ mirror }) => mirror.setLoop(blocked), { serviceId: 'shop' }],
      ['fail', 'pass', 'starting', 'unknown'],
    ],
    [
      'more causes than fit',
      [
        Object.fromEntries(
          Array.from({ length: 40 }, (_, n) => [`c${n}`, new SteadyCheck({}, new Error('é'.repeat(999)))]),
        ),
        ({ registry }) => registry.start(),
      ],
      ['fail', 'pass'],
    ],
  ])('accepts the reports of %s', async (_name, args, wanted) => {
    const reports = await reportsOf(...args);
    expect(new Set(reports.map(({ state }) => state))).toEqual(new Set(wanted));
    const verdicts = await Promise.all(reports.map(async (report) => [await verdict(report), report] as const));
    expect(verdicts.filter(([fits]) => fits !== 'fits')).toEqual([]);
  });

  it('accepts the report of any value that a check or another responder returns', async () => {
    const text = fc.oneof(fc.string(), fc.string({ unit: 'binary', minLength: 150, maxLength: 300 }));
    const value = fc.oneof(text, fc.integer(), fc.constant(null), fc.constantFrom(...states));
    const cause = fc.record(
      {
        instance: text,
        service: value,
        via: fc.array(value, { maxLength: 40, size: 'max' }),
        check: value,
        state: value,
        reason: value,
        output: value,
        fate: fc.oneof(value, fc.constantFrom('shared', 'local')),
        peers: fc.record({ asked: fc.double(), answered: fc.nat(), failing: fc.nat() }),
      },
      { requiredKeys: ['instance', 'via'] },
    );
    const result = fc.record(
      {
        status: fc.constantFrom('pass', 'warn', 'fail', 'unknown', 'other'),
        reason: fc.constantFrom(...Object.keys(reasons), 'other'),
        output: value,
        observedValue: fc.oneof(value, fc.double(), fc.boolean(), fc.object()),
        observedUnit: value,
        causes: fc.oneof(fc.array(cause, { maxLength: 40 }), value),
      },
      { requiredKeys: ['status'] },
    );
    const property = fc.asyncProperty(fc.array(result, { minLength: 1, maxLength: 3 }), async (results) => {
      const returned = results.map((outcome, n) => [`c${n}`, new SteadyCheck({ critical: n > 0 }, outcome as never)]);
      for (const report of await reportsOf(Object.fromEntries(returned), ({ registry }) => registry.start())) {
        expect(await verdict(report)).toBe('fits');
      }
    });
    await fc.assert(property, { seed: 89, numRuns: 100 });
  }, 60_000);

  it('has no time, age, duration and staleness for a check of which no run has ended', async () => {
    const hanging = new ScriptedCheck({ timeout: 60_000 });
    const [full] = (await reportsOf({ hanging }, async ({ registry, clock }) => {
      registry.start();
      await clock.advance(20_000);
    })) as [Schema];
    const [check] = full.checks.hanging;
    expect(check).toMatchObject({ status: 'fail', state: 'unknown', reason: 'never-ran', passes: 0, fails: 0 });
    for (const key of ['time', 'ageMs', 'durationMs', 'stale']) expect(check).not.toHaveProperty(key);
  });

  it('permits additions of later versions', async () => {
    const report = { ...(await reportOf(checks)), moon: 'full' };
    expect(await verdict(report, schema)).toBe('fits');
    expect(await verdict(report)).not.toBe('fits');
  });

  it.each([
    ['without an instance', ({ instance: _, ...rest }: Schema) => rest],
    ['with an unknown state', (report: Schema) => ({ ...report, state: 'fine' })],
    ['with a status that only state may have', (report: Schema) => ({ ...report, status: 'draining' })],
    ['with an invalid time', (report: Schema) => ({ ...report, time: 'yesterday' })],
    ['with a cause without an instance', (report: Schema) => ({ ...report, causes: [{ check: 'db' }] })],
    [
      'with a check that is not in an array',
      (report: Schema) => ({ ...report, checks: { db: report.checks.good[0] } }),
    ],
    [
      'with an open reason',
      (report: Schema) => ({ ...report, checks: { db: [{ ...report.checks.good[0], reason: 'no' }] } }),
    ],
  ])('refuses a report %s', async (_name, spoil) => {
    expect(await verdict(spoil(await reportOf(checks)), schema)).not.toBe('fits');
  });

  it('has the states and reasons of the code', () => {
    expect([...schema.definitions.state.enum].sort()).toEqual([...states].sort());
    expect(schema.definitions.check.properties.reason.enum).toEqual(Object.keys(reasons));
  });
});

describe('the report types of the client', () => {
  /** The keys of an interface in `src/client/report.ts`. */
  function keysOf(name: string): string[] {
    const [, members = ''] = readRoot('src/client/report.ts').match(`interface ${name} {\n([^]*?)\n}`) ?? [];
    return [...members.matchAll(/readonly (\w+)\?:/g)].map(([, key = '']) => key);
  }

  it.each([
    ['Report', 'report'],
    ['ReportCause', 'cause'],
    ['ReportCheck', 'check'],
  ])('%s has the keys of the schema', (name, definition) => {
    expect(keysOf(name).sort()).toEqual(Object.keys(schema.definitions[definition].properties).sort());
  });
});
