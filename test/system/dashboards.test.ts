import { execFileSync } from 'node:child_process';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { alertGroups } from '../../grafana/source/alerts.js';
import { hints, probeHints } from '../../grafana/source/hints.js';
import { recordingRules } from '../../grafana/source/recording.js';
import { type Client, connect, ping } from '../../src/client.js';
import { HealthClient } from '../grpc/client.js';
import { type Certificate, makeCertificate } from '../live/certificate.js';
import { MariaDb } from '../live/mariadb.js';
import { Redis } from '../live/redis.js';
import { freePort } from '../live/server-process.js';
import { Peer } from '../server/peer.js';
import { Load } from './load.js';
import { panels } from './panels.js';
import { type Job, Prometheus } from './prometheus.js';
import { Responder } from './responder.js';
import { Trial } from './trial.js';

const MAX_CONNECTIONS = 10;
/** A check with the mood `leak` opens 400 files. */
const MAX_FILES = 500;
/** The wall clock may be set during the test. */
const CLOCK_SLACK_MS = 5000;
/** Longer than what the alert for old results tolerates. */
const OLD_MS = 12_000;

/** An alert that lasts, because the certificate is valid for two days only. */
const remaining = /Certificate/;
const alerts = [...new Set(Object.values(alertGroups).flatMap((group) => group.map(({ alert }) => alert)))];
/** Alerts about a thread that ends, which a separate test covers. */
const threadAlerts = ['PongcheckThreadDown', 'PongcheckThreadRestarts'];
/** Alerts about instances of one service, of which there are none here. `promtool` tests them. */
const fateAlerts = ['PongcheckSharedFailure', 'PongcheckLocalFailure'];
const untried = [...threadAlerts, ...fateAlerts];

describe('Prometheus beside responders', () => {
  const trial = new Trial();
  const crowd: Peer[] = [];
  let mariadb: MariaDb;
  let redis: Redis;
  let shop: Responder;
  let frozen: Responder;
  let busy: Responder;
  let prober: Responder;
  let prometheus: Prometheus;
  let certificate: Certificate;
  let load: Load;
  let watcher: Client;
  let grpc: HealthClient;

  beforeAll(async () => {
    // The servers are frozen and killed, so given servers cannot be used.
    delete process.env.TEST_MYSQL_URL;
    delete process.env.TEST_REDIS_URL;
    [mariadb, redis] = await Promise.all([MariaDb.start(), Redis.start()]);
    const often = { timeout: '600ms', interval: '700ms' };
    shop = await Responder.start(
      trial,
      {
        checks: {
          db: { kind: 'mysql', url: mariadb.url(), ...often, onShared: 'warn' },
          cache: { kind: 'redis', url: redis.url(), ...often, critical: false },
        },
        // Nothing listens on this port, so the failure counts as it is.
        peers: { from: ['pong://127.0.0.1:1'] },
        limits: { maxConnections: MAX_CONNECTIONS },
        loop: { readinessStall: '500ms', livenessStall: '1s' },
      },
      {
        moods: {
          flapping: { interval: '300ms' },
          hanging: { timeout: '300ms', interval: '500ms' },
          slow: { timeout: '1500ms', interval: 0, maxAge: '1h', critical: false },
          stalling: { timeout: '5s', interval: '2s' },
        },
      },
    );
    certificate = makeCertificate();
    const { cert, key } = certificate;
    frozen = await Responder.start(trial, {});
    const listen = [{ url: 'pong://127.0.0.1:0' }, { url: 'pongs://127.0.0.1:0', tls: { cert, key } }];
    const grpcPort = await freePort();
    busy = await Responder.start(
      trial,
      { listen, grpc: { host: '127.0.0.1', port: grpcPort }, fleet: { from: [`pong://127.0.0.1:${frozen.port}`] } },
      {
        moods: {
          threads: { interval: '200ms' },
          work: { interval: '1s' },
          rare: { interval: 0, groups: ['rare'] },
          files: { interval: '1s' },
        },
        files: MAX_FILES,
      },
    );
    prober = await Responder.start(
      trial,
      {
        listen,
        probe: {
          targets: ['127.0.0.1:*'],
          modules: {
            plain: { prober: 'pongcheck' },
            tls: { prober: 'pongcheck', tls: { ca: cert, servername: 'localhost' } },
            http: { prober: 'http' },
          },
        },
      },
      { moods: { sick: { ...often, critical: false } } },
    );
    load = await Load.start(shop.port);
    await load.settled;
    watcher = await connect(`pong://127.0.0.1:${shop.port}`);
    watcher.watch();
    grpc = new HealthClient(`127.0.0.1:${grpcPort}`);
    prometheus = await Prometheus.start(trial, {
      pongcheck: { targets: [shop.http, frozen.http, busy.http] },
      checkout: { targets: [prober.http] },
      'pongcheck-probe': probing('plain', prober.port, frozen.port),
      'pongcheck-probe-tls': probing('tls', prober.ports[1] as number),
      'pongcheck-probe-http': { targets: [prober.http], probedBy: { prober: prober.http, module: 'http' } },
    });
  }, 60_000);

  afterAll(async () => {
    await load?.stop();
    await watcher?.close();
    grpc?.close();
    for (const { socket } of crowd) socket.destroy();
    await prometheus?.stop();
    await trial.close();
    for (const responder of [shop, frozen, busy, prober]) responder?.close();
    certificate?.remove();
    await Promise.all([mariadb?.stop(), redis?.stop()]);
  });

  /** What a panel shows: values by these labels, joined. */
  async function shown(panel: string, ...labels: string[]): Promise<Record<string, number>> {
    const series = await prometheus.query(panels.get(panel) as string);
    return Object.fromEntries(series.map((one) => [labels.map((label) => one.labels[label]).join(' '), one.value]));
  }

  /** Waits until all checks pass. A check that nothing else requests is unknown after a while. */
  async function allPass(): Promise<void> {
    await ping(`127.0.0.1:${busy.port}`, { checks: ['rare'], maxAge: 0 });
    await prometheus.until('every check passes', async () => {
      const left = Object.keys(await shown('fleet: Checks not passing', 'check'));
      if (left.length > 0) throw new Error(`not well: ${left.join(', ')}`);
      return true;
    });
  }

  const readiness = () => shown('fleet: Readiness by service', 'instance');

  /** Waits until no alert fires except these. */
  function quiet(but: RegExp): Promise<void> {
    return prometheus.until('the alerts end', async () => {
      const names = (await prometheus.firing()).map(({ labels }) => labels.alertname as string);
      const left = names.filter((name) => !but.test(name));
      if (left.length > 0) throw new Error(`still firing: ${left.join(', ')}`);
      return true;
    });
  }

  it('scrapes metrics that promtool lints without a problem', async () => {
    const own = (await shop.text('/metrics'))
      .split(/^(?=# HELP )/m)
      .filter((family) => family.startsWith('# HELP pongcheck_'));
    const options = { input: own.join(''), encoding: 'utf8', stdio: 'pipe' } as const;
    expect(execFileSync('promtool', ['check', 'metrics'], options)).toBe('');
  });

  it('shows a healthy fleet as healthy, without alerts', async () => {
    await prometheus.until('PINGs are counted', async () => ((await shown('fleet: PINGs'))[''] ?? 0) > 0);
    await prometheus.until(
      'ratios are recorded',
      async () => Object.keys(await shown('fleet: Burn rate', 'job')).length > 0,
    );
    await allPass();
    // A scrape that takes longer than its interval of one second counts as down for a moment.
    await prometheus.until('everybody is ready', async () => {
      const titles = ['Ready', 'Not ready', 'Down', 'Failing checks', 'Worst burn rate'];
      const now = await Promise.all(titles.map((title) => shown(`fleet: ${title}`)));
      expect(now).toEqual([3, 0, 0, 0, 0].map((value) => ({ '': value })));
      return true;
    });
    expect(await readiness()).toEqual({ [shop.http]: 1, [frozen.http]: 1, [busy.http]: 1 });
    expect(Object.keys(await shown('responder: PINGs by status', 'status'))).toEqual(['pass']);
    for (const window of ['', ' (2)']) {
      const healthy = await shown(`responder: Availability by check${window}`, 'check');
      expect(healthy).toMatchObject({ db: expect.any(Number), cache: expect.any(Number) });
      expect(Math.max(...Object.values(healthy))).toBeLessThanOrEqual(1);
    }
    expect(await shown('responder: Protocol errors', 'code')).toEqual({});
    await quiet(remaining);
  });

  it('shows a thread that ends each time it is started, and fires its alerts', async () => {
    busy.mood('threads', 'end');
    await prometheus.until('the alerts fire', async () => {
      const firing = (await prometheus.firing()).map(({ labels }) => `${labels.alertname} ${labels.instance}`);
      const left = threadAlerts.filter((alert) => !firing.includes(`${alert} ${busy.http}`));
      if (left.length > 0) throw new Error(`not firing: ${left.join(', ')}`);
      return true;
    });
    await prometheus.until('only that thread does not respond', async () => {
      const up = await shown('responder: Responding threads', 'instance');
      const down = await shown('fleet: Threads not responding', 'instance', 'thread');
      return up[shop.http] === 1 && down[`${busy.http} 0`] === 0 && Object.keys(down).length === 1;
    });
    const restarts = await shown('responder: Thread restarts', 'instance');
    expect(restarts[shop.http]).toBe(0);
    expect(restarts[busy.http]).toBeGreaterThan(0);
    busy.mood('threads', 'well');
    await prometheus.until('the thread responds', async () => {
      return Object.keys(await shown('fleet: Threads not responding', 'instance')).length === 0;
    });
  });

  it('shows each fault in its panel, and fires every alert', async () => {
    const brokenAt = Date.now();
    await mariadb.freeze();
    await redis.kill();
    await frozen.program.freeze();
    shop.mood('flapping', 'flap');
    prober.mood('sick', 'hang');
    shop.mood('hanging', 'hang');
    shop.mood('slow', 'late');
    shop.mood('stalling', 'stall');
    busy.mood('work', 'busy');
    busy.mood('files', 'leak');
    prober.reload('checks: [');
    load.troubled = true;
    await fill(shop.port, MAX_CONNECTIONS + 2);

    const fired = new Map<string, Record<string, string>[]>();
    const filled = new Set<string>();
    let askedAt = 0;
    let busiest = 0;
    let isCheckoutGone = false;
    await prometheus.until('every panel shows something and every alert fires', async () => {
      await strange(busy.port);
      await grpc.check('', Date.now() + 500);
      // Requested so rarely that the known result is old each time.
      if (performance.now() - askedAt > OLD_MS) {
        askedAt = performance.now();
        const old = () => ping(`127.0.0.1:${busy.port}`, { checks: ['rare'], timeout: 0, responseTimeout: 5000 });
        await Promise.all(Array.from({ length: 6 }, old));
      }
      for (const { labels, annotations } of await prometheus.firing()) {
        const { alertname = '' } = labels;
        fired.set(alertname, [...(fired.get(alertname) ?? []), { ...labels, ...annotations }]);
      }
      busiest = Math.max(busiest, (await shown('responder: Event loop utilization', 'instance'))[busy.http] ?? 0);
      if (fired.has('PongcheckEventLoopStalled') && fired.has('PongcheckEventLoopBlocked'))
        shop.mood('stalling', 'well');
      if (fired.has('PongcheckEventLoopBusy')) busy.mood('work', 'well');
      // Its metrics end with it, and so does the alert for its reload.
      if (fired.has('PongcheckReloadFailed') && !isCheckoutGone) {
        isCheckoutGone = true;
        prometheus.discover('checkout', []);
      }
      const empty = [...panels].filter(([panel]) => !filled.has(panel));
      for (const [panel, expr] of empty) if ((await prometheus.query(expr)).length > 0) filled.add(panel);
      const missing = [
        ...alerts.filter((alert) => !fired.has(alert) && !untried.includes(alert)),
        ...[...panels.keys()].filter((panel) => !filled.has(panel) && panel !== 'fleet: Threads not responding'),
      ];
      if (missing.length > 0) throw new Error(`missing: ${missing.join(', ')}`);
      return true;
    });

    for (const { record } of recordingRules) expect(await prometheus.query(record)).not.toEqual([]);
    // An instance that could hardly answer may still count as down.
    await prometheus.until('only who was frozen is down', async () => (await shown('fleet: Down'))[''] === 1);
    expect(await readiness()).toEqual({ [shop.http]: 4, [frozen.http]: 0, [busy.http]: 1 });
    expect(await shown('fleet: Down')).toEqual({ '': 1 });
    expect(await shown('fleet: Not ready')).toEqual({ '': 1 });
    expect(await shown('fleet: Checks not passing', 'instance', 'check', 'status', 'reason', 'critical')).toMatchObject(
      {
        [`${shop.http} db fail timeout true`]: 1,
        [`${shop.http} cache fail refused false`]: 1,
        [`${shop.http} hanging fail timeout true`]: 1,
      },
    );
    const abandoned = await shown('responder: Abandoned and running', 'check');
    expect(abandoned).toMatchObject({ db: 0, cache: 0 });
    // Three hanging runs, and one more every 30 s.
    expect(abandoned.hanging).toBeGreaterThanOrEqual(3);
    expect(await shown('responder: Open connections', 'instance')).toMatchObject({ [shop.http]: MAX_CONNECTIONS });
    expect(busiest).toBeGreaterThan(0.9);
    expect(await shown('responder: Failures by reason', 'check', 'reason')).toMatchObject({
      'db timeout': expect.any(Number),
      'cache refused': expect.any(Number),
    });
    // In the last 30 s, and with the check selected.
    const healthy = await shown('responder: Availability by check (3)', 'check');
    expect(healthy.db).toBeLessThan(1);
    expect(healthy.cache).toBeLessThan(1);
    const marks = (panels.get('responder: marks: Status changes') as string).replaceAll('$check', 'db|cache');
    const broken = (await prometheus.query(marks)).filter(({ labels }) => labels.status === 'fail');
    expect(broken.map(({ labels }) => labels.check).sort()).toEqual(['cache', 'db']);
    for (const { value } of broken) expect(value).toBeGreaterThanOrEqual(brokenAt - CLOCK_SLACK_MS);
    const told = (alert: string, labels: object) =>
      expect(fired.get(alert)).toEqual(expect.arrayContaining([expect.objectContaining(labels)]));
    told('PongcheckTargetDown', {
      instance: frozen.http,
      runbook_url: 'docs/troubleshooting.md#a-responder-cannot-be-scraped',
    });
    told('PongcheckServiceGone', { job: 'checkout' });
    told('PongcheckCheckFailing', {
      check: 'db',
      reason: 'timeout',
      severity: 'critical',
      hint: hints.timeout,
      runbook_url: 'docs/troubleshooting.md#timeout',
      dashboard: `/d/pongcheck-responder?var-job=pongcheck&var-instance=${shop.http}&var-check=db`,
    });
    told('PongcheckCheckFailing', { check: 'cache', reason: 'refused', severity: 'warning', hint: hints.refused });
    told('PongcheckCheckFlapping', { instance: shop.http, check: 'flapping' });
    told('PongcheckResultTooOld', { instance: busy.http });
    told('PongcheckRunsAbandoned', { instance: shop.http, check: 'hanging' });
    told('PongcheckPeersRefused', { instance: shop.http, reason: 'max-connections' });
    told('PongcheckConnectionsNearLimit', { instance: shop.http });
    told('PongcheckEventLoopStalled', { instance: shop.http });
    told('PongcheckEventLoopBlocked', { instance: shop.http, scope: 'readiness', severity: 'warning' });
    told('PongcheckEventLoopBlocked', { instance: shop.http, scope: 'liveness', severity: 'critical' });
    told('PongcheckEventLoopBusy', { instance: busy.http });
    told('PongcheckReloadFailed', { instance: prober.http });
    told('PongcheckFilesNearLimit', { instance: busy.http });
    told('PongcheckCertificateRunsOut', { instance: busy.http });
    const target = `127.0.0.1:${frozen.port}`;
    told('PongcheckProbeFailing', { instance: target, reason: 'timeout', hint: probeHints.timeout });
    expect(await shown('probe: Failing targets', 'instance', 'reason')).toEqual({ [`${target} timeout`]: 1 });
    expect(await shown('probe: Targets', 'instance')).toMatchObject({ [target]: 0, [`127.0.0.1:${prober.port}`]: 2 });
    expect(await shown('probe: Checks not passing', 'instance', 'check', 'status', 'reason')).toMatchObject({
      [`127.0.0.1:${prober.port} sick fail timeout`]: 1,
    });
  });

  it('shows the recovery, and ends the alerts', async () => {
    mariadb.thaw();
    await redis.restart();
    frozen.program.thaw();
    for (const check of ['flapping', 'hanging', 'slow', 'stalling']) shop.mood(check, 'well');
    for (const check of ['work', 'files']) busy.mood(check, 'well');
    prober.reload();
    prober.mood('sick', 'well');
    for (const { socket } of crowd.splice(0)) socket.destroy();
    load.troubled = false;
    prometheus.discover('checkout', [prober.http]);
    await load.refresh();

    await prometheus.until('everybody is ready', async () => {
      const values = Object.values(await readiness());
      return values.length === 3 && values.every((value) => value === 1);
    });
    // The used part of the error budget stays used.
    await quiet(new RegExp(`${remaining.source}|BudgetBurns`));
    await allPass();
    await prometheus.until('nobody is down', async () => (await shown('fleet: Down'))[''] === 0);
    expect((await shown('fleet: Worst burn rate'))['']).toBeGreaterThan(14.4);
    const { labels } =
      (await prometheus.firing()).find((alert) => alert.labels.alertname === 'PongcheckBudgetBurns') ?? {};
    expect(labels).toMatchObject({ job: 'pongcheck' });
  });

  /** A Prometheus job that has the prober probe these ports. */
  function probing(module: string, ...ports: number[]): Job {
    return { targets: ports.map((port) => `127.0.0.1:${port}`), probedBy: { prober: prober.http, module } };
  }

  async function fill(port: number, count: number): Promise<void> {
    crowd.push(...(await Promise.all(Array.from({ length: count }, () => Peer.connect(port)))));
  }

  /** Sends data that violates the protocol, and is disconnected. */
  async function strange(port: number): Promise<void> {
    const peer = await Peer.connect(port);
    peer.sendHex('0000000c 63010000 0000000000000001');
    await peer.untilEnd();
    peer.socket.destroy();
  }
});
