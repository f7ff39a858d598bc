import { setMaxListeners } from 'node:events';
import { defineCheck } from '../../src/checks/define.js';
import type { CheckSettings } from '../../src/health/check.js';
import { Registry } from '../../src/health/query/registry.js';
import { parsePeerAddress } from '../../src/net/peer-address.js';
import type { Peer, Resolver } from '../../src/net/peer-directory.js';
import type { PeerConnection } from '../../src/peers/connection.js';
import { ServicePeers } from '../../src/peers/peers.js';
import { EventClock } from './event-clock.js';

export const INTERVAL = 5000;
export const CHECK_TIMEOUT = 800;
export const PEERS_TIMEOUT = 300;

/** Response time of the database, and latency between two instances in one direction, in milliseconds. */
const QUERY_MS = 2;
const MIN_LATENCY = 0.2;
const MAX_LATENCY = 5;

/** Many instances of one service in this process, on a simulated clock. Only the network between them is simulated. */
export class Fleet {
  readonly clock = new EventClock();
  readonly instances: Instance[] = [];
  /** Times of database queries, and of PINGs between instances. */
  readonly queries: number[] = [];
  readonly pings: number[] = [];
  /** Which instances are in rotation, recorded at each change. */
  readonly samples: Sample[] = [];
  /** Whether a packet from one instance reaches another. */
  reaches: (from: Instance, to: Instance) => boolean = () => true;
  /** Addresses of all instances that have started. */
  readonly started: string[] = [];
  private readonly byHost = new Map<string, Instance>();

  constructor(
    count: number,
    readonly settings: CheckSettings,
    readonly random: () => number,
    readonly ask: number,
  ) {
    for (let n = 0; n < count; n++) this.add(random() * INTERVAL);
  }

  /** Starts another instance after `delay` milliseconds. */
  add(delay: number, isNew = false): Instance {
    const instance = new Instance(this, this.instances.length, isNew);
    this.instances.push(instance);
    this.byHost.set(instance.host, instance);
    this.clock.after(delay, () => instance.start());
    return instance;
  }

  at(host: string): Instance | undefined {
    return this.byHost.get(host);
  }

  /** The addresses as returned by a name server: all of them, each time starting with a different one. */
  records(): string[] {
    const hosts = this.started;
    const first = Math.floor(this.random() * hosts.length);
    return [...hosts.slice(first), ...hosts.slice(0, first)];
  }

  sample(): void {
    const old = this.instances.filter(({ isNew }) => !isNew);
    const inRotation = old.filter(({ isInRotation }) => isInRotation);
    this.samples.push({
      at: this.clock.now(),
      inRotation: inRotation.length / old.length,
      withoutDatabase: inRotation.length && inRotation.filter(({ works }) => !works).length / inRotation.length,
      newInRotation: this.instances.filter(({ isNew, isInRotation }) => isNew && isInRotation).length,
      brokenInRotation: ratio(
        inRotation.filter(({ works }) => !works).length,
        old.filter(({ works }) => !works).length,
      ),
    });
  }
}

export interface Sample {
  readonly at: number;
  /** Fraction in rotation of the instances that did not start later. */
  readonly inRotation: number;
  /** Fraction of the instances in rotation that have no database. */
  readonly withoutDatabase: number;
  /** Fraction of the instances without a database that are in rotation. */
  readonly brokenInRotation: number;
  /** Number of instances in rotation that started later. */
  readonly newInRotation: number;
}

export class Instance {
  readonly host: string;
  isInRotation = false;
  /** Whether the database answers this instance. */
  works = true;
  /** Times at which it entered or left rotation. */
  readonly changes: { at: number; isInRotation: boolean }[] = [];
  /** Number of PINGs in each round, and how long the round took. */
  readonly rounds: { at: number; pings: number; ms: number }[] = [];
  private pings = 0;
  private readonly registry: Registry;
  private readonly peers: ServicePeers;

  constructor(
    private readonly fleet: Fleet,
    n: number,
    readonly isNew: boolean,
  ) {
    const { clock, settings } = fleet;
    this.host = `10.0.${n >> 8}.${n & 255}`;
    // Separate from the random numbers of the peers, so that runs occur at the same times with and without them.
    const random = seeded(n);
    this.peers = new ServicePeers({
      from: [parsePeerAddress('pong://shop')],
      ask: fleet.ask,
      timeout: PEERS_TIMEOUT,
      instance: this.host,
      identity: () => ({}),
      clock,
      random: seeded(-1 - n),
      resolver: { resolve4: async () => fleet.records(), resolve6: async () => [] } as object as Resolver,
      connect: (peer, signal) => this.connect(peer, signal),
      asked: (_, ms) => {
        this.rounds.push({ at: clock.now(), pings: this.pings, ms });
        this.pings = 0;
      },
    });
    const db = defineCheck('db', {
      kind: 'mine',
      interval: INTERVAL,
      timeout: CHECK_TIMEOUT,
      ...settings,
      run: async (signal) => {
        fleet.queries.push(clock.now());
        await (this.works ? clock.sleep(QUERY_MS) : aborted(signal));
        return { status: 'pass' };
      },
    });
    this.registry = new Registry({ clock, checks: [db], instance: this.host, random, peers: this.peers });
    this.registry.onTransition(({ of, name, to }) => {
      if (of !== 'group' || name !== 'readiness') return;
      const isInRotation = to === 'pass' || to === 'warn';
      if (isInRotation === this.isInRotation) return;
      this.isInRotation = isInRotation;
      this.changes.push({ at: clock.now(), isInRotation });
      fleet.sample();
    });
  }

  start(): void {
    this.fleet.started.push(this.host);
    this.peers.start();
    this.registry.start();
  }

  private async connect({ address }: Peer, signal: AbortSignal): Promise<PeerConnection> {
    const { fleet } = this;
    const to = fleet.at((address as { host: string }).host) as Instance;
    await this.travel(to, signal);
    await to.travel(this, signal);
    const ping = async () => {
      this.pings++;
      fleet.pings.push(fleet.clock.now());
      await this.travel(to, signal);
      const { state: status = 'not-found', age, hasPassed = false } = to.registry.own('db') ?? {};
      await to.travel(this, signal);
      return { status, own: { instance: to.host, age, hasPassed } };
    };
    return { ended: false, ping, destroy() {} } as object as PeerConnection;
  }

  /** Delays a packet from this instance to another. */
  private travel(to: Instance, signal: AbortSignal): Promise<void> {
    const { clock, random } = this.fleet;
    if (!this.fleet.reaches(this, to)) return aborted(signal);
    return clock.sleep(MIN_LATENCY + random() ** 3 * (MAX_LATENCY - MIN_LATENCY));
  }
}

export function ratio(part: number, whole: number): number {
  return whole === 0 ? 0 : part / whole;
}

/** Rejects when the signal aborts. */
function aborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    // More peers wait for the same signal than Node.js expects.
    setMaxListeners(0, signal);
    if (signal.aborted) reject(signal.reason);
    else signal.addEventListener('abort', () => reject(signal.reason), { once: true });
  });
}

/** Reproducible random numbers (mulberry32). */
export function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}
