import type { Clock } from '../common/clock.js';
import type { FailureTimes } from '../health/fate.js';
import { isHealthy } from '../health/state.js';
import type { Peer } from '../net/peer-directory.js';
import type { PeerConnection } from './connection.js';

export interface FailureContext {
  readonly clock: Clock;
  /** Instance id of this process. Its own answers do not count. */
  readonly instance: string;
  /** Maximum number of peers queried per round. */
  readonly ask: number;
  /** Timeout of a round, in milliseconds. */
  readonly timeout: number;
  /** Connects to a peer. The connection must not be used after the signal is aborted. */
  connect(peer: Peer, signal: AbortSignal): Promise<PeerConnection>;
  /** The known peers except this process, in random order. Waits for names that are not resolved yet. */
  candidates(signal: AbortSignal): Promise<readonly Peer[]>;
  /** Called when a peer turns out to be this process. */
  onOwnAddress(peer: Peer): void;
}

/**
 * A peer's answer about the check. `worked`: the peer's last run passed, but it started before the check failed here.
 */
type Answer = 'failing' | 'working' | 'worked' | 'uncounted';

/** Number of peers per outcome of one round. */
export type RoundOutcomes = Readonly<Record<'failing' | 'working' | 'uncounted' | 'unanswered', number>>;

export interface Round {
  readonly outcomes: RoundOutcomes;
  /** Whether every pass comes from a run that started before the check failed here. */
  readonly isOutdated: boolean;
}

/** A peer that is queried in each round, with its open connection. */
interface Member {
  readonly peer: Peer;
  connection: PeerConnection | undefined;
  /** Whether the latest answer was not counted. */
  isUncounted: boolean;
}

/** One failure of a check, from its first query round until it ends. The same peers are queried in each round. */
export class Failure {
  /** The peers to query in the next round. */
  private readonly members = new Map<string, Member>();
  private readonly ended = new AbortController();

  constructor(
    private readonly check: string,
    private readonly context: FailureContext,
  ) {}

  /** Queries the peers. Resolves no later than the timeout, and never rejects. */
  async ask(since: FailureTimes): Promise<Round> {
    const { clock, timeout } = this.context;
    const limit = new AbortController();
    const abort = () => limit.abort();
    const timer = clock.after(timeout, abort);
    this.ended.signal.addEventListener('abort', abort);
    const answers = new Map<string, Answer>();
    await this.round(since, limit.signal, answers).catch(() => {});
    clock.clear(timer);
    this.ended.signal.removeEventListener('abort', abort);
    // The next round replaces peers that have not answered.
    const outcomes = { failing: 0, working: 0, uncounted: 0, unanswered: 0 };
    for (const member of this.members.values()) {
      const answer = answers.get(member.peer.key) ?? 'unanswered';
      outcomes[answer === 'worked' ? 'working' : answer]++;
      member.isUncounted = answer === 'uncounted';
      if (answer === 'unanswered') this.drop(member);
    }
    return { outcomes, isOutdated: ![...answers.values()].includes('working') };
  }

  /** Closes the connections and ends a round in progress. */
  end(): void {
    this.ended.abort();
    for (const member of this.members.values()) this.drop(member);
  }

  private drop({ peer, connection }: Member): void {
    connection?.destroy();
    this.members.delete(peer.key);
  }

  private async round(since: FailureTimes, signal: AbortSignal, answers: Map<string, Answer>): Promise<void> {
    const aborted = new Promise<never>((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)));
    aborted.catch(() => {});
    const candidates = await Promise.race([this.context.candidates(signal), aborted]);
    for (const peer of candidates) {
      if (this.members.has(peer.key)) continue;
      if (this.members.size >= this.context.ask) {
        // Replaces peers whose answer did not count, such as instances on which the check has never passed.
        const uncounted = [...this.members.values()].find(({ isUncounted }) => isUncounted);
        if (!uncounted) break;
        this.drop(uncounted);
      }
      this.members.set(peer.key, { peer, connection: undefined, isUncounted: false });
    }
    const asking = [...this.members].map(async ([key, member]) => {
      try {
        const answer = await this.askOne(member, since, signal);
        if (answer !== undefined) answers.set(key, answer);
      } catch {
        // The peer did not answer.
      }
    });
    await Promise.race([Promise.all(asking), aborted]);
  }

  /** Returns undefined if the peer is this process. */
  private async askOne(member: Member, since: FailureTimes, signal: AbortSignal): Promise<Answer | undefined> {
    const { clock, instance, timeout } = this.context;
    const { peer } = member;
    const { passedAt, failedAt } = since;
    if (!member.connection || member.connection.ended) member.connection = await this.context.connect(peer, signal);
    const sentAt = clock.now();
    const { status, own } = await member.connection.ping({
      checks: [this.check],
      own: true,
      timeout: 0,
      responseTimeout: timeout,
      signal,
    });
    // A responder that does not support own results sends an ordinary report.
    if (!own) return 'uncounted';
    if (own.instance === instance) {
      this.context.onOwnAddress(peer);
      this.drop(member);
      return undefined;
    }
    if (!own.hasPassed || own.age === undefined || clock.now() - own.age < passedAt) return 'uncounted';
    if (isHealthy(status)) return sentAt - own.age >= failedAt ? 'working' : 'worked';
    return status === 'fail' ? 'failing' : 'uncounted';
  }
}
