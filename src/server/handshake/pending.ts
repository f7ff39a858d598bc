import type { Socket } from 'node:net';
import type { Sweepable } from '../../liveness/sweeper.js';
import type { TimeLimit } from '../../liveness/time-limit.js';
import { ErrorFlag, FrameType, WireError } from '../../wire/codes.js';
import { encodeFrame } from '../../wire/encode.js';
import type { PeerInfo, Source } from '../peer-info.js';
import type { CloseReason, ServerStats } from '../stats.js';
import { ProxyFault, ProxyHeader } from './proxy-header.js';
import type { TlsHandshaker } from './tls-handshaker.js';

/** What an arrival is told by, and where it ends: in a connection, or turned away. */
export interface HandshakeContext {
  readonly handshake: TimeLimit;
  readonly linger: TimeLimit;
  /** Undefined: plain text. */
  readonly tls: TlsHandshaker | undefined;
  readonly stats: ServerStats;
  now(): number;
  /** Whether one more from this address may stand; if not, it is counted as refused. */
  claim(socket: Socket, address: string | undefined): boolean;
  /** It may speak now. */
  admit(arrival: PendingConnection, socket: Socket, origin: PeerInfo | undefined): void;
  /** It ends; `complaint` is for the log, where something is wrong. */
  reject(arrival: PendingConnection, reason: CloseReason, complaint?: string): void;
  /** Nothing is left of it. */
  gone(arrival: PendingConnection): void;
}

/** The first octet of a TLS handshake, and that of a frame. */
const HANDSHAKE = 0x16;
const FRAME = 0x00;

/** `header`: a PROXY header is to come. `silent`: the first octet is. */
type State = 'header' | 'silent' | 'handshake' | 'closing' | 'done';

/**
 * One accepted socket until it may speak. First comes a PROXY header, where one is owed. Then it waits for the
 * first octet, because only that tells a TLS handshake from plain text, and for the end of the handshake.
 */
export class PendingConnection implements Sweepable {
  slot = -1;
  private partialSince: number;
  private state: State;
  private header: ProxyHeader | undefined = undefined;
  private source: Source | undefined = undefined;

  constructor(
    readonly raw: Socket,
    private readonly gate: HandshakeContext,
    owesHeader: boolean,
  ) {
    this.partialSince = gate.now();
    this.state = owesHeader ? 'header' : 'silent';
    if (owesHeader) this.header = new ProxyHeader();
    raw.on('error', () => {});
    raw.on('close', () => this.closed());
    raw.on('readable', this.onReadable);
    raw.on('end', this.onEnd);
  }

  /** Where it comes from, as far as that is known by now. */
  get remoteAddress(): string | undefined {
    return this.source?.address ?? this.raw.remoteAddress;
  }

  overdue(now: number): boolean {
    const { handshake, linger } = this.gate;
    return (this.state === 'closing' ? linger : handshake).exceeded(this.partialSince, now);
  }

  convict(): void {
    if (this.state === 'closing') this.raw.destroy();
    else if (this.state === 'header') this.fail('proxy-header', 'a PROXY header was not complete in time');
    else this.fail('tls', 'a TLS handshake was not completed in time');
  }

  /** Something has come that may be a question before long. */
  get isUnderWay(): boolean {
    return (
      this.state === 'handshake' || ((this.state === 'header' || this.state === 'silent') && this.raw.bytesRead > 0)
    );
  }

  /** The server stops. */
  destroy(reason: CloseReason): void {
    if (this.state !== 'closing') this.fail(reason);
    this.raw.destroy();
  }

  private readonly onReadable = (): void => {
    if (this.state === 'header') this.readHeader();
    if (this.state === 'silent') this.readFirst();
  };

  /** Connections that come and go without an octet are normal. */
  private readonly onEnd = (): void => {
    if (this.state === 'header' && this.raw.bytesRead > 0) {
      this.fail('proxy-header', 'a PROXY header ended in the middle');
    } else {
      this.fail('client-closed');
    }
  };

  // -- the PROXY header ------------------------------------------------------

  private readHeader(): void {
    const { gate, raw, header } = this;
    try {
      const found = header?.take((octets) => raw.read(octets));
      if (found === undefined) return;
      this.source = found.source;
    } catch (error) {
      if (!(error instanceof ProxyFault)) throw error;
      return this.reject('proxy-header', error.message, error.first, error.message);
    }
    if (!gate.claim(raw, this.remoteAddress)) {
      this.detach('closing');
      raw.destroy();
    } else if (gate.tls) {
      this.partialSince = gate.now();
      this.state = 'silent';
    } else {
      this.admit(raw, undefined);
    }
  }

  // -- TLS -------------------------------------------------------------------

  private readFirst(): void {
    const octet: Buffer | null = this.raw.read(1);
    if (octet === null) return;
    const first = octet[0] as number;
    if (first !== HANDSHAKE) {
      const words = 'TLS is spoken here: pongs:// in place of pong://';
      return this.reject('tls', 'plain text came to a listener that speaks TLS', first, words);
    }
    this.detach('handshake');
    this.raw.unshift(octet);
    this.gate.tls?.secure(this.raw, (result) => {
      if (this.state !== 'handshake') return;
      if ('broken' in result) this.fail('tls', `a TLS handshake failed: ${result.broken}`);
      else this.admit(result.socket, result.refusal);
    });
  }

  // -- its end ---------------------------------------------------------------

  private admit(socket: Socket, refusal: string | undefined): void {
    const { source } = this;
    this.detach('done');
    this.gate.admit(this, socket, source || refusal !== undefined ? { source, refusal } : undefined);
  }

  /** Who speaks frames, as their first octet says, can be told what is wrong (SPEC "TLS"). */
  private reject(reason: CloseReason, complaint: string, first: number, message: string): void {
    const { raw, gate } = this;
    this.detach('closing');
    this.partialSince = gate.now();
    gate.reject(this, reason, complaint);
    if (first === FRAME) {
      const code = WireError.PROTOCOL;
      const flags = ErrorFlag.FATAL;
      gate.stats.errors[code] = (gate.stats.errors[code] as number) + 1;
      raw.write(encodeFrame({ type: FrameType.ERROR, flags, code, idHigh: 0, idLow: 0, body: { message } }));
    }
    raw.end();
    raw.resume();
  }

  private fail(reason: CloseReason, complaint?: string): void {
    if (this.state === 'closing') return;
    this.detach('closing');
    this.gate.reject(this, reason, complaint);
    this.raw.destroy();
  }

  private closed(): void {
    if (this.state === 'done') return;
    if (this.state === 'handshake') this.fail('tls', 'a TLS handshake failed: the client broke it off');
    else this.fail('client-reset');
    this.gate.gone(this);
  }

  private detach(state: 'handshake' | 'closing' | 'done'): void {
    this.state = state;
    this.raw.off('readable', this.onReadable).off('end', this.onEnd);
  }
}
