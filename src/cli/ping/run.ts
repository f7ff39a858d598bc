import { setTimeout as delay } from 'node:timers/promises';
import type { Client } from '../../client/client.js';
import { type ConnectOptions, connect } from '../../client/connect.js';
import type { Pong } from '../../client/pong.js';
import { type PingOptions, pingRequest } from '../../client/requests.js';
import { PongcheckError } from '../../common/errors.js';
import type { Scope } from '../../health/health.js';
import { type Address, parseAddress } from '../../net/address.js';
import { DURATION_FORMS, parseDuration } from '../../options/duration.js';
import { outputGone } from '../output.js';
import { type FlagValues, UsageError } from '../parser.js';
import { peerOptions } from '../peer-flags.js';
import { type ExitDialect, exitCode, exitDialects, isExitDialect, type Outcome } from './exit-dialects.js';
import { outcomeOf } from './pong-text.js';
import { jsonPrinter, type PingPrinter, textPrinter } from './printer.js';
import { PingStatistics } from './statistics.js';

const DEFAULT_ADDRESS = 'pong://127.0.0.1:7464';
/** A timer of Node that is set to more than 25 days fires at once. */
const MAX_DURATION = 86_400_000;

/** Until `count` PINGs are done or a signal says so; the last PING decides the exit code. */
export async function ping(flags: FlagValues, argument = DEFAULT_ADDRESS): Promise<number> {
  const address = usage(() => parseAddress(argument));
  const dialect = dialectOf(flags);
  const count = countOf(flags.count, dialect === undefined ? Number.POSITIVE_INFINITY : 1);
  const interval = durationOf(flags, 'interval') ?? 1000;
  const question = questionOf(flags);
  const { responseTimeout } = usage(() => pingRequest(question));
  const peer = peerOptions(flags);

  const stop = new AbortController();
  const onSignal = () => stop.abort();
  // Once: a second signal then ends the process as if nobody listened.
  process.once('SIGINT', onSignal).once('SIGTERM', onSignal);
  const statistics = new PingStatistics();
  const printer = await printerFor(flags, dialect, address);
  const connection = new Connection(address, { ...peer, connectTimeout: responseTimeout, signal: stop.signal });
  let last: Outcome = 'not asked';
  // A reader that has gone ends what would have no end, but not before there is an answer for the exit code.
  const isEndless = count === Number.POSITIVE_INFINITY;
  const onGone = () => isEndless && last !== 'not asked' && stop.abort();
  outputGone.addEventListener('abort', onGone);
  const begun = performance.now();
  printer.begin();
  for (let seq = 1; seq <= count; seq++) {
    const next = performance.now() + interval;
    const answer = await connection.ping(question);
    if (answer === 'stopped') break;
    tell(answer, seq, statistics, printer);
    last = outcomeOf(answer);
    if (isEndless && outputGone.aborted) break;
    if (seq < count)
      await delay(Math.max(0, next - performance.now()), undefined, { signal: stop.signal }).catch(() => {});
    if (stop.signal.aborted) break;
  }
  const elapsed = performance.now() - begun;
  process.off('SIGINT', onSignal).off('SIGTERM', onSignal);
  outputGone.removeEventListener('abort', onGone);
  await connection.close();
  printer.end(statistics, elapsed);
  return exitCode(dialect, last);
}

function tell(answer: Pong | PongcheckError, seq: number, statistics: PingStatistics, printer: PingPrinter): void {
  if (answer instanceof PongcheckError) {
    statistics.unanswered();
    printer.failure(seq, answer);
  } else {
    statistics.answered(answer.status, answer.rtt);
    printer.answer(seq, answer);
  }
}

async function printerFor(flags: FlagValues, dialect: ExitDialect | undefined, address: Address): Promise<PingPrinter> {
  if (dialect === 'nagios') return (await import('./nagios-printer.js')).nagiosPrinter(address);
  return flags.json ? jsonPrinter(address) : textPrinter(address);
}

/** A connection that is made again, for the next PING, when it was lost. */
class Connection {
  readonly #address: Address;
  readonly #options: ConnectOptions & { connectTimeout: number; signal: AbortSignal };
  #client: Client | undefined;

  constructor(address: Address, options: ConnectOptions & { connectTimeout: number; signal: AbortSignal }) {
    this.#address = address;
    this.#options = options;
  }

  async ping(question: PingOptions): Promise<Pong | PongcheckError | 'stopped'> {
    const { signal, connectTimeout: responseTimeout } = this.#options;
    try {
      this.#client ??= await connect(this.#address, this.#options);
      return await this.#client.ping({ ...question, responseTimeout, signal });
    } catch (error) {
      if (signal.aborted) return 'stopped';
      if (!(error instanceof PongcheckError)) throw error;
      // Also after a timeout: a new connection is the quickest way to a responder that is back.
      this.#client?.destroy();
      this.#client = undefined;
      return error;
    }
  }

  async close(): Promise<void> {
    await this.#client?.close();
  }
}

function questionOf(flags: FlagValues): PingOptions {
  if (flags.check !== undefined && flags.group !== undefined) {
    throw new UsageError('--check and --group cannot be given together');
  }
  const maxAge = durationOf(flags, 'max-age');
  const timeout = durationOf(flags, 'timeout');
  const wait = durationOf(flags, 'wait');
  return {
    ...(flags.scope !== undefined && { scope: flags.scope as Scope }),
    ...(flags.check !== undefined && { checks: flags.check as string[] }),
    ...(flags.group !== undefined && { group: flags.group as string }),
    ...(maxAge !== undefined && { maxAge }),
    ...(timeout !== undefined && { timeout }),
    ...(wait !== undefined && { responseTimeout: wait }),
    detail: flags.detail === true,
  };
}

function dialectOf({ exit, json }: FlagValues): ExitDialect | undefined {
  if (exit !== undefined && !isExitDialect(exit)) {
    throw new UsageError(`--exit is ${JSON.stringify(exit)}; allowed: ${Object.keys(exitDialects).join(', ')}`);
  }
  if (exit === 'nagios' && json) throw new UsageError('--exit nagios and --json cannot be given together');
  return exit;
}

function countOf(text: unknown, otherwise: number): number {
  if (text === undefined) return otherwise;
  if (!/^[1-9]\d{0,14}$/.test(String(text)))
    throw new UsageError(`--count is ${JSON.stringify(text)}; allowed: a whole number from 1`);
  return Number(text);
}

function durationOf(flags: FlagValues, name: string): number | undefined {
  const text = flags[name];
  if (text === undefined) return undefined;
  const ms = parseDuration(String(text));
  if (ms !== undefined && ms <= MAX_DURATION && (ms > 0 || name !== 'interval')) return ms;
  const hint = /^\d+(\.\d+)?$/.test(String(text)) ? ` (a unit is missing: ${text}s, ${text}ms)` : '';
  throw new UsageError(
    `--${name} is ${JSON.stringify(text)}; allowed: ${DURATION_FORMS}, ${name === 'interval' ? 'above 0 and ' : ''}up to 24h${hint}`,
  );
}

/** What the client refuses before it sends anything was wrong on the command line. */
function usage<T>(judge: () => T): T {
  try {
    return judge();
  } catch (error) {
    throw error instanceof PongcheckError ? new UsageError(error.message.replace(/^The option /, '--')) : error;
  }
}
