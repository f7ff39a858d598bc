import { connect, type Socket } from 'node:net';
import type { CheckDefinition, CheckResult, CheckSettings } from '../../health/check.js';
import { CheckFailure, reasonOf, toCheckFailure } from '../../health/reason.js';
import { invalidOption, parseCheckOptions } from '../parse-options.js';
import { type Match, readPattern } from '../shared/match.js';
import { PatternWorker } from '../shared/pattern-worker.js';
import { hostOf, readUrl } from '../shared/url.js';
import { tcpOptions } from './options.js';

const KIND = 'tcp';
const MYSQL_PORT = 3306;

/** Which port is tried, and what it has to say. */
export interface TcpOptions extends CheckSettings {
  /** `tcp://HOST:PORT`. */
  url: string;
  /** Sent once the connection stands; `\r`, `\n`, `\t`, `\0`, `\xHH` and `\\` stand for what they stand for in code. Default: nothing. */
  send?: string;
  /** A text that the answer must contain, or a regular expression (also as `/text/`) that it must match. Default: nothing is read. */
  expect?: string | RegExp;
  /** Octets that are read of an answer at most. Default 4096. */
  maxAnswer?: number;
  /** Allows port 3306 all the same. Default false. */
  force?: boolean;
}

/**
 * A new connection each run: whether it is taken, and, with `expect`, whether
 * what comes on it is as expected.
 *
 * @throws PongcheckError `PONGCHECK_CONFIG` for options that make no sense, and for port 3306 without `force`.
 */
export function tcp(given: TcpOptions): CheckDefinition {
  const { settings, options } = parseCheckOptions<TcpOptions>(KIND, tcpOptions, given);
  const { send, expect, maxAnswer = 4096, force = false } = options;
  const url = readUrl(KIND, options.url, ['tcp']);
  if (url.username !== '' || url.password !== '')
    throw invalidOption(KIND, ['url'], 'one with credentials', 'tcp://HOST:PORT');
  const port = Number(url.port);
  if (port === 0) throw invalidOption(KIND, ['url'], 'without a port', 'tcp://HOST:PORT');
  if (port === MYSQL_PORT && !force) {
    throw invalidOption(
      KIND,
      ['url'],
      'of port 3306, where a MySQL server counts each such connection as a broken handshake and blocks this host after 100 of them',
      'the kind mysql, or force: true where no MySQL listens there',
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
  /** Octets. */
  readonly maxAnswer: number;
}

const controls: Readonly<Record<string, string>> = { r: '\r', n: '\n', t: '\t', '0': '\0', '\\': '\\' };
const escapes = /(\\x[0-9a-fA-F]{2}|\\[rnt0\\])/;

/** A configuration file has no control characters in its texts, and a text has no bytes of its own above 7f. */
function bytesOf(text: string): Buffer {
  return Buffer.concat(text.split(escapes).map(bytesOfPart));
}

function bytesOfPart(part: string): Buffer {
  if (!escapes.test(part)) return Buffer.from(part);
  const control = controls[part.charAt(1)];
  return control === undefined ? Buffer.from(part.slice(2), 'hex') : Buffer.from(control);
}

/** Settles when the connection is closed again, or is being; rejects at once when `signal` fires. */
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
    // Stays: a socket that is given up may say so once more.
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

/** Reads until what has come is as expected, or cannot be any more. */
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
  // One match at a time: what comes meanwhile is in the next.
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
      const found = received.length === 0 ? 'there is no answer' : 'the answer is not as expected';
      fail(new CheckFailure(received.length === 0 ? 'reset' : 'bad-body', `${found}: the connection was closed`));
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
