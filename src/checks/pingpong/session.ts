import type { Client } from '../../client/client.js';
import { connect } from '../../client/connect.js';
import { RefusedError } from '../../client/errors.js';
import type { ConnectOptions } from '../../client/open.js';
import type { PingOptions } from '../../client/requests.js';
import type { Pong } from '../../client/responses.js';
import { systemClock } from '../../common/clock.js';
import { type ErrorCode, PongcheckError } from '../../common/errors.js';
import { CheckFailure, type Reason, reasonOf } from '../../health/reason.js';
import type { Address } from '../../net/address.js';
import { WireError } from '../../wire/codes.js';
import { failure } from '../shared/failure.js';

/** The other answers so long before the run ends, so that its last known state arrives rather than nothing. In ms. */
const HEAD_START = 100;
/** Bytes that the other may send until the next question. The protocol bounds each frame, not their number. */
const MAX_HEARD = 262_144;
/** The largest count of hops that a PING can tell. */
const MAX_HOPS = 15;

/** The connection to another responder, which is kept from question to question. */
export class PingpongSession {
  private client: Client | undefined;
  private closed = false;
  /** Octets that the other may still send. */
  private left = MAX_HEARD;

  constructor(
    private readonly address: Address,
    private readonly question: Pick<PingOptions, 'scope' | 'group' | 'checks'>,
    private readonly identity: () => Pick<ConnectOptions, 'token' | 'tls'>,
  ) {}

  /**
   * What the other says. Rejects with a CheckFailure, or with the reason of `signal` as soon as it fires.
   *
   * @param connected called when a new connection stands; returns the new deadline.
   */
  async ask(signal: AbortSignal, deadline: number, hops: number, connected?: () => number): Promise<Pong> {
    this.left = MAX_HEARD;
    const ping = (client: Client, until = deadline) =>
      client.ping({
        ...this.question,
        detail: true,
        hops: Math.min(hops + 1, MAX_HOPS),
        timeout: Math.max(0, Math.round(until - systemClock.now() - HEAD_START)),
        signal,
      });
    try {
      const pong = await this.askKept(ping, signal);
      if (pong) return pong;
      const client = await this.connect(signal, deadline);
      return await ping(client, connected?.());
    } catch (error) {
      if (signal.aborted) throw signal.reason;
      throw this.left < 0 ? beyond() : failure(reasonFor(error), error);
    }
  }

  close(): void {
    this.closed = true;
    this.client?.destroy();
  }

  /** Undefined where another connection is needed: the kept one may have ended while the other is well. */
  private async askKept(ping: (client: Client) => Promise<Pong>, signal: AbortSignal): Promise<Pong | undefined> {
    const { client } = this;
    // The last question was met with silence: perhaps nobody is at the other end any more.
    if (!client || client.receivedAt < client.sentAt) return undefined;
    try {
      return await ping(client);
    } catch (error) {
      if (signal.aborted || !isLoss(error)) throw error;
      return undefined;
    }
  }

  private async connect(signal: AbortSignal, deadline: number): Promise<Client> {
    this.client?.destroy();
    const connectTimeout = Math.max(1, Math.round(deadline - systemClock.now()));
    const client = await connect(this.address, { signal, connectTimeout, ...this.identity() });
    if (this.closed) {
      client.destroy();
      throw new CheckFailure('internal', 'the check is closed');
    }
    client.socket.on('data', (chunk: Buffer) => {
      this.left -= chunk.length;
      if (this.left < 0) client.destroy();
    });
    this.client = client.unref();
    return client;
  }
}

function beyond(): CheckFailure {
  return new CheckFailure('protocol', `the responder sends more than ${MAX_HEARD} octets unasked`);
}

function isLoss(error: unknown): boolean {
  return error instanceof PongcheckError && (error.code === 'PONGCHECK_CLOSED' || error.code === 'PONGCHECK_REFUSED');
}

const reasonByCode: Readonly<Partial<Record<ErrorCode, Reason>>> = {
  PONGCHECK_CONNECT: 'unreachable',
  PONGCHECK_TLS: 'tls',
  // A file of its own certificate is gone.
  PONGCHECK_CONFIG: 'tls',
  PONGCHECK_TIMEOUT: 'timeout',
  PONGCHECK_CLOSED: 'reset',
  PONGCHECK_PROTOCOL: 'protocol',
  PONGCHECK_REFUSED: 'protocol',
};

const reasonByRefusal: Readonly<Record<number, Reason>> = {
  [WireError.UNAUTHENTICATED]: 'auth',
  [WireError.FORBIDDEN]: 'auth',
  [WireError.TOO_MANY_CONNECTIONS]: 'too-many-connections',
};

function reasonFor(error: unknown): Reason {
  const refusal = error instanceof RefusedError ? reasonByRefusal[error.wire.code] : undefined;
  const own = error instanceof PongcheckError ? reasonByCode[error.code] : undefined;
  return refusal ?? reasonOf(error, own);
}
