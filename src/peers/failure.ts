import type { Client } from '../client/client.js';
import { connect } from '../client/connect.js';
import type { ConnectOptions } from '../client/open.js';
import type { Clock } from '../common/clock.js';
import type { Peer } from './directory.js';

/** Credentials for the connections to peers. */
export type PeerIdentity = Pick<ConnectOptions, 'token' | 'tls'>;

export interface FailureContext {
  readonly clock: Clock;
  /** Instance of this process, whose own answers do not count. */
  readonly instance: string;
  /** Maximum number of peers asked in one round. */
  readonly ask: number;
  /** Time limit of a round, in milliseconds. */
  readonly timeout: number;
  identity(): PeerIdentity;
  /** The known peers without those that are this process, in random order; waits for names that are not resolved yet. */
  candidates(signal: AbortSignal): Promise<readonly Peer[]>;
  /** A peer has turned out to be this process. */
  onOwnAddress(peer: Peer): void;
}

/** Bytes that a peer may send on one connection; an answer has about a hundred. */
const MAX_RECEIVED_BYTES = 262_144;

/** What a peer says about the check. */
type Answer = 'failing' | 'working' | 'uncounted';

/** Number of peers by what came of one round. */
export type RoundOutcomes = Readonly<Record<Answer | 'unanswered', number>>;

/** One failure of a check, from its first round of answers to its end. The same peers are asked in each round. */
export class Failure {
  /** The peers of the next round, with their open connections. */
  private readonly members = new Map<string, { readonly peer: Peer; client: Client | undefined }>();
  private readonly ended = new AbortController();

  constructor(
    private readonly check: string,
    private readonly context: FailureContext,
  ) {}

  /** Asks the peers; resolves at the latest after the timeout, and never rejects. */
  async ask(since: number): Promise<RoundOutcomes> {
    const { clock, timeout } = this.context;
    const limit = new AbortController();
    const abort = () => limit.abort();
    const timer = clock.after(timeout, abort);
    this.ended.signal.addEventListener('abort', abort);
    const answers = new Map<string, Answer>();
    await this.round(since, limit.signal, answers).catch(() => {});
    clock.clear(timer);
    this.ended.signal.removeEventListener('abort', abort);
    // The next round asks others in place of those that have not answered.
    const outcomes = { failing: 0, working: 0, uncounted: 0, unanswered: 0 };
    for (const [key, { client }] of this.members) {
      const answer = answers.get(key) ?? 'unanswered';
      outcomes[answer]++;
      if (answer !== 'unanswered') continue;
      client?.destroy();
      this.members.delete(key);
    }
    return outcomes;
  }

  /** Closes the connections, and ends a round in progress. */
  end(): void {
    this.ended.abort();
    for (const { client } of this.members.values()) client?.destroy();
    this.members.clear();
  }

  private async round(since: number, signal: AbortSignal, answers: Map<string, Answer>): Promise<void> {
    const aborted = new Promise<never>((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)));
    aborted.catch(() => {});
    const candidates = await Promise.race([this.context.candidates(signal), aborted]);
    for (const peer of candidates) {
      if (this.members.size >= this.context.ask) break;
      if (!this.members.has(peer.key)) this.members.set(peer.key, { peer, client: undefined });
    }
    const asking = [...this.members].map(async ([key, member]) => {
      try {
        const answer = await this.askOne(member, since, signal);
        if (answer !== undefined) answers.set(key, answer);
      } catch {
        // No answer.
      }
    });
    await Promise.race([Promise.all(asking), aborted]);
  }

  /** Undefined if the peer is this process. */
  private async askOne(
    member: { readonly peer: Peer; client: Client | undefined },
    since: number,
    signal: AbortSignal,
  ): Promise<Answer | undefined> {
    const { clock, instance, timeout } = this.context;
    const { peer } = member;
    if (!member.client || member.client.ended) member.client = await this.connect(peer, signal);
    const { status, own } = await member.client.ping({
      checks: [this.check],
      own: true,
      timeout: 0,
      responseTimeout: timeout,
      signal,
    });
    // A responder that does not know the request has answered something else.
    if (!own) return 'uncounted';
    if (own.instance === instance) {
      this.context.onOwnAddress(peer);
      member.client.destroy();
      this.members.delete(peer.key);
      return undefined;
    }
    const isCurrent = own.age !== undefined && clock.now() - own.age >= since;
    if (!own.hasPassed || !isCurrent) return 'uncounted';
    if (status === 'pass' || status === 'warn') return 'working';
    return status === 'fail' ? 'failing' : 'uncounted';
  }

  private async connect({ address, servername }: Peer, signal: AbortSignal): Promise<Client> {
    const { timeout } = this.context;
    const { token, tls } = this.context.identity();
    const options = {
      signal,
      connectTimeout: timeout,
      ...(token !== undefined && { token }),
      ...((tls || servername !== undefined) &&
        address.kind === 'tls' && { tls: { ...(servername !== undefined && { servername }), ...tls } }),
    };
    const client = await connect(address, options);
    if (signal.aborted) {
      client.destroy();
      throw signal.reason;
    }
    let received = 0;
    client.socket.on('data', (chunk: Buffer) => {
      received += chunk.length;
      if (received > MAX_RECEIVED_BYTES) client.destroy();
    });
    return client.unref();
  }
}
