import { validateHeaderName, validateHeaderValue } from 'node:http';
import { type Clock, systemClock } from '../../common/clock.js';
import { packageVersion } from '../../common/version.js';
import type { CheckDefinition, CheckResult, CheckSettings } from '../../health/check.js';
import type { Reason } from '../../health/reason.js';
import { invalidOption, parseCheckOptions } from '../parse-options.js';
import { readPattern, readStatuses } from '../shared/match.js';
import { PatternWorker } from '../shared/pattern-worker.js';
import { secretsOfMap, secretsOfUrl } from '../shared/secrets.js';
import { readTls, type TlsOptions } from '../shared/tls.js';
import { readUrl } from '../shared/url.js';
import { type Answer, HttpExchange } from './exchange.js';
import { httpOptions } from './options.js';

const KIND = 'http';

/** How a service is asked, and what it has to answer. */
export interface HttpOptions extends CheckSettings {
  /** `http://` or `https://`; a user and password become basic authentication. */
  url: string;
  /** Default GET. */
  method?: 'GET' | 'HEAD';
  /** Headers of the request. Default `User-Agent: pongcheck/VERSION`, and `Accept-Encoding: identity`: a body that is encoded all the same is decoded. */
  headers?: Readonly<Record<string, string>>;
  /** Names of headers whose values may be shown, and sent to where a redirect leads. Default: none. */
  nonSecret?: readonly string[];
  /** Statuses that are well: numbers and ranges, such as `200-299,304`. Default `200-299`. */
  status?: string;
  /** A text that the body, decoded, must contain, or a regular expression (also as `/text/`) that it must match. */
  expectBody?: string | RegExp;
  /** The same for headers of the answer, by name. */
  expectHeaders?: Readonly<Record<string, string | RegExp>>;
  /** Octets, as they come and decoded; a longer body fails with `bad-body` and is not read to its end. Default 65536. */
  maxBody?: number;
  /** Redirects that are followed, unless their status is an allowed one. Default 0. */
  redirects?: number;
  tls?: TlsOptions;
}

/**
 * Asks a service and judges its status, its headers and its body. The
 * connection is kept for the next run, and another one made at least every 10 s.
 * `observedValue` is the status.
 *
 * A body that is encoded (gzip, deflate, br, zstd where Node has it) is decoded
 * for `expectBody`; its charset is that of its byte order mark or Content-Type,
 * or UTF-8.
 *
 * @param clock where time comes from; for tests.
 * @throws PongcheckError `PONGCHECK_CONFIG` for options that make no sense.
 */
export function http(given: HttpOptions, clock: Clock = systemClock): CheckDefinition {
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
  // A name in another case takes the place of these.
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
    secrets: [...secretsOfUrl(url), ...secretsOfMap(headers, nonSecret)],
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
      return { status: 'fail', reason, output, observedValue: status };
    };
    if (!isAllowed(status)) return fail('bad-status', `the status is ${status}, allowed: ${allowed}`);
    for (const [name, matches] of headerMatches) {
      const value = answer.header(name);
      if (value === undefined) return fail('bad-body', `the header ${name} is missing`);
      if (!(await matches(value, signal, deadline))) return fail('bad-body', `the header ${name} is not as expected`);
    }
    const body = await answer.body(bodyMatch !== undefined);
    if (bodyMatch && !(await bodyMatch(body, signal, deadline))) return fail('bad-body', 'the body is not as expected');
    return { status: 'pass', observedValue: status };
  }
}

/** What is meant for one origin is not told to another. */
function isForAnyOrigin(header: string, nonSecret: readonly string[]): boolean {
  const name = header.toLowerCase();
  return /^(?:accept(?:-.+)?|user-agent)$/.test(name) || nonSecret.some((one) => one.toLowerCase() === name);
}

/** Node would throw at each run. Values are not shown: they may be secret. */
function validateHeaders(headers: Readonly<Record<string, string>>): void {
  for (const [name, value] of Object.entries(headers)) {
    try {
      validateHeaderName(name);
      validateHeaderValue(name, value);
    } catch {
      throw invalidOption(
        KIND,
        ['headers'],
        'with a name or a value that HTTP does not allow',
        'names and values of RFC 9110',
      );
    }
  }
}
