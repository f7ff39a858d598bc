import { afterEach, describe } from '@jest/globals';
import type { CheckDefinition, CheckResult } from '../../src/health/check.js';
import type { Listen } from '../../src/server/listener.js';
import type { ServerStats } from '../../src/server/stats.js';
import type { ServiceOptions } from '../../src/service/options.js';
import { createService, type Service } from '../../src/service/service.js';
import { threadCounts } from '../threads/thread-counts.js';
import { turnsUntil } from './harness.js';
import { Peer } from './peer.js';

/** Longer than any test. */
const LONG_MS = 600_000;

export interface ServedOptions
  extends Pick<ServiceOptions, 'limits' | 'heartbeat' | 'detail' | 'tokens' | 'ping' | 'drain'> {
  /** Names of the checks. Default: db. */
  checks?: readonly string[];
  /** @default '127.0.0.1' */
  host?: string;
  /** Other settings of the listener. */
  listener?: Omit<Listen, 'url'>;
}

export interface Line {
  level: string;
  description: string;
  fields: { peer?: string; listener?: string; suppressed?: number };
}

export type Served = Awaited<ReturnType<typeof serveWith>>;
export type Serve = (options?: ServedOptions) => Promise<Served>;

/** Names of this many checks, for a report of about 400 bytes per check. */
export const manyChecks = (count: number) => Array.from({ length: count }, (_, n) => `check-${n}`);
/** The longest output that a check can have. */
export const LONG_OUTPUT = 'x'.repeat(200);

/**
 * A `describe` of cases that apply to a service with each value of `threads`.
 *
 * These cases are run against a `Server` on this thread instead (`serve` in harness.ts):
 * - cases with a fake clock, which a thread cannot have: idle timeout, time limits of frames, handshakes, slow peers
 *   and FIN, PINGs of the server, the time of GOAWAY, exact rates, and the fuzz test, whose result must not depend on
 *   timing. The sessions (test/protocol) run all of these with the real clock and each number of threads.
 * - cases that inspect the process: the number of writes and of turns of the event loop, the queue of one connection,
 *   the query that reaches the health, what is notified in one turn.
 * - the states unknown and starting, and reports larger than the largest body, which a service has only briefly or
 *   never.
 * - parts without a server: outbox, push queue, turn budget, PROXY header, open file limit.
 */
export function describeServed(name: string, cases: (serve: Serve) => void): void {
  describe.each(threadCounts)(`${name}, with threads: %i`, (threads) => {
    cases((options) => serveWith(threads, options));
  });
}

/** Returns the result of the check with this name. */
type ResultOf = (name: string) => CheckResult;

/**
 * The checks of a service, with results set by a test. They pass, and their results remain valid, until the test
 * changes that.
 */
class ScriptedHealth {
  readonly checks: Readonly<Record<string, CheckDefinition>>;
  private result: ResultOf | undefined = () => ({ status: 'pass' });
  private readonly pending = new Set<(result: CheckResult) => void>();
  private service!: Service;
  private options!: ServiceOptions;

  constructor(names: readonly string[]) {
    this.checks = Object.fromEntries(
      names.map((name) => [
        name,
        { kind: 'scripted', interval: 0, maxAge: LONG_MS, minInterval: 1, timeout: LONG_MS, run: () => this.run(name) },
      ]),
    );
  }

  private run(name: string): Promise<CheckResult> {
    const { result } = this;
    return result ? Promise.resolve(result(name)) : new Promise((resolve) => this.pending.add(resolve));
  }

  async start(service: Service, options: ServiceOptions): Promise<void> {
    Object.assign(this, { service, options });
    await this.rerun();
  }

  /** Number of runs that are waiting for `settle`. */
  get runs(): number {
    return this.pending.size;
  }

  /** Gives all checks this status, or each its own result, and waits until all threads have received it. */
  async set(result: CheckResult['status'] | ResultOf): Promise<void> {
    this.result = typeof result === 'string' ? () => ({ status: result }) : result;
    await this.rerun();
  }

  /** Makes each PING without a max age wait for runs, which wait for `settle`. */
  async hold(): Promise<void> {
    this.result = undefined;
    for (const check of Object.values(this.checks)) Object.assign(check, { maxAge: 0 });
    await this.service.reload(this.options);
    await this.mirrored();
  }

  /** Ends the pending runs with this result. Waits until there is at least one. */
  async settle(status: CheckResult['status']): Promise<void> {
    await turnsUntil(() => this.runs > 0);
    for (const resolve of this.pending) resolve({ status });
    this.pending.clear();
  }

  /** Ends the pending runs, and all later ones immediately, with this result. */
  release(status: CheckResult['status']): void {
    this.result = () => ({ status });
    for (const resolve of this.pending) resolve({ status });
    this.pending.clear();
  }

  /** Makes all scopes except liveness draining. Connections stay open. */
  async drain(): Promise<void> {
    this.service.health.drain();
    await this.mirrored();
  }

  /** Waits until all threads have taken what was sent to them, and this thread what they had sent before. */
  async mirrored(): Promise<void> {
    // The second answer shows that everything that waited for the update in flight has been taken too.
    await this.service.connections();
    await this.service.connections();
  }

  private async rerun(): Promise<void> {
    await new Promise<void>((resolve) => {
      this.service.health.ask({ scope: 'readiness', maxAge: 0, timeout: LONG_MS, hops: 0 }, () => resolve());
    });
    await this.mirrored();
  }
}

const opened: { service: Service; health: ScriptedHealth; peers: Peer[] }[] = [];

afterEach(async () => {
  for (const { service, health, peers } of opened.splice(0)) {
    health.release('pass');
    for (const peer of peers) peer.socket.destroy();
    await service.stop();
  }
});

/** A service on a free loopback port. It is stopped after the test. */
async function serveWith(
  threads: number,
  { checks = ['db'], host = '127.0.0.1', listener, ...own }: ServedOptions = {},
) {
  const health = new ScriptedHealth(checks);
  const lines: Line[] = [];
  const keep = (level: string) => (fields: object, description: string) => lines.push({ level, description, fields });
  const options: ServiceOptions = {
    detail: 'loopback',
    ...own,
    threads,
    http: false,
    listen: [{ url: `${listener?.tls ? 'pongs' : 'pong'}://${host}:0`, ...listener }],
    checks: health.checks,
    log: { debug: keep('debug'), info: keep('info'), warn: keep('warn'), error: keep('error') },
  };
  const service = createService(options);
  const peers: Peer[] = [];
  opened.push({ service, health, peers });
  await service.start();
  await health.start(service, options);
  lines.length = 0;
  const stats = currentStats(service);
  const port = Number(/\d+$/.exec(service.addresses[0] as string)?.[0]);
  const seen = () => stats.accepted + stats.arriving + Object.values(stats.refused).reduce((sum, count) => sum + count);
  /** The lines logged since the start about everything that has been counted so far. */
  const logged = async () => {
    await health.mirrored();
    return lines;
  };
  return {
    service,
    health,
    port,
    url: service.addresses[0] as string,
    stats,
    /** Reloads the service with these options changed. */
    reload: (changed: Pick<ServedOptions, 'limits'>) => service.reload({ ...options, ...changed }),
    logged,
    descriptions: async () => (await logged()).map(({ description }) => description),
    /** Resolves when a thread has accepted or refused the connection. */
    async connect(): Promise<Peer> {
      const before = seen();
      const peer = await Peer.connect(port);
      peers.push(peer);
      await turnsUntil(() => seen() > before);
      return peer;
    },
  };
}

/** Each access reads the current numbers, because those of several threads are a sum. */
function currentStats({ server }: Service): ServerStats {
  return new Proxy(server.stats, { get: (_, key) => server.stats[key as keyof ServerStats] });
}
