import type { Client } from '../../client/client.js';
import { connect } from '../../client/connect.js';
import { RefusedError } from '../../client/errors.js';
import type { ConnectOptions } from '../../client/open.js';
import type { PingOptions } from '../../client/requests.js';
import type { Pong } from '../../client/responses.js';
import { systemClock } from '../../common/clock.js';
import { type ErrorCode, PongcheckError } from '../../common/errors.js';
import { CheckFailure, type Reason, reasonOf, toCheckFailure } from '../../health/reason.js';
import type { Address } from '../../net/address.js';
import { WireError } from '../../wire/codes.js';

/** Time in milliseconds reserved at the end of a run, so that the responder sends its last known state in time. */
const RESERVE_MS = 100;
/** Maximum number of bytes received per request. The protocol limits the size of frames but not their number. */
const MAX_RECEIVED_BYTES = 262_144;
/** Maximum hop count in a PING. */
const MAX_HOPS = 15;

/** A connection to another responder that is kept between requests. */
export class PingpongSession {
  private client: Client | undefined;
  private closed = false;
  /** Number of bytes that the responder may still send. */
  private remaining = MAX_RECEIVED_BYTES;

  constructor(
    private readonly address: Address,
    private readonly request: Pick<PingOptions, 'scope' | 'group' | 'checks'>,
    private readonly identity: () => Pick<ConnectOptions, 'token' | 'tls'>,
  ) {}

  /**
   * Sends a request. Rejects with a CheckFailure, or with the reason of `signal` as soon as it fires.
   *
   * @param connected called when a new connection is established; returns the new deadline.
   */
  async ask(signal: AbortSignal, deadline: number, hops: number, connected?: () => number): Promise<Pong> {
    this.remaining = MAX_RECEIVED_BYTES;
    const ping = (client: Client, until = deadline) =>
      client.ping({
        ...this.request,
        detail: true,
        hops: Math.min(hops + 1, MAX_HOPS),
        timeout: Math.max(0, Math.round(until - systemClock.now() - RESERVE_MS)),
        signal,
      });
    try {
      const pong = await this.askKept(ping, signal);
      if (pong) return pong;
      const client = await this.connect(signal, deadline);
      return await ping(client, connected?.());
    } catch (error) {
      if (signal.aborted) throw signal.reason;
      throw this.remaining < 0 ? tooManyBytes() : toCheckFailure(reasonFor(error), error);
    }
  }

  close(): void {
    this.closed = true;
    this.client?.destroy();
  }

  /** Returns undefined if a new connection is needed, because a healthy responder may have closed the kept one. */
  private async askKept(ping: (client: Client) => Promise<Pong>, signal: AbortSignal): Promise<Pong | undefined> {
    const { client } = this;
    // The last request was not answered, so the connection may be dead.
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
      this.remaining -= chunk.length;
      if (this.remaining < 0) client.destroy();
    });
    this.client = client.unref();
    return client;
  }
}

function tooManyBytes(): CheckFailure {
  return new CheckFailure('protocol', `the responder sent more than ${MAX_RECEIVED_BYTES} bytes for one request`);
}

function isLoss(error: unknown): boolean {
  return error instanceof PongcheckError && (error.code === 'PONGCHECK_CLOSED' || error.code === 'PONGCHECK_REFUSED');
}

const reasonByCode: Readonly<Partial<Record<ErrorCode, Reason>>> = {
  PONGCHECK_CONNECT: 'unreachable',
  // For example, a client certificate file is missing.
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
