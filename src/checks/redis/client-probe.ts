import type { RedisOptions as Login } from 'ioredis';
import { formatValue } from '../../options/format-value.js';
import { invalidOption } from '../parse-options.js';
import { orAbort } from '../shared/deadline.js';
import { loginOfIoredis, loginOfNodeRedis, type NodeRedisOptions } from './login.js';

/** A client of `ioredis` (`new Redis`) or of `redis` (`createClient`), for one server. */
export interface RedisClient {
  ping: (...given: never[]) => Promise<unknown>;
}

/** What both kinds have. */
interface Client {
  ping(): Promise<unknown>;
  on(event: 'ready', onReady: () => void): unknown;
  off(event: 'ready', onReady: () => void): unknown;
}
type Ioredis = Client & { readonly status: string; readonly isCluster?: boolean; readonly options: Login };
type NodeRedis = Client & { readonly isReady: boolean; readonly isOpen: boolean; readonly options: NodeRedisOptions };

/** The application's own client: asked, and never connected, ended or given more than one PING to keep. */
export class ClientProbe {
  /** The server that it leads to. */
  readonly login: Login;
  /** A PING that has no answer yet; nobody sends another meanwhile. */
  private pending: Promise<unknown> | undefined;
  private used = false;
  private readonly client: Ioredis | NodeRedis;

  /** @throws PongcheckError `PONGCHECK_CONFIG` for what is no such client. */
  constructor(given: unknown) {
    const client = (given ?? {}) as Partial<Ioredis & NodeRedis>;
    const { ping, on, off, status, isReady, isCluster = false, options } = client;
    const isClient = [ping, on, off].every((method) => typeof method === 'function') && typeof options === 'object';
    if (!isClient || isCluster || (typeof status !== 'string' && typeof isReady !== 'boolean')) {
      const found = isCluster ? 'a cluster' : formatValue(given);
      throw invalidOption('redis', ['client'], found, 'a client of ioredis or redis for one server');
    }
    this.client = client as Ioredis | NodeRedis;
    this.login = isIoredis(this.client)
      ? loginOfIoredis(this.client.options)
      : loginOfNodeRedis(this.client.options ?? {});
  }

  /** Whether the application has not begun to use it, so that it is not connected and need not be. */
  get isUnused(): boolean {
    if (isIoredis(this.client)) return this.client.status === 'wait';
    // This kind looks the same before it is connected and after it is ended.
    this.used ||= this.client.isOpen;
    return !this.used;
  }

  /** What the visit waits for now, as a sentence. */
  get state(): string {
    if (this.isReady) return 'the client has not answered';
    return `the client has not connected${isIoredis(this.client) ? ` (${this.client.status})` : ''}`;
  }

  /** Waits until it is connected, and pings. What is not connected would keep the PING for later. */
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
