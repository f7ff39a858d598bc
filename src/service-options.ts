import { isDeepStrictEqual } from 'node:util';
import { PongcheckError } from './errors.js';
import { type RegistrySettings, STALE_LIMIT } from './health/registry.js';
import { defaultHttpLimits, type HttpLimits } from './http/server.js';
import { detailModes } from './link/detail.js';
import { MAX_TOKENS, TOKEN_FORMS, tokenPattern } from './link/tokens.js';
import type { FleetOptions } from './probe/fleet.js';
import type { Listen } from './server/server.js';
import { defaultServerSettings, noTokens, type ServerSettings } from './server/settings.js';
import type { TlsSettings } from './server/tls-files.js';
import type { DrainTimes, ServiceOptions } from './service.js';
import { FrameType, maxBody } from './wire/codes.js';

const { ping, heartbeat, limits } = defaultServerSettings;

/** What options say, with every default filled in. */
export interface ServiceSettings {
  readonly server: ServerSettings;
  readonly registry: RegistrySettings;
  readonly listen: readonly Listen[];
  readonly http: ({ readonly host: string; readonly port: number; readonly tls?: TlsSettings } & HttpLimits) | false;
  readonly drain: DrainTimes;
  readonly probe: FleetOptions | undefined;
}

/**
 * Refuses what makes no sense, and fills in the rest.
 *
 * @throws PongcheckError `PONGCHECK_CONFIG`.
 */
export function readOptions(options: ServiceOptions): ServiceSettings {
  judgeOptions(options);
  const { checks = {}, ping: { staleLimit = STALE_LIMIT, ...ping } = {}, startup, serviceId, releaseId } = options;
  const server: ServerSettings = {
    ping: { ...defaultServerSettings.ping, ...ping },
    heartbeat: { ...defaultServerSettings.heartbeat, ...options.heartbeat },
    limits: { ...defaultServerSettings.limits, ...options.limits },
    detail: options.detail ?? defaultServerSettings.detail,
    ...(options.tokens?.length && { tokens: options.tokens }),
  };
  judgeTokens(server);
  judgePingData(server.heartbeat.pingData);
  return {
    server,
    registry: {
      checks,
      staleLimit,
      ...(startup?.grace !== undefined && { startupGrace: startup.grace }),
      ...(serviceId !== undefined && { serviceId }),
      ...(releaseId !== undefined && { releaseId }),
    },
    listen: options.listen ?? [{ url: 'pong://127.0.0.1:7464' }],
    http: options.http !== false && {
      host: '127.0.0.1',
      port: 7664,
      ...defaultHttpLimits,
      ...options.http,
    },
    drain: { grace: 10_000, delay: 5000, ...options.drain },
    probe: options.probe,
  };
}

/** Paths of the options that both say otherwise; of checks, listeners and HTTP those tell who hold them. */
export function changedPaths(before: ServiceSettings, next: ServiceSettings): string[] {
  const [a, b] = [shown(before), shown(next)];
  return Object.keys({ ...a, ...b }).filter((path) => !isDeepStrictEqual(a[path], b[path]));
}

function shown({ server, registry, drain, probe }: ServiceSettings): Record<string, unknown> {
  const { ping, heartbeat, limits, detail, tokens } = server;
  const { staleLimit, startupGrace, serviceId, releaseId } = registry;
  const sections = { ping: { ...ping, staleLimit }, startup: { grace: startupGrace }, heartbeat, limits, drain };
  const paths = Object.entries(sections).flatMap(([section, values]) =>
    Object.entries(values).map(([key, value]) => [`${section}.${key}`, value]),
  );
  return { ...Object.fromEntries(paths), detail, tokens, serviceId, releaseId, probe };
}

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

/** Texts of the report, so that it always fits a PONG: as in the configuration file. */
const texts = ['serviceId', 'releaseId'] as const;
const TEXT = /^[^\p{Cc}]{1,1024}$/u;

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

/** Refuses what no type checker kept out: a key that nobody knows, a number that is none. */
function judgeOptions(options: ServiceOptions): void {
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
  for (const name of texts) judgeText(name, options[name]);
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

function judgeText(path: string, value: unknown): void {
  if (value === undefined || (typeof value === 'string' && TEXT.test(value))) return;
  throw refusal(path, value, 'a text of 1 to 1024 characters on one line');
}

function refusal(path: string, value: unknown, allowed: string): PongcheckError {
  const shown = typeof value === 'object' && value !== null ? (Array.isArray(value) ? 'a list' : 'an object') : value;
  const found = typeof shown === 'string' && shown === value ? JSON.stringify(shown.slice(0, 80)) : String(shown);
  return new PongcheckError('PONGCHECK_CONFIG', `${path} is ${found}; allowed: ${allowed}`);
}

/** Whoever configures a token wants a secret; nothing of one that is refused is shown. */
function judgeTokens({ detail, tokens = [] }: ServerSettings): void {
  const wrong = tokens.findIndex((token) => typeof token !== 'string' || !tokenPattern.test(token));
  if (wrong >= 0) {
    throw new PongcheckError('PONGCHECK_CONFIG', `tokens[${wrong}] is not of the form that is allowed: ${TOKEN_FORMS}`);
  }
  if (tokens.length > MAX_TOKENS) {
    throw new PongcheckError('PONGCHECK_CONFIG', `tokens has ${tokens.length} entries; allowed: up to ${MAX_TOKENS}`);
  }
  if (detail === 'token' && tokens.length === 0) throw noTokens('detail is token');
}

/** What PINGs of the server carry has to fit the body of a PING. */
function judgePingData(pingData: object | undefined): void {
  if (pingData === undefined) return;
  const octets = octetsOf(pingData);
  const most = maxBody[FrameType.PING];
  if (Array.isArray(pingData) || !(octets <= most)) {
    const found = Array.isArray(pingData) ? 'a list' : `${octets || 'an unknown number of'} octets as JSON`;
    throw new PongcheckError(
      'PONGCHECK_CONFIG',
      `heartbeat.pingData is ${found}; allowed: an object of at most ${most} octets as JSON`,
    );
  }
}

/** NaN where there is no JSON of it, as of a BigInt or a circle. */
function octetsOf(pingData: object): number {
  try {
    return Buffer.byteLength(JSON.stringify(pingData));
  } catch {
    return Number.NaN;
  }
}
