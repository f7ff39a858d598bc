import type { Socket } from 'node:net';
import { promisify } from 'node:util';
import { constants, gzip as gzipCallback, type ZlibOptions } from 'node:zlib';
import type { Clock } from '../common/clock.js';
import type { Get, Reply } from './route.js';
import type { Turns } from './turns.js';

/** How long a rendering is reused for identical requests, in milliseconds. */
const LIFETIME_MS = 250;
/** Maximum number of cached renderings, because query values are unbounded. */
const MAX_CACHED = 16;
/**
 * Maximum size of renderings that clients have requested but not read. Above it, the clients of the oldest rendering
 * are disconnected.
 */
const MAX_UNREAD_BYTES = 8 * 1024 * 1024;
/** Minimum size for compression, in bytes. Compressing a smaller body saves nothing. */
const MIN_GZIP_BYTES = 1024;
/**
 * Maximum number of concurrent compressions, which need about 256 KiB each. At the limit, responses are sent
 * uncompressed.
 */
const MAX_GZIPS = 2;

/** A response body and its content type. */
export interface Rendering {
  readonly type: string;
  readonly body: Buffer;
}

/** Cache of expensive responses. Each one is rendered and compressed once for all requests within 250 ms. */
export class Renderings {
  private readonly cache = new Map<string, Promise<unknown>>();
  private readonly gzipped = new WeakMap<Buffer, Promise<Buffer>>();
  private gzips = 0;
  /** Unread responses by body, oldest body first. */
  private readonly unread = new Map<Buffer, Set<{ readonly socket: Socket }>>();

  constructor(
    private readonly clock: Clock,
    /** Shared with the sockets of a dedicated server. */
    readonly turns: Turns,
  ) {}

  /**
   * Returns the cached rendering for `key`, or calls `render`. The key must contain everything on which the rendering
   * depends: the route, the client's access level, and the query values. Undefined and rejected results are shared only
   * among the requests that wait for them.
   */
  of<R extends Rendering | undefined>(key: string, render: () => Promise<R>): Promise<R> {
    const cached = this.cache.get(key);
    if (cached) return cached as Promise<R>;
    const pending = this.turns.next().then(render);
    this.cache.set(key, pending);
    const remove = () => {
      if (this.cache.get(key) === pending) this.cache.delete(key);
    };
    pending.then((rendering) => (rendering ? this.clock.after(LIFETIME_MS, remove) : remove()), remove);
    const [oldest] = this.cache.keys();
    if (this.cache.size > MAX_CACHED) this.cache.delete(oldest as string);
    return pending;
  }

  /** Returns a response with a rendering, compressed if the client accepts gzip. */
  async reply(request: Get, { type, body }: Rendering, status = 200, headers: Reply['headers'] = {}): Promise<Reply> {
    const zipped = acceptsGzip(request.raw.headers['accept-encoding']) ? await this.gzip(body) : undefined;
    this.track(request, zipped ?? body);
    return {
      status,
      headers: {
        ...headers,
        'content-type': type,
        vary: 'accept-encoding',
        ...(zipped && { 'content-encoding': 'gzip' }),
      },
      body: zipped ?? body,
    };
  }

  /** Returns undefined if the body should be sent uncompressed. */
  private gzip(body: Buffer): Promise<Buffer> | undefined {
    const cached = this.gzipped.get(body);
    if (cached || body.length < MIN_GZIP_BYTES || this.gzips === MAX_GZIPS) return cached;
    this.gzips++;
    const zipped = gzip(body, { level: constants.Z_BEST_SPEED }).finally(() => this.gzips--);
    this.gzipped.set(body, zipped);
    return zipped;
  }

  private track({ raw: { socket }, response }: Get, body: Buffer): void {
    if (socket.destroyed) return;
    const responses = this.unread.get(body) ?? new Set();
    const entry = { socket };
    this.unread.set(body, responses.add(entry));
    const done = () => {
      socket.off('close', done);
      responses.delete(entry);
      if (responses.size === 0) this.unread.delete(body);
    };
    response.once('close', done);
    // A pipelined response has no socket yet, and emits no close event when the socket closes.
    socket.once('close', done);
    let bytes = 0;
    for (const { length } of this.unread.keys()) bytes += length;
    for (const [oldest, stalled] of this.unread) {
      if (bytes <= MAX_UNREAD_BYTES || oldest === body) break;
      bytes -= oldest.length;
      for (const { socket } of stalled) socket.destroy();
    }
  }
}

const gzip = promisify<Buffer, ZlibOptions, Buffer>(gzipCallback);

function acceptsGzip(header: string | undefined): boolean {
  return /(?:^|,)\s*gzip\s*(?:;\s*q=(?!0(?:\.0*)?\s*(?:,|$))[\d.]+\s*)?(?:,|$)/i.test(header ?? '');
}
