import type { Socket } from 'node:net';
import type { Sweepable } from '../../liveness/sweeper.js';
import type { TimeLimit } from '../../liveness/time-limit.js';
import { ErrorFlag, FrameType, WireError } from '../../wire/codes.js';
import { encodeFrame } from '../../wire/encode.js';
import type { PeerInfo, Source } from '../peer-info.js';
import type { CloseReason, ServerStats } from '../stats.js';
import { ProxyFault, ProxyHeader } from './proxy-header.js';
import type { TlsHandshaker } from './tls-handshaker.js';

/** Limits and callbacks for sockets whose PROXY header or TLS handshake is not complete. */
export interface HandshakeContext {
  readonly handshake: TimeLimit;
  readonly linger: TimeLimit;
  /** Undefined for plain text. */
  readonly tls: TlsHandshaker | undefined;
  readonly stats: ServerStats;
  now(): number;
  /**
   * Counts the connection for this address. If the limit per address is reached, counts it as refused instead and
   * returns false.
   */
  reserve(socket: Socket, address: string | undefined): boolean;
  /** Called when the handshake is complete. */
  admit(pending: PendingConnection, socket: Socket, origin: PeerInfo | undefined): void;
  /**
   * Called when the connection is closed before the handshake is complete. `description` is given for the log if the
   * peer caused this.
   */
  onReject(pending: PendingConnection, reason: CloseReason, description?: string): void;
  /** Called when the socket of a rejected connection is closed. */
  onClosed(pending: PendingConnection): void;
}

/** First byte of a TLS handshake, and of a frame. */
const TLS_HANDSHAKE = 0x16;
const FRAME = 0x00;

/** `header`: the PROXY header is incomplete. `silent`: the first byte after the header has not arrived. */
type State = 'header' | 'silent' | 'handshake' | 'closing' | 'done';

/** The time limits of a pending connection. */
type Violation = 'header' | 'handshake' | 'linger';

/**
 * An accepted socket until its handshake is complete. It first reads the PROXY header, if one is required, and then the
 * first byte, which distinguishes a TLS handshake from plain text. With TLS, it waits until the handshake has ended.
 */
export class PendingConnection implements Sweepable {
  slot = -1;
  /** Time at which the current step began. */
  private stepSince: number;
  private state: State;
  /** Undefined if no header is required or it has been read. */
  private header: ProxyHeader | undefined = undefined;
  private source: Source | undefined = undefined;

  constructor(
    readonly socket: Socket,
    private readonly context: HandshakeContext,
    needsHeader: boolean,
  ) {
    this.stepSince = context.now();
    this.state = needsHeader ? 'header' : 'silent';
    if (needsHeader) this.header = new ProxyHeader();
    socket.on('error', () => {});
    socket.on('close', () => this.onClosed());
    socket.on('readable', this.onReadable);
    socket.on('end', this.onEnd);
  }

  /** Address of the client, or of the proxy until the PROXY header has been read. */
  get remoteAddress(): string | undefined {
    return this.source?.address ?? this.socket.remoteAddress;
  }

  /** Whether `remoteAddress` is the address of the client. */
  get hasAddress(): boolean {
    return this.header === undefined;
  }

  expired(now: number): Violation | undefined {
    const { handshake, linger } = this.context;
    if (this.state === 'closing') return linger.exceeded(this.stepSince, now) ? 'linger' : undefined;
    if (!handshake.exceeded(this.stepSince, now)) return undefined;
    return this.state === 'header' ? 'header' : 'handshake';
  }

  terminate(violation: Violation): void {
    if (violation === 'linger') this.socket.destroy();
    else if (violation === 'header') this.fail('proxy-header', 'PROXY header not completed in time');
    else this.fail('tls', 'TLS handshake not completed in time');
  }

  /** Whether data has arrived, so that a request may follow soon. */
  get hasData(): boolean {
    return (
      this.state === 'handshake' || ((this.state === 'header' || this.state === 'silent') && this.socket.bytesRead > 0)
    );
  }

  destroy(reason: CloseReason): void {
    if (this.state !== 'closing') this.fail(reason);
    this.socket.destroy();
  }

  private readonly onReadable = (): void => {
    if (this.state === 'header') this.readHeader();
    if (this.state === 'silent') this.readFirst();
  };

  /** Connections that close without sending a byte are normal and not logged. */
  private readonly onEnd = (): void => {
    if (this.state === 'header' && this.socket.bytesRead > 0) {
      this.fail('proxy-header', 'connection ended inside the PROXY header');
    } else {
      this.fail('client-closed');
    }
  };

  // -- the PROXY header ------------------------------------------------------

  private readHeader(): void {
    const { context, socket, header } = this;
    try {
      const result = header?.take((bytes) => socket.read(bytes));
      if (result === undefined) return;
      this.source = result.source;
      this.header = undefined;
    } catch (error) {
      if (!(error instanceof ProxyFault)) throw error;
      return this.reject('proxy-header', error.message, error.first, error.message);
    }
    if (!context.reserve(socket, this.remoteAddress)) {
      this.detach('closing');
      socket.destroy();
    } else if (context.tls) {
      this.stepSince = context.now();
      this.state = 'silent';
    } else {
      this.admit(socket, undefined);
    }
  }

  // -- TLS -------------------------------------------------------------------

  private readFirst(): void {
    const byte: Buffer | null = this.socket.read(1);
    if (byte === null) return;
    const first = byte[0] as number;
    if (first !== TLS_HANDSHAKE) {
      const message = 'this listener requires TLS: use pongs:// instead of pong://';
      return this.reject('tls', 'plain text on a TLS listener', first, message);
    }
    this.detach('handshake');
    this.socket.unshift(byte);
    this.context.tls?.secure(this.socket, (result) => {
      if (this.state !== 'handshake') return;
      if ('failure' in result) this.fail('tls', `TLS handshake failed: ${result.failure}`);
      else this.admit(result.socket, result.rejection);
    });
  }

  // -- its end ---------------------------------------------------------------

  private admit(socket: Socket, rejection: string | undefined): void {
    const { source } = this;
    this.detach('done');
    this.context.admit(this, socket, source || rejection !== undefined ? { source, rejection } : undefined);
  }

  /**
   * Closes the connection. If the first byte shows that the client uses binary mode, it receives an ERROR with
   * `message` (SPEC "TLS").
   */
  private reject(reason: CloseReason, description: string, first: number, message: string): void {
    const { socket, context } = this;
    this.detach('closing');
    this.stepSince = context.now();
    context.onReject(this, reason, description);
    if (first === FRAME) {
      const code = WireError.PROTOCOL;
      const flags = ErrorFlag.FATAL;
      context.stats.errors[code] = (context.stats.errors[code] as number) + 1;
      socket.write(encodeFrame({ type: FrameType.ERROR, flags, code, idHigh: 0, idLow: 0, body: { message } }));
    }
    socket.end();
    socket.resume();
  }

  private fail(reason: CloseReason, description?: string): void {
    if (this.state === 'closing') return;
    this.detach('closing');
    this.context.onReject(this, reason, description);
    this.socket.destroy();
  }

  private onClosed(): void {
    if (this.state === 'done') return;
    if (this.state === 'handshake') this.fail('tls', 'TLS handshake failed: the client closed the connection');
    else this.fail('client-reset');
    this.context.onClosed(this);
  }

  private detach(state: 'handshake' | 'closing' | 'done'): void {
    this.state = state;
    this.socket.off('readable', this.onReadable).off('end', this.onEnd);
  }
}
