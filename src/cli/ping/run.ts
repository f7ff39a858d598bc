import { setTimeout as delay } from 'node:timers/promises';
import { Connection } from '../../client/connection.js';
import { type ConnectOptions, openConnection } from '../../client/open.js';
import { type PingOptions, pingRequest } from '../../client/requests.js';
import type { Pong } from '../../client/responses.js';
import { type Clock, systemClock } from '../../common/clock.js';
import { PongcheckError } from '../../common/errors.js';
import type { Address } from '../../net/address.js';
import { outputClosed } from '../output.js';
import { type FlagValues, UsageError } from '../parser.js';
import { peerOptions } from '../peer-flags.js';
import { addressOf, DEFAULT_ADDRESS, durationOf, selectionOf } from '../request-flags.js';
import { type ExitDialect, exitCode, exitDialects, isExitDialect, type Outcome } from './exit-dialects.js';
import { outcomeOf } from './pong-text.js';
import { jsonPrinter, type PingPrinter, textPrinter } from './printer.js';
import { PingStatistics } from './statistics.js';

/** Reads the same clock as `systemClock`, without loading the module of `performance`. */
const clock: Clock = { ...systemClock, now: () => process.uptime() * 1000 };

/** With a shorter interval, PINGs request the report only if --detail is given. */
const MIN_DETAIL_INTERVAL_MS = 100;

/** Sends PINGs until `count` is reached or a signal arrives. The last PING determines the exit code. */
export async function ping(flags: FlagValues, argument = DEFAULT_ADDRESS): Promise<number> {
  const address = addressOf(argument);
  const dialect = dialectOf(flags);
  const count = countOf(flags.count, dialect === undefined ? Number.POSITIVE_INFINITY : 1);
  const interval = durationOf(flags, 'interval', { min: 1 }) ?? 1000;
  const request = { ...requestOf(flags), detail: requestsDetail(flags, dialect, interval) };
  const { responseTimeout } = pingRequest(request);
  const peer = peerOptions(flags);

  const stop = new AbortController();
  const onSignal = () => stop.abort();
  // Each signal is handled once, so that a second one ends the process.
  process.once('SIGINT', onSignal).once('SIGTERM', onSignal);
  const statistics = new PingStatistics();
  const printer = await printerFor(flags, dialect, address);
  const connection = new ReopenedConnection(address, {
    ...peer,
    connectTimeout: responseTimeout,
    signal: stop.signal,
    clock,
  });
  let last: Outcome = 'not asked';
  // If nothing reads the output, an endless ping stops, but not before a PONG determines the exit code.
  const isEndless = count === Number.POSITIVE_INFINITY;
  const onOutputClosed = () => isEndless && last !== 'not asked' && stop.abort();
  outputClosed.addEventListener('abort', onOutputClosed);
  const startedAt = clock.now();
  printer.begin();
  for (let seq = 1; seq <= count; seq++) {
    const next = clock.now() + interval;
    const answer = await connection.ping(request);
    if (answer === 'stopped') break;
    record(answer, seq, statistics, printer);
    last = outcomeOf(answer);
    if (isEndless && outputClosed.aborted) break;
    if (seq < count) await delay(Math.max(0, next - clock.now()), undefined, { signal: stop.signal }).catch(() => {});
    if (stop.signal.aborted) break;
  }
  const elapsed = clock.now() - startedAt;
  process.off('SIGINT', onSignal).off('SIGTERM', onSignal);
  outputClosed.removeEventListener('abort', onOutputClosed);
  await connection.close();
  printer.end(statistics, elapsed);
  return exitCode(dialect, last);
}

function record(answer: Pong | PongcheckError, seq: number, statistics: PingStatistics, printer: PingPrinter): void {
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
  return flags.json ? jsonPrinter(address) : textPrinter(address, flags.detail === true);
}

/** A connection that is lost is reopened for the next PING. */
class ReopenedConnection {
  readonly #address: Address;
  readonly #options: ConnectOptions & { connectTimeout: number; signal: AbortSignal };
  #connection: Connection | undefined;

  constructor(address: Address, options: ConnectOptions & { connectTimeout: number; signal: AbortSignal }) {
    this.#address = address;
    this.#options = options;
  }

  async ping(request: PingOptions): Promise<Pong | PongcheckError | 'stopped'> {
    const { signal, connectTimeout: responseTimeout } = this.#options;
    try {
      this.#connection ??= await openConnection(Connection, this.#address, this.#options);
      return await this.#connection.ping({ ...request, responseTimeout, signal });
    } catch (error) {
      if (signal.aborted) return 'stopped';
      if (!(error instanceof PongcheckError)) throw error;
      // The connection is also closed after a timeout, because a new one reaches a restarted responder fastest.
      this.#connection?.destroy();
      this.#connection = undefined;
      return error;
    }
  }

  async close(): Promise<void> {
    await this.#connection?.close();
  }
}

function requestOf(flags: FlagValues): PingOptions {
  const maxAge = durationOf(flags, 'max-age');
  const timeout = durationOf(flags, 'timeout');
  const responseTimeout = durationOf(flags, 'wait');
  return {
    ...selectionOf(flags),
    ...(maxAge !== undefined && { maxAge }),
    ...(timeout !== undefined && { timeout }),
    ...(responseTimeout !== undefined && { responseTimeout }),
  };
}

/**
 * Whether to request the report, which contains the reasons to print. It does not affect which checks run. At a high
 * rate, PINGs are bare, because bare PINGs cost the responder least.
 */
function requestsDetail({ detail, json }: FlagValues, dialect: ExitDialect | undefined, interval: number): boolean {
  return detail === true || (json !== true && dialect !== 'nagios' && interval >= MIN_DETAIL_INTERVAL_MS);
}

function dialectOf({ exit, json }: FlagValues): ExitDialect | undefined {
  if (exit !== undefined && !isExitDialect(exit)) {
    throw new UsageError(`--exit is ${JSON.stringify(exit)}; allowed: one of ${Object.keys(exitDialects).join(', ')}`);
  }
  if (exit === 'nagios' && json) throw new UsageError('--exit nagios and --json cannot be given together');
  return exit;
}

function countOf(text: unknown, otherwise: number): number {
  if (text === undefined) return otherwise;
  if (!/^[1-9]\d{0,14}$/.test(String(text)))
    throw new UsageError(`--count is ${JSON.stringify(text)}; allowed: a whole number of at least 1`);
  return Number(text);
}
