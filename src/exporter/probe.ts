import { RefusedError } from '../client/errors.js';
import { type Clock, systemClock } from '../common/clock.js';
import { type ErrorCode, PongcheckError } from '../common/errors.js';
import { redactor } from '../common/redact.js';
import { reasonOf, statusOf } from '../health/reason.js';
import { WireError } from '../wire/codes.js';
import { probeHttp } from './http.js';
import { probeLine } from './line.js';
import type { ProbeModule, Prober } from './module.js';
import { probePongcheck } from './pongcheck.js';
import { type FailureReason, failureReasons, type ProbeContext, ProbeFailure, type ProbeResult } from './result.js';
import { open } from './transport.js';

const runners: Readonly<Record<Prober, (context: ProbeContext, module: ProbeModule) => Promise<void>>> = {
  pongcheck: probePongcheck,
  line: probeLine,
  http: probeHttp,
  tcp: async (context, { tls }) => {
    (await open(context, tls)).destroy();
  },
};

/** The result of a finished probe. */
export interface FinishedProbe extends ProbeResult {
  /** In milliseconds. */
  duration: number;
  /** Log of the probe, one entry per line. */
  log: readonly string[];
}

/** Probes a target once. Ends after at most `timeout` milliseconds, or when `cancelled` aborts. Never rejects. */
export async function probe(
  target: { host: string; port: number },
  module: ProbeModule,
  timeout: number,
  clock: Clock = systemClock,
  cancelled?: AbortSignal,
): Promise<FinishedProbe> {
  const startedAt = clock.now();
  const log: string[] = [];
  const redact = redactor(module.token === undefined ? [] : [module.token]);
  const note = (description: string) =>
    log.push(`${(clock.now() - startedAt).toFixed(1).padStart(8)} ms  ${redact(description)}`);
  const result: ProbeResult = {};
  const deadline = new AbortController();
  const timer = clock.after(timeout, () =>
    deadline.abort(new ProbeFailure('timeout', `no response within ${timeout} ms`)),
  );
  const cancel = () => deadline.abort(new ProbeFailure('internal', 'canceled'));
  cancelled?.addEventListener('abort', cancel);
  note(`probing ${target.host} port ${target.port} with prober ${module.prober}, timeout ${timeout} ms`);
  try {
    await runners[module.prober]({ ...target, signal: deadline.signal, timeout, result, note }, module);
    note('succeeded');
  } catch (thrown) {
    // At the deadline, sockets are destroyed, which causes other errors.
    const error: unknown = deadline.signal.aborted ? deadline.signal.reason : thrown;
    const description = redact(error);
    result.failure = { reason: reasonFor(error), description };
    note(`failed (${result.failure.reason}): ${description}`);
  } finally {
    clock.clear(timer);
    cancelled?.removeEventListener('abort', cancel);
  }
  return { ...result, duration: clock.now() - startedAt, log };
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
