import type { RedisOptions as Login } from 'ioredis';
import { formatValue } from '../../options/format-value.js';
import { invalidOption } from '../parse-options.js';
import { orAbort } from '../shared/deadline.js';
import { loginOfIoredis, loginOfNodeRedis, type NodeRedisOptions } from './login.js';

/** A client from `ioredis` (`new Redis`) or `redis` (`createClient`), connected to one server. */
export interface RedisClient {
  ping: (...given: never[]) => Promise<unknown>;
}

/** Members common to both libraries. */
interface Client {
  ping(): Promise<unknown>;
  on(event: 'ready', onReady: () => void): unknown;
  off(event: 'ready', onReady: () => void): unknown;
}
type Ioredis = Client & { readonly status: string; readonly isCluster?: boolean; readonly options: Login };
type NodeRedis = Client & { readonly isReady: boolean; readonly isOpen: boolean; readonly options: NodeRedisOptions };

/** Probes the application's client. Never connects or closes it, and queues at most one PING in it. */
export class ClientProbe {
  /** Server address and credentials of the client. */
  readonly login: Login;
  /** The unanswered PING. No other PING is sent until it is answered. */
  private pending: Promise<unknown> | undefined;
  private used = false;
  private readonly client: Ioredis | NodeRedis;

  /** @throws PongcheckError `PONGCHECK_CONFIG` if the value is not such a client. */
  constructor(given: unknown) {
    const client = (given ?? {}) as Partial<Ioredis & NodeRedis>;
    const { ping, on, off, status, isReady, isCluster = false, options } = client;
    const isClient = [ping, on, off].every((method) => typeof method === 'function') && typeof options === 'object';
    if (!isClient || isCluster || (typeof status !== 'string' && typeof isReady !== 'boolean')) {
      const found = isCluster ? 'a cluster' : formatValue(given);
      throw invalidOption('redis', ['client'], found, 'an ioredis or redis client for a single server');
    }
    this.client = client as Ioredis | NodeRedis;
    this.login = isIoredis(this.client)
      ? loginOfIoredis(this.client.options)
      : loginOfNodeRedis(this.client.options ?? {});
  }

  /** Whether the application has not used the client yet. Such a client need not be connected. */
  get isUnused(): boolean {
    if (isIoredis(this.client)) return this.client.status === 'wait';
    // A `redis` client looks the same before it connects and after it is closed.
    this.used ||= this.client.isOpen;
    return !this.used;
  }

  /** Current step of the ping, for messages. */
  get state(): string {
    if (this.isReady) return 'the client did not answer';
    return `the client did not connect${isIoredis(this.client) ? ` (${this.client.status})` : ''}`;
  }

  /** Waits until the client is connected, then sends a PING. A client that is not connected would queue the PING. */
  async ping(signal: AbortSignal): Promise<void> {
    while (!this.isReady) await this.connected(signal);
    await orAbort(this.pending ?? this.send(), signal);
  }

  private get isReady(): boolean {
    return isIoredis(this.client) ? this.client.status === 'ready' : this.client.isReady;
  }

  private send(): Promise<unknown> {
    const settled = () => {
      this.pending = undefined;
    };
    const pending = this.client.ping();
    this.pending = pending;
    pending.then(settled, settled);
    return pending;
  }

  private async connected(signal: AbortSignal): Promise<void> {
    let onReady = () => {};
    const ready = new Promise<void>((resolve) => {
      onReady = resolve;
    });
    this.client.on('ready', onReady);
    try {
      await orAbort(ready, signal);
    } finally {
      this.client.off('ready', onReady);
    }
  }
}

function isIoredis(client: Ioredis | NodeRedis): client is Ioredis {
  return 'status' in client;
}
