import type { X509Certificate } from 'node:crypto';
import { isIP } from 'node:net';
import { type ConnectionOptions, connect, createSecureContext } from 'node:tls';
import { systemClock } from '../../common/clock.js';
import type { CheckDefinition, CheckResult, CheckSettings } from '../../health/check.js';
import { CheckFailure, reasonOf, toCheckFailure } from '../../health/reason.js';
import { certificateProblem } from '../../net/tls.js';
import { ONE_DAY } from '../../options/option.js';
import { invalidOption, parseCheckOptions } from '../parse-options.js';
import { readTls, type TlsMaterial, type TlsOptions } from '../shared/tls.js';
import { hostOf, readUrl, targetOfUrl } from '../shared/url.js';
import { tlsExpiryOptions } from './options.js';

const KIND = 'tls-expiry';
const DEFAULT_PORT = 443;

/** Options of the `tls-expiry` check. */
export interface TlsExpiryOptions extends CheckSettings {
  /** `tls://HOST[:PORT]` or `https://HOST[:PORT]`. The default port is 443. */
  url: string;
  /**
   * Minimum remaining validity in milliseconds; 0 = fail only when the certificate has expired.
   * @default 604800000 (7 days)
   */
  minRemaining?: number;
  /**
   * Remaining validity in milliseconds below which the check warns; 0 = never.
   * @default 1814400000 (21 days)
   */
  warnRemaining?: number;
  tls?: TlsOptions;
}

/**
 * Performs a TLS handshake on each run and checks the server certificate: its name, its chain and its remaining
 * validity. The observed value is the remaining validity in days. CA certificates are verified, but their remaining
 * validity is not checked.
 *
 * @throws PongcheckError `PONGCHECK_CONFIG` for invalid options.
 */
export function tlsExpiryCheck(given: TlsExpiryOptions): CheckDefinition {
  const { settings, options } = parseCheckOptions<TlsExpiryOptions>(KIND, tlsExpiryOptions, given);
  const { minRemaining = 7 * ONE_DAY, warnRemaining = 21 * ONE_DAY, tls = {} } = options;
  const url = readUrl(KIND, options.url, ['tls', 'https']);
  if (url.username !== '' || url.password !== '')
    throw invalidOption(KIND, ['url'], 'a URL with credentials', 'tls://HOST[:PORT]');
  const { servername, rejectUnauthorized: verifies, ...files } = readTls(KIND, tls);
  const host = hostOf(url);
  const named = servername ?? (isIP(host) === 0 ? host : undefined);
  const target: ConnectionOptions = {
    host,
    port: Number(url.port || DEFAULT_PORT),
    ...(named !== undefined && { servername: named }),
    secureContext: contextOf(files),
    // Lets the handshake complete with any certificate, so that the validity can always be read.
    rejectUnauthorized: false,
  };
  const limits = { min: minRemaining, warn: warnRemaining };
  return {
    componentType: 'component',
    ...settings,
    kind: KIND,
    nonBlocking: true,
    target: targetOfUrl(url),
    run: async (signal) => {
      const { certificate, problem } = await handshake(target, signal);
      return evaluate(Date.parse(certificate.validTo) - systemClock.wall(), verifies ? problem : undefined, limits);
    },
  };
}

function contextOf(files: Pick<TlsMaterial, 'ca' | 'cert' | 'key'>): ConnectionOptions['secureContext'] {
  try {
    return createSecureContext({ ...files, minVersion: 'TLSv1.2' });
  } catch (error) {
    const { code = 'no code' } = error as NodeJS.ErrnoException;
    throw invalidOption(KIND, ['tls'], `not usable (${code})`, 'PEM files, the key of the certificate');
  }
}

interface Seen {
  readonly certificate: X509Certificate;
  /** Error code of the verification; undefined if the certificate was accepted. */
  readonly problem: string | undefined;
}

/** Resolves when the connection is closing. Rejects immediately when `signal` fires. */
function handshake(target: ConnectionOptions, signal: AbortSignal): Promise<Seen> {
  return new Promise((resolve, reject) => {
    const socket = connect(target);
    const end = (settle: () => void) => {
      signal.removeEventListener('abort', onAbort);
      socket.destroy();
      settle();
    };
    const onAbort = () => end(() => reject(signal.reason));
    signal.addEventListener('abort', onAbort, { once: true });
    // This listener stays attached, because a destroyed socket may emit another error.
    socket.on('error', (error) => end(() => reject(toCheckFailure(reasonOf(error), error))));
    socket.once('secureConnect', () => {
      const certificate = socket.getPeerX509Certificate();
      const problem = socket.authorized ? undefined : codeOf(socket.authorizationError);
      end(() =>
        certificate
          ? resolve({ certificate, problem })
          : reject(new CheckFailure('tls', 'the server sent no certificate')),
      );
    });
    if (signal.aborted) onAbort();
  });
}

/** Declared as an Error in Node's types. The actual value is a code, or an Error with a code. */
function codeOf(error: unknown): string {
  return typeof error === 'string' ? error : String((error as NodeJS.ErrnoException).code);
}

/** @param remaining remaining validity in milliseconds. */
function evaluate(
  remaining: number,
  problem: string | undefined,
  limits: { readonly min: number; readonly warn: number },
): CheckResult {
  const observed = { observedValue: inDays(remaining), observedUnit: 'days' };
  if (remaining <= 0) {
    const output = `the certificate expired ${inDays(-remaining)} days ago`;
    return { status: 'fail', reason: 'tls', output, ...observed };
  }
  if (problem !== undefined) {
    // The server certificate is valid, so one of its CAs has expired.
    const why = problem === 'CERT_HAS_EXPIRED' ? 'was issued by a CA that has expired' : certificateProblem(problem);
    return {
      status: 'fail',
      reason: 'tls',
      output: `the certificate ${why ?? `is not accepted (${problem})`}`,
      ...observed,
    };
  }
  const output = `the certificate expires in ${inDays(remaining)} days`;
  if (remaining < limits.min) {
    return {
      status: 'fail',
      reason: 'threshold',
      output: `${output}, minimum: ${inDays(limits.min)} days`,
      ...observed,
    };
  }
  if (remaining < limits.warn) {
    return {
      status: 'warn',
      reason: 'threshold',
      output: `${output}, warning below ${inDays(limits.warn)} days`,
      ...observed,
    };
  }
  return { status: 'pass', ...observed };
}

/** Rounded down to one decimal. */
function inDays(ms: number): number {
  return Math.floor((ms / ONE_DAY) * 10) / 10;
}
