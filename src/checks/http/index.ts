import { validateHeaderName, validateHeaderValue } from 'node:http';
import { type Clock, systemClock } from '../../common/clock.js';
import { packageVersion } from '../../common/version.js';
import type { CheckDefinition, CheckResult, CheckSettings } from '../../health/check.js';
import type { Reason } from '../../health/reason.js';
import { invalidOption, parseCheckOptions } from '../parse-options.js';
import { readPattern, readStatuses } from '../shared/match.js';
import { PatternWorker } from '../shared/pattern-worker.js';
import { readTls, type TlsOptions } from '../shared/tls.js';
import { readUrl, targetOfUrl } from '../shared/url.js';
import { type Answer, HttpExchange } from './exchange.js';
import { httpOptions } from './options.js';

const KIND = 'http';

/** Options of the `http` check. */
export interface HttpOptions extends CheckSettings {
  /** `http://` or `https://`. User and password are sent with basic authentication. */
  url: string;
  /** @default 'GET' */
  method?: 'GET' | 'HEAD';
  /**
   * Request headers. Default: `User-Agent: pongcheck/VERSION` and `Accept-Encoding: identity`. A body that is encoded
   * nevertheless is decoded.
   */
  headers?: Readonly<Record<string, string>>;
  /**
   * Names of headers whose values are not masked, and that are also sent to other origins after a redirect. Default:
   * none.
   */
  nonSecret?: readonly string[];
  /**
   * Accepted status codes and ranges, such as `200-299,304`.
   * @default '200-299'
   */
  status?: string;
  /** Text that the decoded body must contain, or regular expression (also as `/text/`) that it must match. */
  expectBody?: string | RegExp;
  /** Like `expectBody`, but for response headers, by name. */
  expectHeaders?: Readonly<Record<string, string | RegExp>>;
  /**
   * Maximum size of the body in bytes, both encoded and decoded. A larger body fails with `bad-body`.
   * @default 65536
   */
  maxBody?: number;
  /**
   * Maximum number of redirects to follow. A redirect whose status is accepted is not followed.
   * @default 0
   */
  redirects?: number;
  tls?: TlsOptions;
}

/**
 * Sends a request and checks the status, headers and body of the response. The connection is kept between runs and
 * renewed at least every 10 s. The observed value is the status code.
 *
 * For `expectBody`, an encoded body (gzip, deflate, br, or zstd if Node.js supports it) is decoded. Its charset is
 * taken from the byte order mark or the Content-Type, and is UTF-8 otherwise.
 *
 * @param clock time source, for tests.
 * @throws PongcheckError `PONGCHECK_CONFIG` for invalid options.
 */
export function httpCheck(given: HttpOptions, clock: Clock = systemClock): CheckDefinition {
  const { settings, options } = parseCheckOptions(KIND, httpOptions, given);
  const {
    method = 'GET',
    headers = {},
    nonSecret = [],
    status: allowed = '200-299',
    expectHeaders = {},
    expectBody,
  } = options;
  const url = readUrl(KIND, options.url, ['http', 'https']);
  const isAllowed = readStatuses(KIND, allowed);
  const worker = new PatternWorker();
  const bodyMatch = expectBody === undefined ? undefined : readPattern(KIND, 'expectBody', expectBody, worker);
  const headerMatches = Object.entries(expectHeaders).map(
    ([name, pattern]) => [name, readPattern(KIND, `expectHeaders.${name}`, pattern, worker)] as const,
  );
  validateHeaders(headers);
  const { maxBody = 65_536, redirects = 0, tls = {} } = options;
  if (options.tls && url.protocol === 'http:' && redirects === 0) {
    throw invalidOption(KIND, ['tls'], 'given without https://', 'only with an https:// URL or redirects');
  }
  // Header names are case-insensitive, so a name in another case overrides these defaults.
  const own = { 'user-agent': `pongcheck/${packageVersion()}`, 'accept-encoding': 'identity', ...headers };
  const exchange = new HttpExchange(
    {
      url,
      method,
      headers: own,
      crossOriginHeaders: Object.fromEntries(Object.entries(own).filter(([name]) => isForAnyOrigin(name, nonSecret))),
      isAllowed,
      maxBody,
      redirects,
      tls: readTls(KIND, tls),
    },
    clock,
  );

  return {
    componentType: 'component',
    ...settings,
    kind: KIND,
    nonBlocking: true,
    target: targetOfUrl(url),
    load: () => worker.load(),
    async run(signal, deadline, _hops, connected): Promise<CheckResult> {
      let until = deadline;
      const answer = await exchange.ask(signal, () => {
        until = connected?.() ?? until;
      });
      try {
        return await evaluate(answer, signal, until);
      } catch (error) {
        answer.drop();
        throw error;
      }
    },
    close: () => {
      exchange.close();
      return worker.close();
    },
  };

  async function evaluate(answer: Answer, signal: AbortSignal, deadline: number): Promise<CheckResult> {
    const { status } = answer;
    const fail = (reason: Reason, output: string): CheckResult => {
      answer.drop();
      return { status: 'fail', reason, output, observedValue: status, observedUnit: 'status' };
    };
    if (!isAllowed(status)) return fail('bad-status', `the status is ${status}, allowed: ${allowed}`);
    for (const [name, matches] of headerMatches) {
      const value = answer.header(name);
      if (value === undefined) return fail('bad-body', `the header ${name} is missing`);
      if (!(await matches(value, signal, deadline))) return fail('bad-body', `the header ${name} is not as expected`);
    }
    const body = await answer.body(bodyMatch !== undefined);
    if (bodyMatch && !(await bodyMatch(body, signal, deadline))) return fail('bad-body', 'the body is not as expected');
    return { status: 'pass', observedValue: status, observedUnit: 'status' };
  }
}

/** Headers intended for one origin must not be sent to another. */
function isForAnyOrigin(header: string, nonSecret: readonly string[]): boolean {
  const name = header.toLowerCase();
  return /^(?:accept(?:-.+)?|user-agent)$/.test(name) || nonSecret.some((one) => one.toLowerCase() === name);
}

/** Rejects headers for which Node would throw on each run. Values may be secret, so they are not shown. */
function validateHeaders(headers: Readonly<Record<string, string>>): void {
  for (const [name, value] of Object.entries(headers)) {
    try {
      validateHeaderName(name);
      validateHeaderValue(name, value);
    } catch {
      throw invalidOption(
        KIND,
        ['headers'],
        'a map with an invalid header name or value',
        'names and values according to RFC 9110',
      );
    }
  }
}
