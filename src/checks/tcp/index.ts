import { connect, type Socket } from 'node:net';
import type { CheckDefinition, CheckResult, CheckSettings } from '../../health/check.js';
import { CheckFailure, reasonOf, toCheckFailure } from '../../health/reason.js';
import { invalidOption, parseCheckOptions } from '../parse-options.js';
import { type Match, readPattern } from '../shared/match.js';
import { PatternWorker } from '../shared/pattern-worker.js';
import { hostOf, readUrl, targetOfUrl } from '../shared/url.js';
import { tcpOptions } from './options.js';

const KIND = 'tcp';
const MYSQL_PORT = 3306;

/** Options of the `tcp` check. */
export interface TcpOptions extends CheckSettings {
  /** `tcp://HOST:PORT`. */
  url: string;
  /**
   * Text to send after connecting. Supports the escapes `\r`, `\n`, `\t`, `\0`, `\xHH` and `\\`. Default: nothing is
   * sent.
   */
  send?: string;
  /**
   * Text that the answer must contain, or regular expression (also as `/text/`) that it must match. Default: nothing is
   * read.
   */
  expect?: string | RegExp;
  /**
   * Maximum number of bytes to read.
   * @default 4096
   */
  maxAnswer?: number;
  /**
   * Allows port 3306.
   * @default false
   */
  force?: boolean;
}

/**
 * Opens a new connection on each run. With `expect`, also checks the data received.
 *
 * @throws PongcheckError `PONGCHECK_CONFIG` for invalid options, and for port 3306 without `force`.
 */
export function tcpCheck(given: TcpOptions): CheckDefinition {
  const { settings, options } = parseCheckOptions<TcpOptions>(KIND, tcpOptions, given);
  const { send, expect, maxAnswer = 4096, force = false } = options;
  const url = readUrl(KIND, options.url, ['tcp']);
  if (url.username !== '' || url.password !== '')
    throw invalidOption(KIND, ['url'], 'a URL with credentials', 'tcp://HOST:PORT');
  const port = Number(url.port);
  if (port === 0) throw invalidOption(KIND, ['url'], 'a URL without a port', 'tcp://HOST:PORT');
  if (port === MYSQL_PORT && !force) {
    throw invalidOption(
      KIND,
      ['url'],
      'a URL with port 3306: a MySQL server counts each such connection as a broken handshake and blocks this host after 100 of them',
      'the kind mysql, or force: true if the server is not MySQL',
    );
  }
  const worker = new PatternWorker();
  const probe: TcpProbe = {
    host: hostOf(url),
    port,
    request: send === undefined ? undefined : bytesOf(send),
    expected: expect === undefined ? undefined : readPattern(KIND, 'expect', expect, worker),
    maxAnswer,
  };
  return {
    componentType: 'component',
    ...settings,
    kind: KIND,
    nonBlocking: true,
    target: targetOfUrl(url),
    load: () => worker.load(),
    run: (signal, deadline) => attempt(probe, signal, deadline),
    close: () => worker.close(),
  };
}

interface TcpProbe {
  readonly host: string;
  readonly port: number;
  readonly request: Buffer | undefined;
  readonly expected: Match | undefined;
  /** In bytes. */
  readonly maxAnswer: number;
}

const controls: Readonly<Record<string, string>> = { r: '\r', n: '\n', t: '\t', '0': '\0', '\\': '\\' };
const escapes = /(\\x[0-9a-fA-F]{2}|\\[rnt0\\])/;

/** Configuration files cannot contain control characters, and strings cannot contain single bytes above 7f. */
function bytesOf(text: string): Buffer {
  return Buffer.concat(text.split(escapes).map(bytesOfPart));
}

function bytesOfPart(part: string): Buffer {
  if (!escapes.test(part)) return Buffer.from(part);
  const control = controls[part.charAt(1)];
  return control === undefined ? Buffer.from(part.slice(2), 'hex') : Buffer.from(control);
}

/** Resolves when the connection is closed or closing. Rejects immediately when `signal` fires. */
function attempt(
  { host, port, request, expected, maxAnswer }: TcpProbe,
  signal: AbortSignal,
  deadline: number,
): Promise<CheckResult> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host, port, noDelay: true });
    const end = (settle: () => void) => {
      signal.removeEventListener('abort', onAbort);
      socket.destroy();
      settle();
    };
    const pass = () => end(() => resolve({ status: 'pass' }));
    const fail = (error: unknown) => end(() => reject(toCheckFailure(reasonOf(error), error)));
    const onAbort = () => end(() => reject(signal.reason));
    signal.addEventListener('abort', onAbort, { once: true });
    // This listener stays attached, because a destroyed socket may emit another error.
    socket.on('error', fail);
    socket.once('connect', () => {
      if (expected) listen(socket, (text) => expected(text, signal, deadline), maxAnswer, pass, fail);
      const sent = expected ? undefined : pass;
      if (request === undefined) sent?.();
      else socket.write(request, sent);
    });
    if (signal.aborted) onAbort();
  });
}

/** Reads until the data matches or can no longer match. */
function listen(
  socket: Socket,
  isExpected: (text: string) => Promise<boolean>,
  maxAnswer: number,
  pass: () => void,
  fail: (error: unknown) => void,
): void {
  let received = Buffer.alloc(0);
  let matched = 0;
  let isMatching = false;
  let hasEnded = false;
  // Runs one match at a time. Data received in the meantime is included in the next match.
  const match = async () => {
    if (isMatching) return;
    isMatching = true;
    while (matched < received.length) {
      matched = received.length;
      if (await isExpected(received.toString())) return pass();
    }
    isMatching = false;
    if (received.length >= maxAnswer) {
      fail(new CheckFailure('bad-body', `the first ${maxAnswer} bytes of the answer are not as expected`));
    } else if (hasEnded) {
      const problem = received.length === 0 ? 'no answer' : 'the answer is not as expected';
      fail(new CheckFailure(received.length === 0 ? 'reset' : 'bad-body', `${problem}: the connection was closed`));
    }
  };
  socket.on('data', (chunk) => {
    received = Buffer.concat([received, chunk.subarray(0, maxAnswer - received.length)]);
    match().catch(fail);
  });
  socket.once('end', () => {
    hasEnded = true;
    match().catch(fail);
  });
}
