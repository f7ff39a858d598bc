import { MAX_CHECKS, scopes } from '../health/health.js';
import { states } from '../health/state.js';
import { missingOf } from '../net/tls.js';
import { formatDuration } from '../options/duration.js';
import { configError, formatPath, type Path } from '../options/issue.js';
import { keepAliveRows } from '../options/keep-alive.js';
import { InvalidValue, ONE_DAY, ONE_HOUR, type OptionRow, type ValueType } from '../options/option.js';
import { readInCode } from '../options/reader.js';
import { shapeOf } from '../options/shape.js';
import {
  boolean,
  duration,
  enumeration,
  instance,
  integer,
  invalid,
  names,
  pem,
  text,
} from '../options/value-types.js';
import { type BackoffOptions, MAX_BACKOFF_MS } from './link/backoff.js';
import { heartbeatPresets, MAX_PINGS_OUT, MIN_INTERVAL_MS } from './link/heartbeat-settings.js';
import { CONNECT_TIMEOUT_MS, MAX_IN_FLIGHT } from './open.js';
import { MAX_HOPS, MAX_WIRE_MS, pingRequest, RESPONSE_TIMEOUT_MS } from './requests.js';
import type { ClientTls } from './tls.js';

// One row for each option. The interfaces document the options.

const signal: ValueType = {
  name: 'signal',
  allowed: () => 'an AbortSignal',
  read: (value) => (value instanceof AbortSignal ? value : invalid()),
  typescript: () => 'AbortSignal',
};

const callback: ValueType = {
  name: 'callback',
  allowed: () => 'a function',
  read: (value) => (typeof value === 'function' ? value : invalid()),
  typescript: () => 'Function',
};

const stateList: ValueType = {
  name: 'states',
  allowed: () => `a list of ${states.join(', ')}`,
  read: (value) => (Array.isArray(value) && value.every((state) => states.includes(state)) ? value : invalid()),
  typescript: () => 'readonly State[]',
};

/** The string form of `heartbeat`. */
const heartbeatPreset: ValueType = {
  name: 'heartbeatPreset',
  allowed: () => `${Object.keys(heartbeatPresets).join(', ')}, or { interval, maxPingsOut, timeout }`,
  read(value) {
    if (value === 'ordinary') throw new InvalidValue('"ordinary" was renamed to "default"');
    return typeof value === 'string' && Object.hasOwn(heartbeatPresets, value) ? value : invalid();
  },
  typescript: () => 'keyof typeof heartbeatPresets',
};

function row(path: string, type: ValueType, more: Partial<OptionRow> = {}): OptionRow {
  return { path, type, description: '', ...more };
}

const responseTimeoutRow = row('responseTimeout', duration, { formerly: 'wait', max: ONE_DAY });
const signalRow = row('signal', signal);
const tokenRow = row('token', text, { secret: true });

const selectionRows = [
  row('scope', enumeration, { values: scopes, default: 'readiness' }),
  row('checks', names, { max: MAX_CHECKS }),
  row('group', text),
];

export const pingRows: readonly OptionRow[] = [
  ...selectionRows,
  row('own', boolean, { default: 'false' }),
  row('maxAge', duration, { max: MAX_WIRE_MS }),
  row('timeout', duration, { max: MAX_WIRE_MS }),
  responseTimeoutRow,
  row('detail', boolean, { default: 'false' }),
  row('close', boolean, { default: 'false' }),
  row('hops', integer, { default: '0', max: MAX_HOPS }),
  signalRow,
];

export const watchRows: readonly OptionRow[] = [
  ...selectionRows,
  row('detail', boolean, { default: 'false' }),
  signalRow,
];

export const helloRows: readonly OptionRow[] = [
  row('name', text),
  tokenRow,
  row('heartbeat.canSendMs', duration, { required: true, max: MAX_WIRE_MS }),
  row('heartbeat.wantMs', duration, { required: true, max: MAX_WIRE_MS }),
  row('heartbeat.mult', integer, { min: 1, max: 255 }),
  { ...responseTimeoutRow, default: formatDuration(RESPONSE_TIMEOUT_MS) },
  signalRow,
];

/** Socket options of `connect` and `openLink`. */
const socketRows = [
  row('connectTimeout', duration, { default: formatDuration(CONNECT_TIMEOUT_MS), max: ONE_DAY }),
  row('tls.ca', pem),
  row('tls.cert', pem),
  row('tls.key', pem),
  row('tls.servername', text),
  row('tls.rejectUnauthorized', boolean, { default: 'true' }),
  ...keepAliveRows,
  row('clock', instance, { values: ['now', 'after', 'clear'] }),
];

export const connectRows: readonly OptionRow[] = [
  ...socketRows,
  row('maxInFlight', integer, { default: String(MAX_IN_FLIGHT), min: 1, max: 1_000_000 }),
  tokenRow,
  row('lookup', callback),
  signalRow,
];

export const linkRows: readonly OptionRow[] = [
  ...socketRows,
  row('name', text),
  tokenRow,
  row('heartbeat', heartbeatPreset, { default: 'default' }),
  row('heartbeat.interval', duration, { required: true, min: MIN_INTERVAL_MS, max: ONE_DAY }),
  row('heartbeat.maxPingsOut', integer, { max: MAX_PINGS_OUT }),
  row('heartbeat.timeout', duration, { default: '0', max: ONE_DAY }),
  ...selectionRows,
  row('detail', boolean, { default: 'false' }),
  row('serverPings', duration, { default: '0', max: ONE_DAY }),
  row('health', callback),
  row('failoverOn', stateList, { formerly: 'leaveAt' }),
  row('failback', boolean, { default: 'true' }),
  row('backoff.initial', duration, { default: '100ms', min: 1, max: ONE_DAY }),
  row('backoff.max', duration, { default: formatDuration(MAX_BACKOFF_MS), min: 1, max: ONE_DAY }),
  row('onUp', callback),
  row('onDown', callback),
  row('hookTimeout', duration, { default: '5s', min: 1, max: ONE_HOUR }),
  row('random', callback),
  row('attempts', instance, { values: ['run'] }),
  row('identity', callback),
];

/**
 * Creates the function that validates the options of one call.
 *
 * @param contradictions returns one issue for each combination of valid values that is not allowed.
 * @returns a function that returns valid options, or throws `PONGCHECK_CONFIG` with one line per issue.
 */
function validator(
  rows: readonly OptionRow[],
  contradictions: (options: object) => readonly string[] = () => [],
): <Options extends object>(options: Options) => Options {
  const shape = shapeOf(rows);
  const where = (path: Path) => formatPath(path) || 'the argument with options';
  return (options) => {
    const values = readInCode(shape, options, where);
    const issues = contradictions(values);
    if (issues.length > 0) throw configError(issues);
    return values as typeof options;
  };
}

export const validatePingOptions = validator(pingRows);
export const validateWatchOptions = validator(watchRows);
export const validateHelloOptions = validator(helloRows);
export const validateConnectOptions = validator(connectRows, tlsIssues);
/** The options of `ping()`, which connects first. */
export const validateProbeOptions = validator([...connectRows, ...pingRows], tlsIssues);
export const validateLinkOptions = validator(linkRows, (options) => [
  ...tlsIssues(options),
  ...backoffIssues(options),
  ...selectionIssues(options),
]);

function tlsIssues({ tls = {} }: { tls?: ClientTls }): string[] {
  const missing = missingOf(tls);
  return missing ? [`tls.${missing} is missing; allowed: cert and key together`] : [];
}

function backoffIssues({
  backoff: { initial = 0, max = MAX_BACKOFF_MS } = {},
}: {
  backoff?: BackoffOptions;
}): string[] {
  if (initial <= max) return [];
  return [`backoff.initial is ${formatDuration(initial)}; allowed: at most backoff.max, ${formatDuration(max)}`];
}

function selectionIssues({ checks, group }: { checks?: readonly string[]; group?: string }): string[] {
  try {
    pingRequest({ ...(checks && { checks }), ...(group !== undefined && { group }) });
    return [];
  } catch (error) {
    return [(error as Error).message];
  }
}
