import type { Answer, Query, Withdraw } from '../../health/health.js';
import { isHealthy } from '../../health/state.js';
import type { Session, SessionHost } from '../connection/session.js';

/** Maximum length of a line without its end. A longer line closes the connection. */
const MAX_LINE_BYTES = 64;
const LF = 0x0a;
const CR = 0x0d;

/** An unanswered `ping`. */
interface PendingPing {
  readonly query: Query;
  readonly readAt: number;
  withdraw?: Withdraw;
}

/**
 * Line mode, for `nc`, load balancers and interactive use (SPEC "Line mode"). Answers are sent in order, so reading is
 * paused until a `ping` has been answered, and the following lines wait.
 */
export class LineSession implements Session {
  readonly mode = 'line';
  framesIn = 0;
  framesOut = 0;
  private line = '';
  private chunk: Buffer | undefined = undefined;
  private position = 0;
  private pending: PendingPing | undefined = undefined;

  constructor(private readonly connection: SessionHost) {}

  get hasPartial(): boolean {
    return this.line.length > 0;
  }

  get partialId(): number {
    return this.framesIn;
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
    const { budget } = connection.shared.responder;
    while (!connection.isReadingStopped) {
      const end = chunk.indexOf(LF, this.position);
      const part = chunk.subarray(this.position, end < 0 ? chunk.length : end);
      // A CR before the LF is part of the line end. It may be in the previous chunk.
      const length = this.line.length + part.length;
      const allowance = (part.length > 0 ? part[part.length - 1] === CR : this.line.endsWith('\r')) ? 1 : 0;
      if (length > MAX_LINE_BYTES + allowance) {
        connection.report(`line longer than ${MAX_LINE_BYTES} bytes`);
        return connection.close('wrong-protocol');
      }
      this.line += part.toString('latin1');
      if (end < 0) {
        this.chunk = undefined;
        return;
      }
      this.position = end + 1;
      this.processLine(now);
      if (this.position < chunk.length && budget.isSpent()) connection.yieldTurn();
    }
  }

  onFin(now: number): void {
    if (this.hasPartial) this.processLine(now);
  }

  private processLine(now: number): void {
    const { connection } = this;
    const { bucket, shared } = connection;
    const { stats } = shared;
    const line = this.line.endsWith('\r') ? this.line.slice(0, -1) : this.line;
    this.line = '';
    this.framesIn++;
    if (bucket && bucket.available(now) < 1) {
      connection.report('lines per second exceed the limit of this server');
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
        connection.report('unknown line');
        return connection.close('wrong-protocol');
    }
  }

  private ping(now: number): void {
    const { responder } = this.connection.shared;
    const query = responder.query(0, 0, undefined);
    const pending: PendingPing = { query, readAt: now };
    let answered = false;
    const withdraw = responder.health.ask(query, (answer) => {
      answered = true;
      this.answer(pending, answer);
    });
    if (answered) return;
    pending.withdraw = withdraw;
    this.pending = pending;
    this.connection.addPending(1, 0);
    this.connection.pause('line-order');
  }

  private answer(pending: PendingPing, answer: Answer): void {
    const { connection } = this;
    if (this.pending === pending) {
      this.pending = undefined;
      connection.removePending(1, 0);
    }
    const { state, stale } = answer;
    const failing = connection.mayDetail ? answer.failing().map(({ name, reason }) => ` ${name}=${reason}`) : [];
    this.framesOut++;
    connection.send(Buffer.from(`pong ${state}${stale ? ' stale' : ''}${failing.join('')}\n`));
    connection.shared.responder.count('readiness', answer, 1, pending.readAt);
    connection.onAnswered(1);
    if (!isHealthy(state)) connection.finish('answered');
  }

  /** Answers HAProxy's agent-check with the complete state, because HAProxy keeps the parts that an answer omits. */
  private agent(now: number): void {
    const { connection } = this;
    const { responder } = connection.shared;
    responder.health.ask({ ...responder.query(0, 0, undefined), timeout: 0 }, (answer) => {
      this.framesOut++;
      connection.send(Buffer.from(`${agentLine(answer, connection.mayDetail)}\n`));
      responder.count('readiness', answer, 1, now);
    });
    connection.finish('answered');
  }

  settle(): void {
    const { pending } = this;
    if (!pending) return;
    pending.withdraw?.();
    this.connection.shared.responder.health.ask({ ...pending.query, timeout: 0 }, (answer) =>
      this.answer(pending, answer),
    );
  }

  abandon(): void {
    if (!this.pending) return;
    this.pending.withdraw?.();
    this.pending = undefined;
    this.connection.removePending(1, 0);
  }

  finalFrame(): undefined {}
}

function agentLine(answer: Answer, mayDetail: boolean): string {
  switch (answer.state) {
    case 'pass':
    case 'warn':
      return 'ready up 100%';
    case 'draining':
      return 'drain up 100%';
    default:
      return `down #${(mayDetail && firstReason(answer)) || answer.state}`;
  }
}

/** The reason of the first check that determines the status. */
function firstReason(answer: Answer): string | undefined {
  return answer.failing().find(({ adds }) => adds === answer.state)?.reason;
}
