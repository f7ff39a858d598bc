import { PongcheckError } from './errors.js';
import { defaultHttpLimits } from './http/server.js';
import { detailModes } from './link/detail.js';
import { defaultServerSettings } from './server/settings.js';
import type { ServiceOptions } from './service.js';

const { ping, heartbeat, limits } = defaultServerSettings;

/** Options that are maps of numbers: what may stand in each. */
const numbers = {
  ping: [...Object.keys(ping), 'staleLimit'],
  startup: ['grace'],
  heartbeat: Object.keys(heartbeat),
  limits: Object.keys(limits),
  drain: ['grace', 'delay'],
} as const;

/** What else may stand in a map. */
const others: Readonly<Record<string, readonly string[]>> = {
  heartbeat: ['pingData'],
  http: ['host', 'port', 'tls', ...Object.keys(defaultHttpLimits)],
};

/** Complete by its type: an option that is added and not named here does not compile. */
const known: Readonly<Record<keyof ServiceOptions, true>> = {
  checks: true,
  listen: true,
  http: true,
  register: true,
  ping: true,
  startup: true,
  heartbeat: true,
  limits: true,
  drain: true,
  detail: true,
  tokens: true,
  probe: true,
  serviceId: true,
  releaseId: true,
  log: true,
  clock: true,
};

/**
 * Refuses what no type checker kept out: a key that nobody knows, a number that is none.
 *
 * @throws PongcheckError `PONGCHECK_CONFIG`.
 */
export function judgeOptions(options: ServiceOptions): void {
  judgeKeys('', options, Object.keys(known));
  for (const [name, keys] of Object.entries(numbers)) {
    const given = options[name as keyof typeof numbers];
    if (given === undefined) continue;
    judgeKeys(`${name}.`, given, [...keys, ...(others[name] ?? [])]);
    for (const key of keys) judgeNumber(`${name}.${key}`, (given as Record<string, unknown>)[key]);
  }
  if (options.http) {
    judgeKeys('http.', options.http, others.http as readonly string[]);
    for (const key of Object.keys(defaultHttpLimits)) {
      judgeNumber(`http.${key}`, (options.http as Record<string, unknown>)[key]);
    }
    if (options.http.maxConnections === 0) throw refusal('http.maxConnections', 0, 'a number from 1');
  }
  const { detail, listen } = options;
  if (detail !== undefined && !detailModes.includes(detail)) throw refusal('detail', detail, detailModes.join(', '));
  const isList = Array.isArray(listen) && listen.every((one) => typeof one?.url === 'string');
  if (listen !== undefined && !isList) throw refusal('listen', listen, 'a list such as [{ url: "pong://HOST:PORT" }]');
}

function judgeKeys(path: string, given: unknown, allowed: readonly string[]): void {
  if (typeof given !== 'object' || given === null || Array.isArray(given)) {
    throw refusal(path.slice(0, -1) || 'the options', given, `an object with ${allowed.join(', ')}`);
  }
  const unknown = Object.keys(given).find((key) => !allowed.includes(key));
  if (unknown !== undefined) {
    throw new PongcheckError('PONGCHECK_CONFIG', `${path}${unknown} is no option; allowed: ${allowed.join(', ')}`);
  }
}

function judgeNumber(path: string, value: unknown): void {
  if (value === undefined || (typeof value === 'number' && value >= 0)) return;
  throw refusal(path, value, 'a number from 0');
}

function refusal(path: string, value: unknown, allowed: string): PongcheckError {
  const shown = typeof value === 'object' && value !== null ? (Array.isArray(value) ? 'a list' : 'an object') : value;
  const found = typeof shown === 'string' && shown === value ? JSON.stringify(shown) : String(shown);
  return new PongcheckError('PONGCHECK_CONFIG', `${path} is ${found}; allowed: ${allowed}`);
}
