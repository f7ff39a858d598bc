import { type Clock, systemClock } from '../common/clock.js';
import type { FailureTimes, Peers, PeerTally } from '../health/fate.js';
import type { PeerAddress } from '../net/peer-address.js';
import { type Peer, PeerDirectory, type Resolver } from '../net/peer-directory.js';
import { connectPeer, type PeerIdentity } from './connection.js';
import { Failure, type FailureContext, type RoundOutcomes } from './failure.js';

export interface PeersOptions {
  readonly from: readonly PeerAddress[];
  /** Maximum number of peers that are queried about one failing run. */
  readonly ask: number;
  /** Timeout for the answers of all queried peers together, in milliseconds. */
  readonly timeout: number;
  /** Instance id of this process. */
  readonly instance: string;
  /** Called before each new connection. */
  identity(): PeerIdentity;
  /** @default systemClock */
  readonly clock?: Clock;
  /** @default the resolver of Node.js */
  readonly resolver?: Resolver;
  /** @default connects over the network, with `identity` */
  readonly connect?: FailureContext['connect'];
  /**
   * Returns a number from 0 (inclusive) to 1 (exclusive); used to choose peers.
   * @default Math.random
   */
  readonly random?: () => number;
  /** Called after each query round; for metrics. */
  readonly asked?: (outcomes: RoundOutcomes, ms: number) => void;
}

/** The other instances of this service. They are queried only about checks that fail here. */
export class ServicePeers implements Peers {
  private readonly directory: PeerDirectory;
  private readonly clock: Clock;
  private readonly failures = new Map<string, Failure>();
  /** Query rounds in progress. */
  private readonly rounds = new Set<Promise<void>>();
  /** Addresses of this process. */
  private readonly own = new Set<string>();
  private readonly context: FailureContext;

  constructor(private readonly options: PeersOptions) {
    const { from, clock = systemClock, resolver, instance, ask, timeout } = options;
    this.clock = clock;
    this.directory = new PeerDirectory(from, clock, resolver);
    this.context = {
      clock,
      instance,
      ask,
      timeout,
      connect: options.connect ?? ((peer, signal) => connectPeer(peer, options.identity(), timeout, signal)),
      candidates: () => this.candidates(),
      onOwnAddress: ({ key }) => void this.own.add(key),
    };
  }

  /** Resolves the names and keeps them resolved until `close`. */
  start(): void {
    this.directory.start();
  }

  ask(check: string, since: FailureTimes, answer: (tally: PeerTally, isOutdated: boolean) => void): void {
    const failure = this.failures.get(check) ?? new Failure(check, this.context);
    this.failures.set(check, failure);
    const startedAt = this.clock.now();
    const round = failure.ask(since).then(({ outcomes, isOutdated }) => {
      this.rounds.delete(round);
      const { failing, working, uncounted, unanswered } = outcomes;
      this.options.asked?.(outcomes, this.clock.now() - startedAt);
      const answered = failing + working;
      answer({ asked: answered + uncounted + unanswered, answered, failing }, isOutdated);
    });
    this.rounds.add(round);
  }

  recovered(check: string): void {
    this.failures.get(check)?.end();
    this.failures.delete(check);
  }

  /** Calls `close` after the rounds in progress have ended. For use when another object replaces this one. */
  retire(): void {
    void Promise.allSettled([...this.rounds]).then(() => this.close());
  }

  /** Closes all connections and stops resolving names. */
  close(): void {
    this.directory.close();
    for (const check of [...this.failures.keys()]) this.recovered(check);
  }

  private async candidates(): Promise<readonly Peer[]> {
    const refreshed = this.directory.refresh();
    if (this.others().length === 0) await refreshed;
    return shuffled(this.others(), this.options.random);
  }

  private others(): Peer[] {
    return this.directory.peers.filter(({ key }) => !this.own.has(key));
  }
}

function shuffled<T>(values: readonly T[], random = Math.random): T[] {
  const copy = [...values];
  for (let i = copy.length - 1; i > 0; i--) {
    const j = Math.floor(random() * (i + 1));
    [copy[i], copy[j]] = [copy[j] as T, copy[i] as T];
  }
  return copy;
}
