import { afterAll, describe, expect, it } from '@jest/globals';
import { fastify } from 'fastify';
import { Registry } from '../../src/health/query/registry.js';
import { reasons } from '../../src/health/reason.js';
import { states } from '../../src/health/state.js';
import { settle } from '../fake-clock.js';
import { peersThat, registryOf } from '../health/asking.js';
import { type Checks, defined } from '../health/defined.js';
import { SteadyCheck } from '../health/scripted-check.js';
import { readRoot } from '../readme/markdown.js';

type Schema = Record<string, any>;
const schema = JSON.parse(readRoot('protocol/report.schema.json')) as Schema;

/** The schema without additional keys: readers ignore them, and this package writes none. */
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
// Fastify includes a validator, and compiles the schema of a route; nothing listens.
const app = fastify({ ajv: { customOptions: { coerceTypes: false, removeAdditional: false, strict: false } } });
app.post('/', { schema: { body: {} } }, async () => '');
afterAll(() => app.close());

async function verdict(report: unknown, wanted: Schema = closed(schema)): Promise<string> {
  await app.ready();
  const { $id: _, ...anonymous } = wanted;
  const validate = app.validatorCompiler?.({ schema: anonymous, method: 'POST', url: '/' } as never) as Validate;
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
  /** The keys of an interface of `src/client/report.ts`. */
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
