import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type Client, connect } from '../../src/client.js';
import type { Transition } from '../../src/health/query/registry.js';
import { httpCheck } from '../../src/index.js';
import { createService, type Service } from '../../src/service/service.js';
import { HttpService } from '../live/http-service.js';
import { parseScrape } from '../metrics/scrape.js';

interface ReportView {
  state: string;
  passes: number;
  fails: number;
  since: string;
}

/** Consecutive responses of the service (o passes, x fails), and the expected state after each. */
const course: readonly (readonly [answer: 'o' | 'x', state: 'pass' | 'fail', passes: number, fails: number])[] = [
  ['o', 'pass', 1, 0],
  ['x', 'pass', 0, 1],
  ['x', 'pass', 0, 2],
  ['o', 'pass', 1, 0],
  ['x', 'pass', 0, 1],
  ['x', 'pass', 0, 2],
  ['x', 'fail', 0, 3],
  ['x', 'fail', 0, 4],
  ['o', 'fail', 1, 0],
  ['x', 'fail', 0, 1],
  ['o', 'fail', 1, 0],
  ['o', 'pass', 2, 0],
  ['o', 'pass', 3, 0],
  ['x', 'pass', 0, 1],
  ['x', 'pass', 0, 2],
  ['x', 'fail', 0, 3],
];
const AN_HOUR = 3_600_000;

describe('rise: 2, fall: 3 for a flapping service', () => {
  let flapping: HttpService;
  let broken: HttpService;
  let service: Service;
  let client: Client;
  const transitions: Pick<Transition, 'name' | 'to'>[] = [];
  let asked = 0;

  beforeAll(async () => {
    [flapping, broken] = await Promise.all([HttpService.start(), HttpService.start()]);
    broken.mode = '503';
    flapping.mode = (_, response) => {
      const [answer] = course[asked++] ?? [];
      response.writeHead(answer === 'o' ? 200 : 503).end();
    };
    // Runs only when this test requests a run.
    const onDemand = { interval: 0, minInterval: 1, maxAge: AN_HOUR, timeout: 10_000 };
    service = createService({
      listen: [{ url: 'pong://127.0.0.1:0' }],
      http: { port: 0 },
      ping: { timeout: 20_000, maxTimeout: 20_000 },
      checks: {
        web: httpCheck({ url: flapping.url(), rise: 2, fall: 3, groups: ['readiness', 'edge'], ...onDemand }),
        extra: httpCheck({ url: broken.url(), critical: false, groups: ['extras', 'startup'], ...onDemand }),
      },
    });
    service.health.onTransition(({ of, name, to }) => void (of === 'check' && transitions.push({ name, to })));
    await service.start();
    client = await connect(service.addresses[0] as string);
  }, 30_000);

  afterAll(async () => {
    await client?.close();
    await service?.stop();
    await Promise.all([flapping?.stop(), broken?.stop()]);
  });

  const web = async (maxAge: number): Promise<ReportView> => {
    const { report } = await client.ping({ checks: ['web'], detail: true, maxAge, timeout: 20_000 });
    return (report as unknown as { checks: { web: [ReportView] } }).checks.web[0];
  };
  const stateOf = async (group: string) => (await client.ping({ group })).status;
  const get = async (path: string) => {
    const response = await fetch(`${service.httpAddress}${path}`);
    return { status: response.status, text: await response.text() };
  };

  it('changes at exactly these counts, in the report, in line mode and in the metrics', async () => {
    const seen: unknown[] = [];
    const moments: string[] = [];
    for (const [at, [, state, passes, fails]] of course.entries()) {
      // The first run is the one at the start.
      const told = await web(at === 0 ? AN_HOUR : 0);
      seen.push([course[at]?.[0], told.state, told.passes, told.fails]);
      if (moments.at(-1) !== told.since) moments.push(told.since);

      const { status, text } = await get('/readyz?verbose');
      const good = state === 'pass';
      expect(status).toBe(good ? 200 : 503);
      const count = fails > 0 ? `fails ${fails}${good ? ' of 3' : ''}` : `passes ${passes}${good ? '' : ' of 2'}`;
      expect(text).toMatch(new RegExp(`^\\[${good ? '\\+' : '-'}\\]web .*\\(since \\S+Z, ${count}\\)$`, 'm'));

      const metrics = parseScrape(await service.register.metrics());
      const ofWeb = (name: string) =>
        metrics
          .get(`pongcheck_check_${name}`)
          ?.samples.filter(({ labels }) => labels.check === 'web')
          .map(({ value }) => value);
      expect(ofWeb('consecutive_results')).toEqual([passes, fails]);
      expect(ofWeb('transitions_total')).toEqual([transitions.filter(({ name }) => name === 'web').length]);
      const [since] = ofWeb('state_since_timestamp_seconds') as number[];
      expect(Math.abs((since as number) * 1000 - Date.parse(told.since))).toBeLessThan(1000);
    }
    expect(seen).toEqual(course);
    expect(asked).toBe(course.length);
    expect(transitions.filter(({ name }) => name === 'web').map(({ to }) => to)).toEqual([
      'pass',
      'fail',
      'pass',
      'fail',
    ]);
    for (const group of ['readiness', 'edge', 'all']) expect(await stateOf(group)).toBe('fail');
  });

  it('counts an optional check as warn in its groups', async () => {
    expect(await stateOf('extras')).toBe('warn');
    expect(await stateOf('nobody')).toBe('not-found');
    expect((await get('/startupz?verbose')).text).toMatch(
      /^\[-\]extra failed: bad-status: .* \(not critical, since \S+Z, fails \d+\)\nstartupz check passed\n$/,
    );
    const { checks } = JSON.parse((await get('/health?group=extras')).text);
    expect(checks.extra[0]).toMatchObject({ state: 'fail', critical: false, groups: ['extras', 'startup'] });
  });
});
