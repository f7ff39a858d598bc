import type { Answer, Query, Withdraw } from '../../health/health.js';
import { RateBucket } from '../../liveness/token-bucket.js';
import type { Session, SessionHost } from '../connection/session.js';

/** Octets of a line before its end; one more closes the connection. */
const MAX_LINE = 64;
const LF = 0x0a;
const CR = 0x0d;

/**
 * A connection that speaks lines, for `nc`, load balancers and people (SPEC
 * "Line mode"). Answers come in order: while a `ping` waits for its answer the
 * lines behind it wait too, and reading pauses.
 */
export class LineSession implements Session {
  readonly mode = 'line';
  judged = 0;
  sent = 0;
  private line = '';
  private bucket: RateBucket | undefined;
  private chunk: Buffer | undefined = undefined;
  private position = 0;
  private waiting: { query: Query; readAt: number; withdraw?: Withdraw } | undefined = undefined;

  constructor(
    private readonly connection: SessionHost,
    now: number,
  ) {
    this.limitRate(now);
  }

  get inside(): boolean {
    return this.line.length > 0;
  }

  get begun(): number {
    return this.judged;
  }

  credit(ms: number, now: number): void {
    this.bucket?.credit(ms, now);
  }

  limitRate(now: number): void {
    this.bucket = RateBucket.of(this.connection.shared.settings.limits.pingsPerSecond, now, this.bucket);
  }

  push(chunk: Buffer): void {
    this.chunk = chunk;
    this.position = 0;
  }

  keep(): void {
    if (this.chunk !== undefined) this.push(Buffer.from(this.chunk.subarray(this.position)));
  }

  proceed(now: number): void {
    const { chunk, connection } = this;
    if (chunk === undefined) return;
    while (!connection.held) {
      const end = chunk.indexOf(LF, this.position);
      const part = chunk.subarray(this.position, end < 0 ? chunk.length : end);
      // A CR before the LF is part of the end; it may lie in the chunk before.
      const octets = this.line.length + part.length;
      const allowance = (part.length > 0 ? part[part.length - 1] === CR : this.line.endsWith('\r')) ? 1 : 0;
      if (octets > MAX_LINE + allowance) {
        connection.report(`a line has more than ${MAX_LINE} octets`);
        return connection.close('wrong-protocol');
      }
      this.line += part.toString('latin1');
      if (end < 0) {
        this.chunk = undefined;
        return;
      }
      this.position = end + 1;
      this.judge(now);
    }
  }

  ended(now: number): void {
    if (this.inside) this.judge(now);
  }

  private judge(now: number): void {
    const { connection, bucket } = this;
    const { stats } = connection.shared;
    const line = this.line.endsWith('\r') ? this.line.slice(0, -1) : this.line;
    this.line = '';
    this.judged++;
    if (bucket && bucket.available(now) < 1) {
      connection.report('more lines a second than this server allows');
      return connection.close('too-many-pings');
    }
    bucket?.take(1);
    switch (line.toLowerCase()) {
      case 'ping':
        stats.lines.ping++;
        return this.ping(now);
      case 'agent':
        stats.lines.agent++;
        return this.agent(now);
      default:
        connection.report('a line came that is not of this protocol');
        return connection.close('wrong-protocol');
    }
  }

  private ping(now: number): void {
    const { responder } = this.connection.shared;
    const query = responder.query(0, 0, undefined);
    const waiting: NonNullable<LineSession['waiting']> = { query, readAt: now };
    let answered = false;
    const withdraw = responder.health.ask(query, (answer) => {
      answered = true;
      this.answer(waiting, answer);
    });
    if (answered) return;
    waiting.withdraw = withdraw;
    this.waiting = waiting;
    this.connection.wait(1, 0);
    this.connection.pause('line-order');
  }

  private answer(waiting: NonNullable<LineSession['waiting']>, answer: Answer): void {
    const { connection } = this;
    if (this.waiting === waiting) {
      this.waiting = undefined;
      connection.waited(1, 0);
    }
    const { state, stale } = answer;
    const failing = connection.mayDetail ? answer.failing().map(({ name, reason }) => ` ${name}=${reason}`) : [];
    this.sent++;
    connection.send(Buffer.from(`pong ${state}${stale ? ' stale' : ''}${failing.join('')}\n`));
    connection.shared.responder.count('readiness', answer, 1, waiting.readAt);
    connection.answered(1);
    if (state !== 'pass' && state !== 'warn') connection.finish('answered');
  }

  /** The whole state in HAProxy's words; what is not said would stay as it was. */
  private agent(now: number): void {
    const { connection } = this;
    const { responder } = connection.shared;
    responder.health.ask({ ...responder.query(0, 0, undefined), timeout: 0 }, (answer) => {
      this.sent++;
      connection.send(Buffer.from(`${agentWords(answer, connection.mayDetail)}\n`));
      responder.count('readiness', answer, 1, now);
    });
    connection.finish('answered');
  }

  settle(): void {
    const { waiting } = this;
    if (!waiting) return;
    waiting.withdraw?.();
    this.connection.shared.responder.health.ask({ ...waiting.query, timeout: 0 }, (answer) =>
      this.answer(waiting, answer),
    );
  }

  abandon(): void {
    if (!this.waiting) return;
    this.waiting.withdraw?.();
    this.waiting = undefined;
    this.connection.waited(1, 0);
  }

  finalFrame(): undefined {}
}

function agentWords(answer: Answer, mayDetail: boolean): string {
  switch (answer.state) {
    case 'pass':
    case 'warn':
      return 'ready up 100%';
    case 'draining':
      return 'drain up 100%';
    default:
      return `down #${(mayDetail && answer.failing()[0]?.reason) || answer.state}`;
  }
}
