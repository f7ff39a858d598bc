import { type ClientRequest, Agent as HttpAgent, type IncomingMessage, request as requestHttp } from 'node:http';
import { Agent as HttpsAgent, request as requestHttps } from 'node:https';
import { CheckFailure, reasonOf } from '../health/reason.js';
import { failure } from './failure.js';
import type { TlsMaterial } from './tls.js';

/** One run at a time; a second connection is for a run that is being ended. */
const MAX_SOCKETS = 2;
const redirectStatuses: ReadonlySet<number> = new Set([301, 302, 303, 307, 308]);

export interface ExchangeOptions {
  url: URL;
  method: 'GET' | 'HEAD';
  headers: Readonly<Record<string, string>>;
  /** The ones that are also sent to another origin, where a redirect leads there. */
  headersForOthers: Readonly<Record<string, string>>;
  isAllowed(status: number): boolean;
  /** Octets. */
  maxBody: number;
  /** How many are followed. */
  redirects: number;
  tls: TlsMaterial;
}

/** The head of an answer, whose body is read or dropped. */
export interface Answer {
  readonly status: number;
  header(name: string): string | undefined;
  /** Reads the body to its end, so that the connection can be used again. */
  body(): Promise<string>;
  /** Closes the connection instead. */
  drop(): void;
}

/** Asks one URL, on a connection that is kept. */
export class HttpExchange {
  private readonly agents;

  constructor(private readonly options: ExchangeOptions) {
    const kept = { keepAlive: true, maxSockets: MAX_SOCKETS, maxFreeSockets: 1 };
    this.agents = { 'http:': new HttpAgent(kept), 'https:': new HttpsAgent({ ...kept, ...options.tls }) };
  }

  /**
   * The answer, or that of the place where it redirects to. Rejects with a
   * CheckFailure, at once when `signal` fires; then nothing is held.
   *
   * @param connected called when a new connection stands.
   */
  async ask(signal: AbortSignal, connected: () => void = () => {}): Promise<Answer> {
    const { isAllowed, maxBody } = this.options;
    let { url, headers } = this.options;
    for (let left = this.options.redirects; ; left--) {
      const response = await this.send(url, headers, signal, connected);
      const answer = new HttpAnswer(response, maxBody, signal);
      const isRedirect = redirectStatuses.has(answer.status) && !isAllowed(answer.status);
      const to = answer.header('location');
      if (!isRedirect || to === undefined || left === 0) return answer;
      answer.drop();
      const next = target(to, url);
      if (next.origin !== url.origin) headers = this.options.headersForOthers;
      url = next;
    }
  }

  close(): void {
    for (const agent of Object.values(this.agents)) agent.destroy();
  }

  /** A kept connection may have been closed by the server meanwhile: then once more, on another. */
  private async send(
    url: URL,
    headers: ExchangeOptions['headers'],
    signal: AbortSignal,
    connected: () => void,
  ): Promise<IncomingMessage> {
    const isTls = url.protocol === 'https:';
    const send = isTls ? requestHttps : requestHttp;
    const agent = this.agents[url.protocol as 'http:' | 'https:'];
    for (;;) {
      const request = send(url, { method: this.options.method, headers, agent, signal });
      request.once('socket', (socket) => {
        if (socket.connecting) socket.once(isTls ? 'secureConnect' : 'connect', connected);
      });
      try {
        return await head(request);
      } catch (error) {
        // At most `MAX_SOCKETS` are kept; a fresh one ends the loop.
        if (request.reusedSocket && !signal.aborted && reasonOf(error) === 'reset') continue;
        throw told(error, signal);
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

  async body(): Promise<string> {
    const chunks: Buffer[] = [];
    let octets = 0;
    try {
      for await (const chunk of this.response) {
        octets += chunk.length;
        if (octets > this.maxBody) throw new CheckFailure('bad-body', `the body is longer than ${this.maxBody} octets`);
        chunks.push(chunk);
      }
    } catch (error) {
      this.drop();
      throw told(error, this.signal);
    }
    return Buffer.concat(chunks).toString();
  }

  drop(): void {
    this.response.destroy();
  }
}

function head(request: ClientRequest): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    request.once('response', (response) => {
      // What breaks before the body is read is told when it is.
      response.on('error', () => {});
      resolve(response);
    });
    // Stays: an aborted request says so here also after its answer has begun.
    request.on('error', reject);
    request.end();
  });
}

function target(location: string, from: URL): URL {
  const url = URL.canParse(location, from.href) ? new URL(location, from) : undefined;
  if (url?.protocol === 'http:' || url?.protocol === 'https:') return url;
  throw new CheckFailure('protocol', 'a redirect leads to what is no http URL');
}

/** What went wrong, with its reason. What nobody knows is no answer of an HTTP server. */
function told(error: unknown, signal: AbortSignal): unknown {
  if (signal.aborted) return signal.reason;
  return failure(reasonOf(error, 'protocol'), error);
}
