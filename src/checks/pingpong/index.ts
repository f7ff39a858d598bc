import { validatePingOptions } from '../../client/options.js';
import { pingRequest } from '../../client/requests.js';
import type { Pong } from '../../client/responses.js';
import type { Cause, CheckDefinition, CheckResult, CheckSettings } from '../../health/check.js';
import type { Scope } from '../../health/health.js';
import type { CheckState, State } from '../../health/state.js';
import { type Address, formatAddress, hostAndPort, parseAddress } from '../../net/address.js';
import type { ReportBody } from '../../wire/bodies.js';
import { invalidOption, parseCheckOptions } from '../parse-options.js';
import { readTls, type TlsOptions } from '../shared/tls.js';
import { pingpongOptions } from './options.js';
import { PingpongSession } from './session.js';

const KIND = 'pingpong';

/** Options of the `pingpong` check. */
export interface PingpongOptions extends CheckSettings {
  /** `pong://HOST:PORT` or `pongs://HOST:PORT`. The default port is 7464. */
  url: string;
  /** @default 'readiness' */
  scope?: Scope;
  /** Name of a group on the responder. Cannot be combined with `checks`. Default: the group of the scope. */
  group?: string;
  /** Names of 1 to 32 checks on the responder. */
  checks?: readonly string[];
  /** Token to send in HELLO if the responder requires one. */
  token?: string;
  /** TLS settings for `pongs://`. The files are read again for each connection. */
  tls?: TlsOptions;
}

/**
 * Checks another responder over a connection that is kept. The responder's state and causes are passed on, so that the
 * first responder of a chain reports the root cause at its end, and responders that check each other cannot keep
 * themselves down (SPEC "Chains and cycles").
 *
 * @throws PongcheckError `PONGCHECK_CONFIG` for invalid options.
 */
export function pingpongCheck(given: PingpongOptions): CheckDefinition {
  const { settings, options } = parseCheckOptions<PingpongOptions>(KIND, pingpongOptions, given);
  const { url, token, tls, ...request } = options;
  const address = readAddress(url);
  if (tls && address.kind !== 'tls') {
    throw invalidOption(KIND, ['tls'], 'given without pongs://', 'only with a pongs:// URL');
  }
  validateRequest(request);
  const identity = () => ({ ...(token !== undefined && { token }), ...(tls && { tls: readTls(KIND, tls) }) });
  // Reports missing files when the check is created rather than on each run.
  identity();
  const session = new PingpongSession(address, request, identity);
  return {
    componentType: 'component',
    ...settings,
    kind: KIND,
    nonBlocking: true,
    target: formatAddress(address),
    run: async (signal, deadline, hops = 0, connected) =>
      evaluate(await session.ask(signal, deadline, hops, connected), address),
    close: () => session.close(),
  };
}

function readAddress(text: string): Address {
  try {
    const address = parseAddress(text);
    if (!('port' in address && address.port === 0)) return address;
  } catch (error) {
    throw invalidOption(KIND, ['url'], `not a valid address (${(error as Error).message})`, 'pong://HOST:PORT');
  }
  throw invalidOption(KIND, ['url'], 'an address with port 0', 'pong://HOST:PORT');
}

/** The responder would reject an invalid request on each run. */
function validateRequest(request: Pick<PingpongOptions, 'scope' | 'group' | 'checks'>): void {
  if (request.group !== undefined && request.checks) {
    throw invalidOption(KIND, ['group'], 'given together with checks', 'one of them');
  }
  try {
    pingRequest(validatePingOptions(request));
  } catch (error) {
    throw invalidOption(KIND, [], `not a valid request (${(error as Error).message})`, 'a scope, a group or checks');
  }
}

/** Check status for each state of the responder. Any other state is unknown. */
const statusOf: Readonly<Partial<Record<State, CheckState>>> = {
  pass: 'pass',
  warn: 'warn',
  fail: 'fail',
  draining: 'warn',
};

function evaluate({ status: state, stale, report }: Pong, address: Address): CheckResult {
  const status = statusOf[state] ?? 'unknown';
  const observed = { status, observedValue: state, observedUnit: 'state' };
  // A last known state counts, as it does for every client of that responder. The output states that it is stale.
  const output = `${hostAndPort(address)} reports ${state}${stale ? ', last known state' : ''}`;
  if (status === 'pass') return { ...observed, ...(stale && { output: output }) };
  // Draining is a root cause in itself, and this process cannot have caused it.
  const causes = state === 'draining' ? [] : causesOf(report);
  return { ...observed, reason: 'dependency', output: output + rootOf(causes), ...(causes.length > 0 && { causes }) };
}

/** The first cause as text. Empty if the responder hides details. */
function rootOf([cause]: readonly Cause[]): string {
  if (cause?.check === undefined) return '';
  return ` (${cause.check}${cause.service === undefined ? '' : ` of ${cause.service}`}: ${cause.reason ?? 'unknown'})`;
}

/**
 * The causes reported by the responder, with its instance appended to `via`. Empty if there are none, or if one is
 * invalid. Dropping only the invalid ones could attribute a failure of this service to the responder.
 */
function causesOf(report: ReportBody | undefined): Cause[] {
  const { instance, causes } = report ?? {};
  if (typeof instance !== 'string' || !Array.isArray(causes) || !causes.every(isCause)) return [];
  return causes.map((cause) => ({ ...cause, via: [...cause.via, instance] }));
}

function isCause(value: unknown): value is Cause {
  if (typeof value !== 'object' || value === null) return false;
  const { instance, service, via, check, reason, output } = value as Partial<Record<keyof Cause, unknown>>;
  const texts = [service, check, reason, output].filter((text) => text !== undefined);
  return isText(instance) && instance !== '' && texts.every(isText) && Array.isArray(via) && via.every(isText);
}

function isText(value: unknown): value is string {
  return typeof value === 'string';
}
