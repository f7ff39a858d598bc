import type { Socket } from 'node:net';
import type { Limit } from '../link/limit.js';
import type { Swept } from '../link/sweeper.js';
import { ErrorFlag, FrameType, WireError } from '../wire/codes.js';
import { encodeFrame } from '../wire/encode.js';
import type { Origin } from './origin.js';
import type { CloseReason, ServerStats } from './stats.js';
import type { TlsEntrance } from './tls-entrance.js';

/** What an arrival is told by, and where it ends: in a connection, or turned away. */
export interface Gate {
  readonly handshake: Limit;
  readonly linger: Limit;
  readonly tls: TlsEntrance;
  readonly stats: ServerStats;
  now(): number;
  /** It may speak now. */
  admit(arrival: Arrival, socket: Socket, origin: Origin | undefined): void;
  /** It ends; `complaint` is for the log, where something is wrong. */
  turnAway(arrival: Arrival, reason: CloseReason, complaint?: string): void;
  /** Nothing is left of it. */
  gone(arrival: Arrival): void;
}

/** The first octet of a TLS handshake, and that of a frame. */
const HANDSHAKE = 0x16;
const FRAME = 0x00;

/**
 * One accepted socket until it may speak: it waits for the first octet, because only that
 * tells a TLS handshake from plain text, and for the end of the handshake.
 */
export class Arrival implements Swept {
  lookAt = 0;
  private begunAt: number;
  private state: 'waiting' | 'handshake' | 'closing' | 'done' = 'waiting';

  constructor(
    readonly raw: Socket,
    private readonly gate: Gate,
  ) {
    this.begunAt = gate.now();
    raw.on('error', () => {});
    raw.on('close', () => this.closed());
    raw.on('readable', this.onReadable);
    raw.on('end', this.onEnd);
  }

  overdue(now: number): boolean {
    const { handshake, linger } = this.gate;
    return (this.state === 'closing' ? linger : handshake).exceeded(this.begunAt, now);
  }

  convict(): void {
    if (this.state === 'closing') this.raw.destroy();
    else this.fail('tls', 'a TLS handshake was not completed in time');
  }

  /** The server stops: nothing was asked here. */
  destroy(reason: CloseReason): void {
    if (this.state !== 'closing') this.fail(reason);
    this.raw.destroy();
  }

  private readonly onReadable = (): void => {
    const octet: Buffer | null = this.raw.read(1);
    if (octet === null) return;
    this.letGo();
    this.raw.unshift(octet);
    if (octet[0] === HANDSHAKE) this.handshake();
    else this.tellOfTls(octet[0] as number);
  };

  /** Connections that come and go without an octet are normal. */
  private readonly onEnd = (): void => this.fail('client-closed');

  private handshake(): void {
    this.state = 'handshake';
    this.gate.tls.secure(this.raw, (result) => {
      if (this.state !== 'handshake') return;
      if ('broken' in result) return this.fail('tls', `a TLS handshake failed: ${result.broken}`);
      this.state = 'done';
      const { refusal } = result;
      this.gate.admit(this, result.socket, refusal === undefined ? undefined : { refusal });
    });
  }

  /** Plain text came. Who speaks frames can be told what is spoken here (SPEC "TLS"). */
  private tellOfTls(first: number): void {
    const message = 'TLS is spoken here: pongs:// in place of pong://';
    const code = WireError.PROTOCOL;
    this.state = 'closing';
    this.begunAt = this.gate.now();
    this.gate.turnAway(this, 'tls', 'plain text came to a listener that speaks TLS');
    if (first === FRAME) {
      const { errors } = this.gate.stats;
      errors[code] = (errors[code] as number) + 1;
      const flags = ErrorFlag.FATAL;
      this.raw.write(encodeFrame({ type: FrameType.ERROR, flags, code, idHigh: 0, idLow: 0, body: { message } }));
    }
    this.raw.end();
    this.raw.resume();
  }

  private fail(reason: CloseReason, complaint?: string): void {
    if (this.state === 'closing') return;
    this.letGo();
    this.state = 'closing';
    this.gate.turnAway(this, reason, complaint);
    this.raw.destroy();
  }

  private closed(): void {
    if (this.state === 'done') return;
    if (this.state === 'waiting') this.fail('client-reset');
    else this.fail('tls', 'a TLS handshake failed: the client broke it off');
    this.gate.gone(this);
  }

  private letGo(): void {
    this.raw.off('readable', this.onReadable).off('end', this.onEnd);
  }
}
