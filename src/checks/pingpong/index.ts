import { validatePingOptions } from '../../client/options.js';
import { pingRequest } from '../../client/requests.js';
import type { Pong } from '../../client/responses.js';
import type { Cause, CheckDefinition, CheckResult, CheckSettings } from '../../health/check.js';
import type { Scope } from '../../health/health.js';
import type { CheckState, State } from '../../health/state.js';
import { type Address, hostAndPort, parseAddress } from '../../net/address.js';
import { invalidOption, parseCheckOptions } from '../parse-options.js';
import { readTls, type TlsOptions } from '../shared/tls.js';
import { causesOf } from './causes.js';
import { pingpongOptions } from './options.js';
import { PingpongSession } from './session.js';

const KIND = 'pingpong';

/** Which responder is asked, and what about. */
export interface PingpongOptions extends CheckSettings {
  /** `pong://HOST:PORT` or `pongs://HOST:PORT`; port 7464 where none is given. */
  url: string;
  /** Default `readiness`. */
  scope?: Scope;
  /** The name of one of its groups; not together with `checks`. Default: the group of the scope. */
  group?: string;
  /** Names of 1 to 32 of its checks. */
  checks?: readonly string[];
  /** Shown to it in HELLO, where it asks for one. */
  token?: string;
  /** For `pongs://`. The files are read anew for each connection. */
  tls?: TlsOptions;
}

/**
 * Another responder, on a connection that is kept. What it says of itself
 * carries over, and so do the causes that it names: the root of a trouble at
 * the end of a chain is told at its start, and no circle keeps itself down
 * (SPEC "Chains and circles").
 *
 * @throws PongcheckError `PONGCHECK_CONFIG` for options that make no sense.
 */
export function pingpong(given: PingpongOptions): CheckDefinition {
  const { settings, options } = parseCheckOptions<PingpongOptions>(KIND, pingpongOptions, given);
  const { url, token, tls, ...question } = options;
  const address = readAddress(url);
  validateRequest(question);
  const identity = () => ({ ...(token !== undefined && { token }), ...(tls && { tls: readTls(KIND, tls) }) });
  // Files that are missing are told now, and not at each run.
  identity();
  const session = new PingpongSession(address, question, identity);
  return {
    componentType: 'component',
    ...settings,
    kind: KIND,
    secrets: token === undefined ? [] : [token],
    run: async (signal, deadline, hops = 0, connected) =>
      judge(await session.ask(signal, deadline, hops, connected), address),
    close: () => session.close(),
  };
}

function readAddress(text: string): Address {
  try {
    const address = parseAddress(text);
    if (!('port' in address && address.port === 0)) return address;
  } catch (error) {
    throw invalidOption(KIND, ['url'], `no address (${(error as Error).message})`, 'pong://HOST:PORT');
  }
  throw invalidOption(KIND, ['url'], 'one of port 0, where nobody is found', 'pong://HOST:PORT');
}

/** A wrong question would be refused at each run. */
function validateRequest(question: Pick<PingpongOptions, 'scope' | 'group' | 'checks'>): void {
  try {
    pingRequest(validatePingOptions(question));
  } catch (error) {
    throw invalidOption(KIND, [], `refused (${(error as Error).message})`, 'what a PING can ask');
  }
}

/** What the state of the other means here; all that is not in it is unknown. */
const statusOf: Readonly<Partial<Record<State, CheckState>>> = {
  pass: 'pass',
  warn: 'warn',
  fail: 'fail',
  draining: 'warn',
};

function judge({ status: state, stale, report }: Pong, address: Address): CheckResult {
  const status = statusOf[state] ?? 'unknown';
  const seen = { status, observedValue: state, observedUnit: 'state' };
  // What it last knew counts, as it does for everyone who asks it; that it found out nothing newer is told.
  const said = `${hostAndPort(address)} says ${state}${stale ? ', the last that it knew' : ''}`;
  if (status === 'pass') return { ...seen, ...(stale && { output: said }) };
  // It takes its leave, and has no trouble that we could have caused.
  const causes = state === 'draining' ? [] : causesOf(report);
  return { ...seen, reason: 'dependency', output: said + rootOf(causes), ...(causes.length > 0 && { causes }) };
}

/** The first cause in words; where detail is refused it has none. */
function rootOf([cause]: readonly Cause[]): string {
  if (cause?.check === undefined) return '';
  return ` (${cause.check}${cause.service === undefined ? '' : ` of ${cause.service}`}: ${cause.reason ?? 'unknown'})`;
}
