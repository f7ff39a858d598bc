import { afterEach, describe, expect, it } from '@jest/globals';
import client from 'prom-client';
import { silentLog } from '../../src/common/log.js';
import { GrpcStats } from '../../src/grpc/stats.js';
import { type Fate, fates, type Peers } from '../../src/health/fate.js';
import { Registry } from '../../src/health/query/registry.js';
import { reasons } from '../../src/health/reason.js';
import { checkStates, states } from '../../src/health/state.js';
import { LoopWatch } from '../../src/metrics/event-loop.js';
import { HttpStats } from '../../src/metrics/http-stats.js';
import { createMetrics, type Metrics, type MetricsOptions, metricsText } from '../../src/metrics/metrics.js';
import { ownRegistry } from '../../src/metrics/own-registry.js';
import { PeerStats } from '../../src/metrics/peer-stats.js';
import { Reloads } from '../../src/metrics/reloads.js';
import { metricRows } from '../../src/metrics/table.js';
import { closeReasons, pauses, rejectReasons, ServerStats } from '../../src/server/stats.js';
import { WireError } from '../../src/wire/codes.js';
import { FakeClock } from '../fake-clock.js';
import { peersThat } from '../health/asking.js';
import { type Checks, defined } from '../health/defined.js';
import { ScriptedCheck, SteadyCheck } from '../health/scripted-check.js';
import { canonical, type Family, parseScrape, valueOf } from './scrape.js';

const standing: Registry[] = [];

/** The statistics of a service, and its metrics. */
function observed(checks: Checks = {}, register = ownRegistry(), askedPeers?: Peers) {
  const clock = new FakeClock();
  const health = new Registry({
    checks: defined(checks),
    clock,
    random: () => 0,
    ...(askedPeers && { peers: askedPeers }),
  });
  standing.push(health);
  const stats = new ServerStats();
  const http = new HttpStats();
  const grpc = new GrpcStats();
  stats.certificates = () => [['pongs://127.0.0.1:7464', 1_800_000_000_000]];
  const loop = new LoopWatch(clock);
  const threads = {
    statuses: () => [{ index: 0, isResponding: true, restarts: 0 }],
    watchedSelections: 0,
    loopStats: { stalled: 0, longestStall: 0, stalls: { readiness: 0, liveness: 0 } },
  };
  const peers = new PeerStats();
  const source: MetricsOptions = {
    register,
    health,
    stats,
    http,
    grpc,
    loop,
    threads,
    peers,
    fleet: { counts: { fail: 2, pass: 38 } },
    reloads: new Reloads(clock),
    maxConnections: () => 500,
    log: silentLog,
    version: '1.2.3',
  };
  const metrics: Metrics = createMetrics(source);
  return {
    source,
    threads,
    peers,
    clock,
    health,
    stats,
    http,
    grpc,
    loop,
    register,
    metrics,
    scrape: async () => parseScrape(await register.metrics()),
  };
}

afterEach(async () => {
  for (const health of standing.splice(0)) await health.stop();
});

function labelsOf(families: Map<string, Family>, name: string, label: string): string[] {
  return (families.get(name) as Family).samples.map(({ labels }) => labels[label] as string);
}

describe('the table of metrics', () => {
  it('contains the rows of a scrape, in order, and no others', async () => {
    const { scrape } = observed({ db: new SteadyCheck() });
    const shown = [...(await scrape())].map(([name, { help, type }]) => ({ name, help, type }));
    expect(shown).toEqual(metricRows.map(({ name, help, type }) => ({ name, help, type })));
  });

  it('contains the labels of each series', async () => {
    const { scrape } = observed({ db: new SteadyCheck({ onShared: 'warn' }) });
    const families = await scrape();
    for (const { name, labels, type } of metricRows) {
      const { samples } = families.get(name) as Family;
      expect(samples.length).toBeGreaterThan(0);
      for (const sample of samples) {
        const expected = type === 'histogram' && sample.name.endsWith('_bucket') ? [...labels, 'le'] : [...labels];
        expect([name, Object.keys(sample.labels).sort()]).toEqual([name, expected.sort()]);
      }
    }
  });

  it.each(metricRows)('follows the conventions of Prometheus: $name', ({ name, help, type, labels }) => {
    expect(name).toMatch(/^pongcheck_[a-z_]+$/);
    expect(name.endsWith('_total')).toBe(type === 'counter');
    expect(name).not.toMatch(/_(count|sum|bucket)$/);
    expect(help).toMatch(/^[A-Z0-9].*[^.]\.$/);
    expect(/_seconds(_|$)/.test(name)).toBe(help.includes('in seconds'));
    for (const label of labels) expect(label).toMatch(/^[a-z]+$/);
  });
});

describe('metrics', () => {
  it('have all series from the start', async () => {
    const { scrape } = observed({ db: new SteadyCheck(), cache: new SteadyCheck({ groups: ['edge'] }) });
    const families = await scrape();
    expect(labelsOf(families, 'pongcheck_check_status', 'status')).toEqual([...checkStates, ...checkStates]);
    expect(labelsOf(families, 'pongcheck_check_failures_total', 'reason')).toEqual([
      ...Object.keys(reasons),
      ...Object.keys(reasons),
    ]);
    expect(labelsOf(families, 'pongcheck_pings_total', 'status')).toEqual([...states, ...states, ...states]);
    expect(labelsOf(families, 'pongcheck_connections_closed_total', 'reason')).toEqual([...closeReasons]);
    expect(labelsOf(families, 'pongcheck_connections_refused_total', 'reason')).toEqual([...rejectReasons]);
    expect(labelsOf(families, 'pongcheck_reading_paused_total', 'bound')).toEqual([...pauses]);
    expect(labelsOf(families, 'pongcheck_protocol_errors_total', 'code')).toHaveLength(Object.keys(WireError).length);
    expect(new Set(labelsOf(families, 'pongcheck_group_status', 'group'))).toEqual(
      new Set(['readiness', 'startup', 'all', 'edge']),
    );
  });

  it('have a series for a reason after its first occurrence in a check', async () => {
    const db = new SteadyCheck({}, { status: 'fail', reason: 'refused' });
    const { scrape, health, clock } = observed({ db, cache: new SteadyCheck() });
    const reasonsOf = async () => {
      const { samples } = (await scrape()).get('pongcheck_check_reason') as Family;
      return samples.map(({ labels, value }) => [labels.check, labels.reason, value]);
    };
    expect(await reasonsOf()).toEqual([
      ['db', 'never-ran', 1],
      ['cache', 'never-ran', 1],
    ]);
    health.start();
    await clock.advance(10);
    const failed = [
      ['db', 'never-ran', 0],
      ['db', 'refused', 1],
      ['cache', 'never-ran', 0],
    ];
    expect(await reasonsOf()).toEqual(failed);
    db.outcome = { status: 'pass' };
    await clock.advance(6000);
    expect(await reasonsOf()).toEqual(failed.map(([check, reason]) => [check, reason, 0]));
  });

  it.each<[string, (register: client.Registry) => void]>([
    ['no other metrics', () => {}],
    ['default labels', (register) => register.setDefaultLabels({ app: 'shop' })],
    ['OpenMetrics', (register) => register.setContentType(client.openMetricsContentType as never)],
    ['another metric', (registers) => new client.Gauge({ name: 'own', help: 'Own.', registers: [registers] }).set(1)],
  ])('are formatted like a registry of prom-client with %s', async (_, prepare) => {
    const register = new client.Registry();
    prepare(register);
    const { health, clock, stats } = observed(
      {
        'a"b\\n}{#,é': new SteadyCheck({ groups: ['g"\\'] }, { status: 'fail', reason: 'refused' }),
        db: new SteadyCheck(),
      },
      register,
    );
    stats.replyTime.observe(0.003, 2);
    stats.resultAge.observe(1 / 3);
    const busy = /^(pongcheck_event_loop_busy_seconds_total\S*) .*/m;
    for (let scrape = 0; scrape < 3; scrape++) {
      const text = await metricsText(register);
      expect(text.replace(busy, '$1')).toBe((await register.metrics()).replace(busy, '$1'));
      if (scrape === 0) health.start();
      await clock.advance(7000);
    }
  });

  it('have no additional series, regardless of the behavior of peers and checks', async () => {
    const { scrape, stats, health, clock } = observed({
      db: new SteadyCheck({}, new Error('broken')),
      cache: new SteadyCheck(),
    });
    const keys = (families: Map<string, Family>) =>
      [...families.values()].flatMap(({ samples }) => samples.map(({ name, labels }) => name + canonical(labels)));
    health.start();
    await clock.advance(20_000);
    const before = keys(await scrape());
    await clock.advance(20_000);
    health.ask({ scope: 'readiness', checks: ['nobody'], timeout: 0, hops: 0 }, () => {});
    health.ask({ scope: 'readiness', group: 'nothing', timeout: 0, hops: 0 }, () => {});
    stats.pings.readiness['not-found']++;
    stats.errors[13]!++;
    stats.replyTime.observe(1e9);
    health.drain();
    expect(keys(await scrape())).toEqual(before);
    expect(new Set(before).size).toBe(before.length);
  });

  it('are one-hot for each status', async () => {
    const db = new SteadyCheck({}, { status: 'warn' });
    const { scrape, health, clock } = observed({ db, idle: new ScriptedCheck() });
    const isAt = async (name: string, labels: Record<string, string>) => {
      const { samples } = (await scrape()).get(name) as Family;
      const own = samples.filter(({ labels: has }) =>
        Object.entries(labels).every(([key, value]) => has[key] === value),
      );
      expect(own.reduce((sum, { value }) => sum + value, 0)).toBe(1);
      return own.find(({ value }) => value === 1)?.labels.status;
    };
    expect(await isAt('pongcheck_check_status', { check: 'db' })).toBe('unknown');
    expect(await isAt('pongcheck_group_status', { group: 'startup' })).toBe('starting');
    health.start();
    await clock.advance(10);
    expect(await isAt('pongcheck_check_status', { check: 'db' })).toBe('warn');
    expect(await isAt('pongcheck_group_status', { group: 'readiness' })).toBe('unknown');
    db.outcome = { status: 'fail', reason: 'refused' };
    await clock.advance(6000);
    expect(await isAt('pongcheck_check_status', { check: 'db' })).toBe('fail');
    expect(await isAt('pongcheck_group_status', { group: 'readiness' })).toBe('fail');
    health.drain();
    expect(await isAt('pongcheck_group_status', { group: 'readiness' })).toBe('draining');
    expect(await isAt('pongcheck_check_status', { check: 'db' })).toBe('fail');
  });

  it('count the results of runs', async () => {
    const db = new ScriptedCheck({ interval: 0, timeout: 100 });
    const { scrape, health, clock } = observed({ db });
    const ofCheck = async (name: string, labels = {}) =>
      valueOf(await scrape(), `pongcheck_check_${name}`, { check: 'db', ...labels });
    health.start();
    expect(await ofCheck('max_age_seconds')).toBe(1);
    expect(await ofCheck('in_flight')).toBe(1);
    expect(await ofCheck('last_success_timestamp_seconds')).toBe(0);
    await clock.advance(20);
    db.last.pass();
    await clock.advance(0);
    expect(await ofCheck('in_flight')).toBe(0);
    expect(await ofCheck('runs_total')).toBe(1);
    expect(await ofCheck('transitions_total')).toBe(1);
    expect(await ofCheck('last_success_timestamp_seconds')).toBe(clock.wall() / 1000);
    health.ask({ scope: 'readiness', maxAge: 0, timeout: 5000, hops: 0 }, () => {});
    await clock.advance(1000);
    expect(await ofCheck('failures_total', { reason: 'timeout' })).toBe(1);
    expect(await ofCheck('failures_total', { reason: 'refused' })).toBe(0);
    expect(await ofCheck('abandoned')).toBe(1);
    expect(await ofCheck('duration_seconds_bucket', { le: '0.01' })).toBe(0);
    expect(await ofCheck('duration_seconds_bucket', { le: '0.025' })).toBe(1);
    expect(await ofCheck('duration_seconds_bucket', { le: '+Inf' })).toBe(2);
    expect(await ofCheck('duration_seconds_count')).toBe(2);
    expect(await ofCheck('duration_seconds_sum')).toBeCloseTo(0.12);
  });

  it('have the reason of a check while it does not pass', async () => {
    const db = new SteadyCheck({}, { status: 'fail', reason: 'refused' });
    const { scrape, health, clock } = observed({ db });
    const reasonsOf = async () =>
      ((await scrape()).get('pongcheck_check_reason') as Family).samples.flatMap(({ labels, value }) =>
        value === 0 ? [] : [[labels.check, labels.reason, value]],
      );
    expect(await reasonsOf()).toEqual([['db', 'never-ran', 1]]);
    health.start();
    await clock.advance(10);
    expect(await reasonsOf()).toEqual([['db', 'refused', 1]]);
    db.outcome = { status: 'warn', reason: 'threshold' };
    await clock.advance(6000);
    expect(await reasonsOf()).toEqual([['db', 'threshold', 1]]);
    db.outcome = { status: 'pass' };
    await clock.advance(6000);
    expect(await reasonsOf()).toEqual([]);
  });

  it('count each stall of the event loop once, with its duration', async () => {
    const { scrape, loop, clock } = observed();
    const late = async (le: string) => valueOf(await scrape(), 'pongcheck_event_loop_delay_seconds_bucket', { le });
    loop.start();
    await clock.advance(1000);
    expect([await late('0.005'), await late('+Inf')]).toEqual([10, 10]);
    clock.jump(3000);
    await clock.advance(0);
    expect([await late('0.005'), await late('2.5'), await late('5')]).toEqual([10, 10, 11]);
    await clock.advance(500);
    expect([await late('0.005'), await late('+Inf')]).toEqual([15, 16]);
    loop.stop();
    expect(clock.timers).toBe(0);
    await clock.advance(1000);
    expect(await late('+Inf')).toBe(16);
  });

  it('have the counts of the server', async () => {
    const { scrape, stats, http } = observed();
    stats.pings.startup.starting = 3;
    stats.errors[WireError.TOO_LARGE] = 4;
    stats.closed['protocol-error'] = 5;
    stats.refused['max-connections'] = 6;
    stats.paused['max-pending'] = 7;
    stats.lines.agent = 8;
    Object.assign(http, { open: 16, limit: 17 });
    http.closed['made-room-unused'] = 18;
    http.refused['max-connections'] = 19;
    stats.bytesIn = 9;
    stats.bytesOut = 10;
    Object.assign(stats, { accepted: 11, open: 12, waiting: 13, stale: 14, ignoredFrames: 15 });
    stats.replyTime.observe(0.003, 2);
    stats.resultAge.observe(100);
    const families = await scrape();
    const at = (name: string, labels?: Record<string, string>) => valueOf(families, `pongcheck_${name}`, labels);
    expect(at('pings_total', { scope: 'startup', status: 'starting' })).toBe(3);
    expect(at('protocol_errors_total', { code: 'too-large' })).toBe(4);
    expect(at('connections_closed_total', { reason: 'protocol-error' })).toBe(5);
    expect(at('connections_refused_total', { reason: 'max-connections' })).toBe(6);
    expect(at('reading_paused_total', { bound: 'max-pending' })).toBe(7);
    expect(at('lines_total', { word: 'agent' })).toBe(8);
    expect([at('http_connections'), at('http_connections_limit')]).toEqual([16, 17]);
    expect(at('http_connections_closed_total', { reason: 'made-room-unused' })).toBe(18);
    expect(at('http_connections_refused_total', { reason: 'max-connections' })).toBe(19);
    expect(at('transferred_bytes_total', { direction: 'in' })).toBe(9);
    expect(at('transferred_bytes_total', { direction: 'out' })).toBe(10);
    expect(at('connections_accepted_total')).toBe(11);
    expect(at('connections')).toBe(12);
    expect(at('connections_limit')).toBe(500);
    expect(at('event_loop_busy_seconds_total')).toBeGreaterThan(0);
    expect(at('pings_waiting')).toBe(13);
    expect(at('pings_stale_total')).toBe(14);
    expect(at('ignored_frames_total')).toBe(15);
    expect(at('ping_reply_seconds_bucket', { le: '0.0025' })).toBe(0);
    expect(at('ping_reply_seconds_bucket', { le: '0.005' })).toBe(2);
    expect(at('ping_reply_seconds_sum')).toBeCloseTo(0.006);
    expect(at('ping_result_age_seconds_bucket', { le: '60' })).toBe(0);
    expect(at('ping_result_age_seconds_count')).toBe(1);
    expect(at('build_info', { version: '1.2.3', node: process.version })).toBe(1);
  });

  it('have the threads, and their measurements of the event loop', async () => {
    const { scrape, threads } = observed();
    Object.assign(threads, {
      statuses: () => [
        { index: 0, isResponding: true, restarts: 3 },
        { index: 1, isResponding: false, restarts: 0 },
      ],
      watchedSelections: 4,
      loopStats: { stalled: 2.5, longestStall: 13.25, stalls: { readiness: 5, liveness: 1 } },
    });
    const families = await scrape();
    const at = (name: string, labels?: Record<string, string>) => valueOf(families, `pongcheck_${name}`, labels);
    expect([at('thread_up', { thread: '0' }), at('thread_restarts_total', { thread: '0' })]).toEqual([1, 3]);
    expect([at('thread_up', { thread: '1' }), at('thread_restarts_total', { thread: '1' })]).toEqual([0, 0]);
    expect(at('watched_selections')).toBe(4);
    expect([at('event_loop_stalled_seconds'), at('event_loop_longest_stall_seconds')]).toEqual([2.5, 13.25]);
    expect(at('event_loop_stalls_total', { scope: 'readiness' })).toBe(5);
    expect(at('event_loop_stalls_total', { scope: 'liveness' })).toBe(1);
  });

  it('have no series of threads and stalls without threads', () => {
    const { source } = observed({ db: new SteadyCheck({ onShared: 'warn' }) });
    const empty = metricRows.filter((row) => [...row.read({ ...source, threads: undefined })].length === 0);
    const expected = ['event_loop_stalled_seconds', 'event_loop_longest_stall_seconds', 'event_loop_stalls_total'];
    expect(empty.map(({ name }) => name)).toEqual(
      [...expected, 'thread_up', 'thread_restarts_total'].map((name) => `pongcheck_${name}`),
    );
  });

  it('have the answers of gRPC, and none without gRPC', async () => {
    const { scrape, source, grpc } = observed({ db: new SteadyCheck({ onShared: 'warn' }) });
    grpc.connections = 2;
    grpc.watches = 3;
    grpc.sent.Check.NOT_FOUND = 4;
    grpc.sent.Watch.SERVICE_UNKNOWN = 5;
    grpc.refused['max-watches'] = 6;
    const families = await scrape();
    const at = (name: string, labels?: Record<string, string>) => valueOf(families, `pongcheck_grpc_${name}`, labels);
    expect([at('connections'), at('watches')]).toEqual([2, 3]);
    expect(at('answers_total', { method: 'Check', status: 'NOT_FOUND' })).toBe(4);
    expect(at('answers_total', { method: 'Watch', status: 'SERVICE_UNKNOWN' })).toBe(5);
    expect(at('refused_total', { reason: 'max-watches' })).toBe(6);
    expect(families.get('pongcheck_grpc_answers_total')?.samples).toHaveLength(8);
    const empty = metricRows.filter((row) => [...row.read({ ...source, grpc: undefined })].length === 0);
    expect(empty.map(({ name }) => name)).toEqual(
      ['connections', 'watches', 'answers_total', 'refused_total'].map((name) => `pongcheck_grpc_${name}`),
    );
  });

  it('have the outcomes of queries to peers, and their duration', async () => {
    const { scrape, peers } = observed();
    peers.record({ failing: 4, working: 3, uncounted: 2, unanswered: 1 }, 30);
    peers.record({ failing: 1, working: 0, uncounted: 0, unanswered: 1 }, 300);
    const families = await scrape();
    const at = (name: string, labels?: Record<string, string>) => valueOf(families, `pongcheck_peers_${name}`, labels);
    const outcomes = ['failing', 'working', 'uncounted', 'unanswered'];
    expect(outcomes.map((outcome) => at('asked_total', { outcome }))).toEqual([5, 3, 2, 2]);
    expect([at('answer_seconds_bucket', { le: '0.025' }), at('answer_seconds_bucket', { le: '0.05' })]).toEqual([0, 1]);
    expect(at('answer_seconds_count')).toBe(2);
    expect(at('answer_seconds_sum')).toBeCloseTo(0.33);
  });

  it('have the fate of a failure, and none while the check does not fail', async () => {
    let fate: Fate = 'shared';
    const peers = peersThat(() => ({ asked: 3, answered: 3, failing: fate === 'shared' ? 3 : 0 }));
    const db = new SteadyCheck({ onShared: 'warn', interval: 5000 });
    const { scrape, health, clock } = observed({ db, cache: new SteadyCheck() }, ownRegistry(), peers);
    const values = async () =>
      ((await scrape()).get('pongcheck_check_fate') as Family).samples.map(({ labels, value }) => [
        labels.check,
        labels.fate,
        value,
      ]);
    const only = (current?: Fate) => fates.map((each) => ['db', each, each === current ? 1 : 0]);
    health.start();
    await clock.advance(10);
    expect(await values()).toEqual(only());
    db.outcome = { status: 'fail', reason: 'refused' };
    await clock.advance(5000);
    expect(await values()).toEqual(only('shared'));
    fate = 'local';
    await clock.advance(5000);
    expect(await values()).toEqual(only('local'));
    db.outcome = { status: 'pass' };
    await clock.advance(5000);
    expect(await values()).toEqual(only());
  });

  it('have no series of peers without peers, and none of fates without onShared: warn', () => {
    const { source } = observed({ db: new SteadyCheck() });
    const empty = metricRows.filter((row) => [...row.read({ ...source, peers: undefined })].length === 0);
    expect(empty.map(({ name }) => name)).toEqual(
      ['check_fate', 'peers_asked_total', 'peers_answer_seconds'].map((name) => `pongcheck_${name}`),
    );
  });

  it('have the responders of a fleet by state, and none without a fleet', async () => {
    const { scrape, source } = observed({ db: new SteadyCheck({ onShared: 'warn' }) });
    expect(valueOf(await scrape(), 'pongcheck_fleet_responders', { state: 'fail' })).toBe(2);
    const empty = metricRows.filter((row) => [...row.read({ ...source, fleet: undefined })].length === 0);
    expect(empty.map(({ name }) => name)).toEqual(['pongcheck_fleet_responders']);
  });

  it('run no check during a scrape', async () => {
    const db = new SteadyCheck({ interval: 0 });
    const { scrape, health, clock } = observed({ db });
    await scrape();
    expect(db.runs).toBe(0);
    health.start();
    await clock.advance(60_000);
    for (let i = 0; i < 10; i++) await scrape();
    await clock.advance(60_000);
    expect(db.runs).toBe(1);
  });

  it('survive hostile names of checks, groups and kinds', async () => {
    const name = 'a"b\\n}{#,é';
    const kind = 'x"\n# TYPE y counter\\';
    const { scrape } = observed({ [name]: new SteadyCheck({ kind, groups: ['g"\\'] }) });
    const families = await scrape();
    expect(valueOf(families, 'pongcheck_check_info', { check: name, kind, critical: 'true' })).toBe(1);
    expect(valueOf(families, 'pongcheck_group_status', { group: 'g"\\', status: 'unknown' })).toBe(1);
    expect(families.size).toBe(metricRows.length);
  });
});

describe('the registry of an application', () => {
  it('receives the metrics in addition to its own, and loses only these on close', async () => {
    const register = new client.Registry();
    new client.Counter({ name: 'own_total', help: 'Own.', registers: [register] }).inc(2);
    const { metrics, scrape } = observed({}, register);
    expect([...(await scrape()).keys()]).toEqual(['own_total', ...metricRows.map(({ name }) => name)]);
    metrics.close();
    metrics.close();
    expect([...(await scrape()).keys()]).toEqual(['own_total']);
  });

  it('adds its default labels, and the counts continue when it resets its metrics', async () => {
    const register = new client.Registry();
    register.setDefaultLabels({ app: 'shop' });
    const { stats, scrape } = observed({}, register);
    stats.accepted = 4;
    register.resetMetrics();
    expect(valueOf(await scrape(), 'pongcheck_connections_accepted_total', { app: 'shop' })).toBe(4);
  });

  it('accepts one service only, and a second one leaves it unchanged', async () => {
    const register = new client.Registry();
    const first = observed({}, register);
    first.stats.accepted = 7;
    expect(() => observed({}, register)).toThrow(expect.objectContaining({ code: 'PONGCHECK_METRICS' }));
    expect(valueOf(await first.scrape(), 'pongcheck_connections_accepted_total')).toBe(7);
    first.metrics.close();
    expect(valueOf(await observed({}, register).scrape(), 'pongcheck_connections_accepted_total')).toBe(0);
  });

  it('is unchanged if a single name is already used', async () => {
    const register = new client.Registry();
    const { name } = metricRows.at(-1) as (typeof metricRows)[number];
    new client.Counter({ name, help: 'Taken.', registers: [register] });
    expect(() => observed({}, register)).toThrow(name);
    expect(register.getMetricsAsArray()).toHaveLength(1);
  });

  it('may use OpenMetrics: counters keep one _total, and the text its end', async () => {
    const register = new client.Registry();
    register.setContentType(client.Registry.OPENMETRICS_CONTENT_TYPE as never);
    const { stats, metrics } = observed({}, register);
    stats.accepted = 3;
    for (let i = 0; i < 2; i++) {
      const text = await register.metrics();
      expect(text).toContain('# TYPE pongcheck_connections_accepted counter\npongcheck_connections_accepted_total 3\n');
      expect(text).toMatch(/# EOF\n$/);
    }
    metrics.close();
    expect(register.getMetricsAsArray()).toEqual([]);
  });

  it('of each of two services has its own counts', async () => {
    const one = observed({ db: new SteadyCheck() });
    const two = observed({ cache: new SteadyCheck() });
    one.stats.accepted = 1;
    two.stats.accepted = 2;
    expect(valueOf(await one.scrape(), 'pongcheck_connections_accepted_total')).toBe(1);
    expect(valueOf(await two.scrape(), 'pongcheck_connections_accepted_total')).toBe(2);
    expect(labelsOf(await one.scrape(), 'pongcheck_check_runs_total', 'check')).toEqual(['db']);
    expect(labelsOf(await two.scrape(), 'pongcheck_check_runs_total', 'check')).toEqual(['cache']);
  });
});
