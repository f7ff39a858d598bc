import type { Socket } from 'node:net';
import { promisify } from 'node:util';
import { constants, gzip as gzipCallback, type ZlibOptions } from 'node:zlib';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Clock } from '../common/clock.js';
import type { Turns } from './turns.js';

/** How long a rendering is given to everyone who asks for the same, in milliseconds. */
const LIFE_MS = 250;
/** The most renderings that are kept: what a query may hold is not a closed list. */
const MAX_KEPT = 16;
/** Renderings that clients have asked for and not read, in bytes; beyond it the clients of the oldest are closed. */
const MAX_UNREAD_BYTES = 8 * 1024 * 1024;
/** What is shorter gains nothing by compression. */
const MIN_GZIP_BYTES = 1024;
/** Compressions at once; each takes some 256 KiB. What comes meanwhile is sent as it is. */
const MAX_GZIPS = 2;

/** A body with its type, the same for all who are given it. */
export interface Rendering {
  readonly type: string;
  readonly body: Buffer;
}

/** What is costly to make is made once for all who ask within a quarter of a second, and compressed once. */
export class Renderings {
  private readonly kept = new Map<string, Promise<unknown>>();
  private readonly gzipped = new WeakMap<Buffer, Promise<Buffer>>();
  private gzips = 0;
  /** The oldest first, with the answers that are not read yet. */
  private readonly unread = new Map<Buffer, Set<{ readonly socket: Socket }>>();

  constructor(
    private readonly clock: Clock,
    /** Shared with the server, where that is our own. */
    readonly turns: Turns,
  ) {}

  /**
   * What `render` makes, or made a moment ago for the same key. The key names all that the rendering depends on: the
   * route, the right of the client, and the values of the query. What is undefined or rejected is kept for those alone
   * that wait for it.
   */
  of<R extends Rendering | undefined>(key: string, render: () => Promise<R>): Promise<R> {
    const kept = this.kept.get(key);
    if (kept) return kept as Promise<R>;
    const made = this.turns.next().then(render);
    this.kept.set(key, made);
    const forget = () => {
      if (this.kept.get(key) === made) this.kept.delete(key);
    };
    made.then((rendering) => (rendering ? this.clock.after(LIFE_MS, forget) : forget()), forget);
    const [oldest] = this.kept.keys();
    if (this.kept.size > MAX_KEPT) this.kept.delete(oldest as string);
    return made;
  }

  /** Sends it, compressed where the client takes that. */
  async send(request: FastifyRequest, reply: FastifyReply, { type, body }: Rendering): Promise<FastifyReply> {
    reply.type(type).header('vary', 'accept-encoding');
    const zipped = takesGzip(request.headers['accept-encoding']) ? await this.gzip(body) : undefined;
    if (zipped) reply.header('content-encoding', 'gzip');
    this.track(request, reply, zipped ?? body);
    return reply.send(zipped ?? body);
  }

  /** undefined: it is sent as it is. */
  private gzip(body: Buffer): Promise<Buffer> | undefined {
    const known = this.gzipped.get(body);
    if (known || body.length < MIN_GZIP_BYTES || this.gzips === MAX_GZIPS) return known;
    this.gzips++;
    const zipped = gzip(body, { level: constants.Z_BEST_SPEED }).finally(() => this.gzips--);
    this.gzipped.set(body, zipped);
    return zipped;
  }

  private track({ raw: { socket } }: FastifyRequest, { raw: response }: FastifyReply, body: Buffer): void {
    if (socket.destroyed) return;
    const answers = this.unread.get(body) ?? new Set();
    const answer = { socket };
    this.unread.set(body, answers.add(answer));
    const done = () => {
      socket.off('close', done);
      answers.delete(answer);
      if (answers.size === 0) this.unread.delete(body);
    };
    response.once('close', done);
    // An answer behind another one has no socket of its own yet, and is not told.
    socket.once('close', done);
    let bytes = 0;
    for (const { length } of this.unread.keys()) bytes += length;
    for (const [oldest, late] of this.unread) {
      if (bytes <= MAX_UNREAD_BYTES || oldest === body) break;
      bytes -= oldest.length;
      for (const { socket } of late) socket.destroy();
    }
  }
}

const gzip = promisify<Buffer, ZlibOptions, Buffer>(gzipCallback);

function takesGzip(header: string | undefined): boolean {
  return /(?:^|,)\s*gzip\s*(?:;\s*q=(?!0(?:\.0*)?\s*(?:,|$))[\d.]+\s*)?(?:,|$)/i.test(header ?? '');
}
