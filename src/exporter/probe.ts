import { RefusedError } from '../client/errors.js';
import { type Clock, systemClock } from '../common/clock.js';
import { type ErrorCode, PongcheckError } from '../common/errors.js';
import { redactor } from '../common/redact.js';
import { reasonOf, statusOf } from '../health/reason.js';
import { WireError } from '../wire/codes.js';
import { askHttp } from './http.js';
import { askLine } from './line.js';
import type { ProbeModule, Prober } from './module.js';
import { askPongcheck } from './pongcheck.js';
import { type FailureReason, failureReasons, type ProbeContext, ProbeFailure, type ProbeResult } from './result.js';
import { open } from './transport.js';

const asking: Readonly<Record<Prober, (context: ProbeContext, module: ProbeModule) => Promise<void>>> = {
  pongcheck: askPongcheck,
  line: askLine,
  http: askHttp,
  tcp: async (context, { tls }) => {
    (await open(context, tls)).destroy();
  },
};

/** A probe that is over. */
export interface Probed extends ProbeResult {
  /** In milliseconds. */
  duration: number;
  /** What was done, line by line. */
  log: readonly string[];
}

/** Asks a target once, within `timeout` milliseconds. Never rejects. */
export async function probe(
  target: { host: string; port: number },
  module: ProbeModule,
  timeout: number,
  clock: Clock = systemClock,
): Promise<Probed> {
  const begun = clock.now();
  const log: string[] = [];
  const redact = redactor(module.token === undefined ? [] : [module.token]);
  const note = (description: string) =>
    log.push(`${(clock.now() - begun).toFixed(1).padStart(8)} ms  ${redact(description)}`);
  const result: ProbeResult = {};
  const deadline = new AbortController();
  const timer = clock.after(timeout, () =>
    deadline.abort(new ProbeFailure('timeout', `no answer within ${timeout} ms`)),
  );
  note(`asks ${target.host} port ${target.port} by ${module.prober}, for ${timeout} ms at most`);
  try {
    await asking[module.prober]({ ...target, signal: deadline.signal, timeout, result, note }, module);
    note('succeeded');
  } catch (thrown) {
    // Whatever broke when everything was let go: it was the deadline.
    const error: unknown = deadline.signal.aborted ? deadline.signal.reason : thrown;
    const description = redact(error);
    result.failure = { reason: reasonFor(error), description };
    note(`failed (${result.failure.reason}): ${description}`);
  } finally {
    clock.clear(timer);
  }
  return { ...result, duration: clock.now() - begun, log };
}

const byCode: Readonly<Partial<Record<ErrorCode, FailureReason>>> = {
  PONGCHECK_TIMEOUT: 'timeout',
  PONGCHECK_TLS: 'tls',
  PONGCHECK_CLOSED: 'reset',
  PONGCHECK_PROTOCOL: 'protocol',
  PONGCHECK_REFUSED: 'protocol',
};

function reasonFor(error: unknown): FailureReason {
  if (error instanceof ProbeFailure) return error.reason;
  if (error instanceof RefusedError && error.wire.code === WireError.UNAUTHENTICATED) return 'auth';
  if (statusOf(error) === 'unknown') return 'internal';
  if (error instanceof PongcheckError && byCode[error.code]) return byCode[error.code] as FailureReason;
  if (String((error as NodeJS.ErrnoException)?.code).startsWith('HPE_')) return 'protocol';
  const reason = reasonOf(error, 'internal');
  return failureReasons.includes(reason as FailureReason) ? (reason as FailureReason) : 'protocol';
}
