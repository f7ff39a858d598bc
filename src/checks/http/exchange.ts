import { Agent as HttpAgent, type IncomingMessage, request as requestHttp } from 'node:http';
import { Agent as HttpsAgent, request as requestHttps } from 'node:https';
import type { Clock } from '../../common/clock.js';
import { CheckFailure, reasonOf, toCheckFailure } from '../../health/reason.js';
import { orAbort } from '../shared/deadline.js';
import { Renewal } from '../shared/renewal.js';
import type { TlsMaterial } from '../shared/tls.js';
import { codingsOf, decodeBody, maxCoded, textOf, tooLong } from './body.js';
import { head } from './head.js';

/** One per run, and a second one while an aborted run is ending. */
const MAX_SOCKETS = 2;
const redirectStatuses: ReadonlySet<number> = new Set([301, 302, 303, 307, 308]);

export interface ExchangeOptions {
  url: URL;
  method: 'GET' | 'HEAD';
  headers: Readonly<Record<string, string>>;
  /** Headers that may also be sent to another origin after a redirect. */
  crossOriginHeaders: Readonly<Record<string, string>>;
  isAllowed(status: number): boolean;
  /** In bytes. */
  maxBody: number;
  /** Maximum number of redirects followed. */
  redirects: number;
  tls: TlsMaterial;
}

/** A response whose body has not been read yet. */
export interface Answer {
  readonly status: number;
  header(name: string): string | undefined;
  /** Reads the whole body, so that the connection can be reused. Returns its text only if `wanted` is true. */
  body(wanted: boolean): Promise<string>;
  /** Closes the connection without reading the body. */
  drop(): void;
}

interface Sent {
  readonly response: IncomingMessage;
  /** Whether the response arrived over a new connection. */
  readonly isFresh: boolean;
}

/** Sends requests to one URL over a connection that is kept for at most 10 s. */
export class HttpExchange {
  private readonly agents;
  private readonly renewal = new Renewal();
  /**
   * Origin of the latest response. Each run may be redirected to a different origin, but only one connection is kept.
   */
  private origin: string | undefined;

  constructor(
    private readonly options: ExchangeOptions,
    private readonly clock: Clock,
  ) {
    const agentOptions = { keepAlive: true, maxSockets: MAX_SOCKETS, maxFreeSockets: 1 };
    this.agents = {
      'http:': new HttpAgent(agentOptions),
      'https:': new HttpsAgent({ ...agentOptions, ...options.tls }),
    };
  }

  /**
   * Sends the request and follows redirects. Rejects with a CheckFailure, immediately when `signal` fires. After an
   * abort, no connection is kept.
   *
   * @param connected called when a new connection is established.
   */
  async ask(signal: AbortSignal, connected: () => void = () => {}): Promise<Answer> {
    const { isAllowed, maxBody } = this.options;
    let { url, headers } = this.options;
    if (this.renewal.isDue(this.clock.now())) this.closeKept();
    for (let redirectsLeft = this.options.redirects; ; redirectsLeft--) {
      const { response, isFresh } = await this.send(url, headers, signal, connected);
      const answer = new HttpAnswer(response, maxBody, signal);
      const isRedirect = redirectStatuses.has(answer.status) && !isAllowed(answer.status);
      const to = answer.header('location');
      if (!isRedirect || to === undefined || redirectsLeft === 0) {
        if (url.origin !== this.origin) this.closeKept();
        this.origin = url.origin;
        if (isFresh) this.renewal.connected(this.clock.now());
        return answer;
      }
      answer.drop();
      const next = target(to, url);
      if (next.origin !== url.origin) headers = this.options.crossOriginHeaders;
      url = next;
    }
  }

  close(): void {
    for (const agent of Object.values(this.agents)) agent.destroy();
  }

  /** Closes idle connections. */
  private closeKept(): void {
    for (const agent of Object.values(this.agents)) {
      for (const sockets of Object.values(agent.freeSockets)) for (const socket of sockets ?? []) socket.destroy();
    }
  }

  /** Sends one request. Repeats it on a new connection if the server has closed the kept one. */
  private async send(
    url: URL,
    headers: ExchangeOptions['headers'],
    signal: AbortSignal,
    connected: () => void,
  ): Promise<Sent> {
    const isTls = url.protocol === 'https:';
    const send = isTls ? requestHttps : requestHttp;
    const agent = this.agents[url.protocol as 'http:' | 'https:'];
    for (;;) {
      const request = send(url, { method: this.options.method, headers, agent, signal });
      request.once('socket', (socket) => {
        if (socket.connecting) socket.once(isTls ? 'secureConnect' : 'connect', connected);
      });
      try {
        const response = await head(request, this.options.maxBody);
        return { response, isFresh: !request.reusedSocket };
      } catch (error) {
        // The loop ends because at most `MAX_SOCKETS` connections are kept.
        if (request.reusedSocket && !signal.aborted && reasonOf(error) === 'reset') continue;
        throw toFailure(error, signal);
      }
    }
  }
}

class HttpAnswer implements Answer {
  constructor(
    private readonly response: IncomingMessage,
    private readonly maxBody: number,
    private readonly signal: AbortSignal,
  ) {}

  get status(): number {
    return this.response.statusCode as number;
  }

  header(name: string): string | undefined {
    return this.response.headersDistinct[name.toLowerCase()]?.join(', ');
  }

  async body(wanted: boolean): Promise<string> {
    const { maxBody } = this;
    const codings = codingsOf(this.header('content-encoding'));
    const maxBytes = codings.length > 0 ? maxCoded(maxBody) : maxBody;
    const chunks: Buffer[] = [];
    let bytes = 0;
    try {
      for await (const chunk of this.response) {
        bytes += chunk.length;
        if (bytes > maxBytes) throw tooLong(maxBody);
        chunks.push(chunk);
      }
    } catch (error) {
      this.drop();
      throw toFailure(error, this.signal);
    }
    if (!wanted) return '';
    const body = await orAbort(decodeBody(Buffer.concat(chunks), codings, maxBody), this.signal);
    return textOf(body, this.header('content-type'));
  }

  drop(): void {
    this.response.destroy();
  }
}

function target(location: string, from: URL): URL {
  const url = URL.canParse(location, from.href) ? new URL(location, from) : undefined;
  if (url?.protocol === 'http:' || url?.protocol === 'https:') return url;
  throw new CheckFailure('protocol', 'the redirect target is not an http or https URL');
}

/** Converts an error to a CheckFailure. Unknown errors get the reason `protocol`. */
function toFailure(error: unknown, signal: AbortSignal): unknown {
  if (signal.aborted) return signal.reason;
  return toCheckFailure(reasonOf(error, 'protocol'), error);
}
