import { hostAndPort, parseAddress } from '../net/address.js';
import { type PeerAddress, parsePeerAddress } from '../net/peer-address.js';
import { missingForReusePort } from '../net/reuse-port.js';
import { missingOf } from '../net/tls.js';
import { formatDuration } from './duration.js';
import { configError, formatPath, type Path, type Report } from './issue.js';
import { defaultInFile, type Mode } from './option.js';
import { at, setAt } from './path.js';
import { OptionReader, readDefault } from './reader.js';
import { shapeOf } from './shape.js';
import { codeOptionRows, optionRows } from './table.js';
import type { Options } from './types.js';

/** One listen address with the settings of its listener. */
export type ListenOptions = NonNullable<Options['listen']>[number];
/** Address and limits of the HTTP server. */
export type HttpOptions = Exclude<NonNullable<Options['http']>, false>;
/** Address and limits of the HTTP server, with defaults applied. */
export type HttpSettings = HttpOptions & Required<Omit<HttpOptions, 'tls'>>;
/** Address and limits of the gRPC server. */
export type GrpcOptions = Exclude<NonNullable<Options['grpc']>, false>;
/** Address and limits of the gRPC server, with defaults applied. */
export type GrpcSettings = GrpcOptions & Required<Omit<GrpcOptions, 'tls'>>;
/** Limits of the PING listeners, with defaults applied. */
export type Limits = Required<NonNullable<Options['limits']>>;
/** Times for `service.drain()` in milliseconds, with defaults applied. */
export type DrainTimes = Required<NonNullable<Options['drain']>>;
/** Limits for a blocked event loop in milliseconds, with defaults applied. */
export type LoopLimits = Required<NonNullable<Options['loop']>>;
type PeerOptions = NonNullable<Options['peers']>;
/**
 * The peers to query about shared dependencies, with defaults applied. Times are in milliseconds; `tls` contains file
 * paths.
 */
export interface PeerSettings
  extends Pick<PeerOptions, 'token' | 'tls'>,
    Required<Pick<PeerOptions, 'ask' | 'timeout'>> {
  readonly from: readonly PeerAddress[];
}
type FleetOptions = NonNullable<Options['fleet']>;
/** The responders of the fleet page. `tls` contains file paths. */
export interface FleetSettings extends Pick<FleetOptions, 'token' | 'tls' | 'statusUrl'> {
  readonly from: readonly PeerAddress[];
}
type Heartbeat = NonNullable<Options['heartbeat']>;
export type HeartbeatSettings = Required<Omit<Heartbeat, 'pingData'>> & Pick<Heartbeat, 'pingData'>;

/** All options, with defaults applied. Times are in milliseconds, sizes in bytes. */
export interface Settings
  extends Omit<
    Options,
    'listen' | 'http' | 'grpc' | 'ping' | 'threads' | 'loop' | 'heartbeat' | 'limits' | 'drain' | 'detail'
  > {
  readonly listen: readonly ListenOptions[];
  readonly http: HttpSettings | false;
  readonly grpc: GrpcSettings | false;
  readonly ping: Required<NonNullable<Options['ping']>>;
  readonly threads: number;
  readonly loop: LoopLimits;
  readonly heartbeat: HeartbeatSettings;
  readonly limits: Limits;
  readonly drain: DrainTimes;
  readonly detail: NonNullable<Options['detail']>;
}

const codeShape = shapeOf([
  ...optionRows.filter(({ path, fileOnly }) => !fileOnly && !path.startsWith('checks.')),
  ...codeOptionRows,
]);

/**
 * Validates options given in code, and applies the defaults.
 *
 * @throws PongcheckError `PONGCHECK_CONFIG`, one line per issue: path, value found, allowed values.
 */
export function readOptions(options: unknown): Settings {
  const issues: string[] = [];
  const report: Report = (path, description) => issues.push(`${formatPath(path) || 'the argument'} ${description}`);
  const values = new OptionReader(report).read(codeShape, options, []);
  if (issues.length > 0) throw configError(issues);
  const settings = withDefaults(values as Record<string, unknown>, 'code');
  reportContradictions(settings, report);
  if (issues.length > 0) throw configError(issues);
  return settings;
}

/** Sections with a required option. If that option is missing, the whole section and its defaults are absent. */
const optionalSections = new Set(optionRows.filter(({ required }) => required).map(({ path }) => sectionOf(path)));

function sectionOf(path: string): string {
  return path.slice(0, Math.max(0, path.lastIndexOf('.')));
}

/** Adds the defaults in the table, for a file or for code, to `values` in place. */
export function withDefaults(values: Record<string, unknown>, mode: Mode): Settings {
  const delay = at(values, 'drain.delay');
  for (const row of optionRows) {
    const text = mode === 'file' ? defaultInFile(row) : row.default;
    if (text === undefined || /[*[]/.test(row.path) || at(values, row.path) !== undefined) continue;
    const section = sectionOf(row.path);
    if (optionalSections.has(section) && at(values, section) === undefined) continue;
    setAt(values, row.path, readDefault(row, text));
  }
  const settings = values as unknown as Settings;
  // The default delay must not exceed a configured grace.
  if (delay === undefined) setAt(values, 'drain.delay', Math.min(settings.drain.delay, settings.drain.grace));
  return settings;
}

/** Reports combinations of individually valid values that are not allowed. */
export function reportContradictions(settings: Settings & { readonly clock?: unknown }, report: Report): void {
  const { ping, drain, loop, listen, detail, tokens, probe, peers, fleet } = settings;
  const atMost = (path: Path, value: number, limitPath: string, limit: number) => {
    if (value <= limit) return;
    report(path, `is ${formatDuration(value)}; allowed: at most ${limitPath}, ${formatDuration(limit)}`);
  };
  atMost(['ping', 'timeout'], ping.timeout, 'ping.maxTimeout', ping.maxTimeout);
  atMost(['drain', 'delay'], drain.delay, 'drain.grace', drain.grace);
  const { readinessStall, livenessStall } = loop;
  if (livenessStall > 0 && livenessStall < readinessStall) {
    const [found, least] = [livenessStall, readinessStall].map(formatDuration);
    report(['loop', 'livenessStall'], `is ${found}; allowed: 0, or at least loop.readinessStall, ${least}`);
  }
  const threadsIssue = threadsIssueOf(settings);
  if (threadsIssue) report(['threads'], threadsIssue);
  if (detail === 'token' && !tokens) report(['detail'], 'is token, but tokens is empty');
  for (const [index, { url, tls, proxyProtocol, keepAlive, mode, requireToken }] of listen.entries()) {
    const reportKey = (key: string, description: string) => report(['listen', index, key], description);
    if (requireToken && !tokens) reportKey('requireToken', 'is true, but tokens is empty');
    if (url.startsWith('pongs:') && !tls) reportKey('tls', `is missing: ${url} requires a certificate`);
    if (!url.startsWith('pongs:') && tls) reportKey('tls', `requires a pongs:// address; found ${url}`);
    const isUnix = url.startsWith('pong+unix:');
    if (!isUnix && mode !== undefined) reportKey('mode', `requires a Unix socket; found ${url}`);
    for (const [key, value] of Object.entries({ proxyProtocol, keepAlive })) {
      if (isUnix && value) reportKey(key, `requires a TCP address; found ${url}`);
    }
  }
  reportSharedAddresses(settings, report);
  for (const [name, { group, checks, tls = {} }] of Object.entries(probe?.modules ?? {})) {
    const path = ['probe', 'modules', name];
    if (group !== undefined && checks) {
      report([...path, 'group'], `and ${formatPath([...path, 'checks'])} are both given; allowed: one of them`);
    }
    const missing = missingOf(tls);
    if (missing) report([...path, 'tls', missing], 'is missing; allowed: cert and key together');
  }
  for (const [section, of] of Object.entries({ peers, fleet })) {
    if (!of?.tls) continue;
    const missing = missingOf(of.tls);
    if (missing) report([section, 'tls', missing], 'is missing; allowed: cert and key together');
    if (!of.from.some(isTls)) report([section, 'tls'], `requires a pongs:// address in ${section}.from`);
  }
}

/** Reports listeners with the address of an earlier one. Port 0 selects a free port for each. */
function reportSharedAddresses({ listen, http, grpc }: Settings, report: Report): void {
  const places = listen.map(({ url }, index) => ({ path: ['listen', index, 'url'], address: parseAddress(url) }));
  for (const [section, server] of Object.entries({ http, grpc })) {
    if (server) places.push({ path: [section], address: { kind: 'tcp', host: server.host, port: server.port } });
  }
  const known = new Map<string, Path>();
  for (const { path, address } of places) {
    if (address.kind !== 'unix' && address.port === 0) continue;
    const name = address.kind === 'unix' ? address.path : hostAndPort(address);
    const earlier = known.get(name);
    if (earlier) report(path, `is ${name}; allowed: another address than ${formatPath(earlier)}`);
    else known.set(name, path);
  }
}

function isTls(text: string): boolean {
  const address = parsePeerAddress(text);
  return address.kind === 'tls' || (address.kind === 'srv' && address.transport === 'tls');
}

/** Converts the peer settings of valid options. */
export function peerSettings(peers: PeerOptions): PeerSettings {
  // The table contains defaults for both.
  const { ask, timeout } = peers as Required<PeerOptions>;
  return { ...peers, ask, timeout, from: peers.from.map(parsePeerAddress) };
}

/** Converts the fleet settings of valid options. */
export function fleetSettings(fleet: FleetOptions): FleetSettings {
  return { ...fleet, from: fleet.from.map(parsePeerAddress) };
}

/** What is wrong with the number of threads; undefined if it is allowed. */
function threadsIssueOf({ threads, clock }: { threads: number; clock?: unknown }): string | undefined {
  if (threads > 0 && clock !== undefined) return `is ${threads}; allowed with clock: 0`;
  const missing = threads > 1 ? missingForReusePort(process.version, process.platform) : undefined;
  return missing && `is ${threads}; more than 1 requires ${missing}`;
}
