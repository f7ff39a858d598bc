import { promises as dns, type SrvRecord } from 'node:dns';
import type { Clock, Timer } from '../common/clock.js';
import { type Address, DEFAULT_PORT, hostAndPort } from './address.js';
import type { PeerAddress } from './peer-address.js';

/** Minimum time between two rounds of DNS queries. */
const MAX_AGE_MS = 5000;
/** Interval at which names are resolved after `start`, because a rollout replaces all addresses. */
const REFRESH_MS = 30_000;
/** Default maximum number of records used per name. */
const MAX_RECORDS = 256;

/** One instance: its address and the name in its certificate. */
export interface Peer {
  /** Unique identifier within a directory. */
  readonly key: string;
  readonly address: Address;
  readonly servername?: string;
}

/**
 * TLS options for a connection to an instance. The server name is the name in its certificate, unless `tls` sets
 * another.
 */
export function tlsFor<T extends object>(
  { address, servername }: Peer,
  tls: T | undefined,
): { tls?: T & { servername?: string } } {
  if (address.kind !== 'tls' || (!tls && servername === undefined)) return {};
  return { tls: { ...(servername !== undefined && { servername }), ...(tls as T) } };
}

/** Resolves names; a subset of `node:dns/promises`. */
export type Resolver = Pick<typeof dns, 'resolve4' | 'resolve6' | 'resolveSrv' | 'lookup'>;

/**
 * The addresses of all instances behind a list of names. Names are resolved in the background. While a resolver hangs
 * or fails, the last known addresses are used.
 */
export class PeerDirectory {
  private readonly resolved = new Map<PeerAddress, readonly Peer[]>();
  private resolvedAt = Number.NEGATIVE_INFINITY;
  private resolving: Promise<void> | undefined;
  private timer: Timer;

  constructor(
    private readonly from: readonly PeerAddress[],
    private readonly clock: Clock,
    private readonly resolver: Resolver = dns,
    private readonly maxRecords = MAX_RECORDS,
  ) {}

  /** The known peers. */
  get peers(): readonly Peer[] {
    return [
      ...new Map(this.from.flatMap((one) => this.resolved.get(one) ?? []).map((peer) => [peer.key, peer])).values(),
    ];
  }

  /** The names that have never resolved to an address. */
  get unresolved(): readonly PeerAddress[] {
    return this.from.filter((one) => !this.resolved.has(one));
  }

  /**
   * Resolves the names now, and every 30 s until `close`, so that the addresses are current when a check first fails.
   */
  start(): void {
    void this.refresh();
    this.clock.clear(this.timer);
    this.timer = this.clock.after(REFRESH_MS, () => this.start());
  }

  close(): void {
    this.clock.clear(this.timer);
  }

  /**
   * Resolves the names, unless they were resolved recently. The promise resolves when every name has been resolved or
   * has failed.
   */
  refresh(): Promise<void> {
    if (this.resolving) return this.resolving;
    if (this.clock.now() - this.resolvedAt < MAX_AGE_MS) return Promise.resolve();
    this.resolving = this.resolveAll().finally(() => {
      this.resolvedAt = this.clock.now();
      this.resolving = undefined;
    });
    return this.resolving;
  }

  private async resolveAll(): Promise<void> {
    await Promise.all(
      this.from.map(async (one) => {
        const found = await this.resolve(one).catch(() => []);
        if (found.length > 0) this.resolved.set(one, found.slice(0, this.maxRecords));
      }),
    );
  }

  private async resolve(one: PeerAddress): Promise<Peer[]> {
    if (one.kind !== 'srv') return this.hosts(one.kind, one.host, one.port);
    const records = (await this.resolver.resolveSrv(one.name)) as SrvRecord[];
    const found = await Promise.allSettled(
      records.slice(0, this.maxRecords).map(({ name, port }) => this.hosts(one.transport, name, port || DEFAULT_PORT)),
    );
    return found.flatMap((result) => (result.status === 'fulfilled' ? result.value : []));
  }

  private async hosts(kind: 'tcp' | 'tls', host: string, port: number): Promise<Peer[]> {
    return (await this.addresses(host)).slice(0, this.maxRecords).map((address) => {
      const peer = { kind, host: address, port };
      return { key: hostAndPort(peer), address: peer, ...(kind === 'tls' && address !== host && { servername: host }) };
    });
  }

  /**
   * All A and AAAA records of a host. A name without records, such as one in the hosts file, is resolved with `lookup`,
   * as `connect` does.
   */
  private async addresses(host: string): Promise<string[]> {
    const { resolver } = this;
    if (/^[\d.]+$|:/.test(host)) return [host];
    const [ipv4, ipv6] = await Promise.allSettled([resolver.resolve4(host), resolver.resolve6(host)]);
    const found = [ipv4, ipv6].flatMap((result) => (result.status === 'fulfilled' ? (result.value as string[]) : []));
    if (found.length > 0) return found;
    return (await resolver.lookup(host, { all: true })).map(({ address }) => address);
  }
}
