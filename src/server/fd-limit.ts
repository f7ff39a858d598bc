import { readFileSync } from 'node:fs';

/** Number of descriptors reserved for the listeners and Node itself. */
const RESERVE = 64;
/**
 * Number of descriptors that a check may have open: its current connection, the next one, and those that are closing.
 */
const FILES_PER_CHECK = 4;
/** Minimum share of HTTP and gRPC together if there are not enough descriptors. */
const OTHERS_SHARE = 1 / 4;

/** Maximum numbers of open connections. */
export interface ConnectionLimits {
  /** For all PING listeners together. */
  readonly connections: number;
  /** For HTTP; 0 if HTTP is off. */
  readonly http: number;
  /** For gRPC; 0 if gRPC is off. */
  readonly grpc: number;
}

/** Maximum number of open file descriptors of this process; undefined if unlimited or unknown. */
export function fdLimit(): number | undefined {
  try {
    const [, soft] = /^Max open files\s+(\d+)/m.exec(readFileSync('/proc/self/limits', 'utf8')) ?? [];
    return soft === undefined ? undefined : Number(soft);
  } catch {
    return undefined;
  }
}

/**
 * Caps connections to the descriptor limit minus a reserve, so that accepts and checks do not fail with EMFILE.
 *
 * @param wanted the configured limits
 * @param files the descriptor limit; if undefined, `wanted` is returned
 * @param reserved number of checks, of concurrent probes of other targets, and of connections to peers and to the
 * responders of a fleet
 */
export function clampToFdLimit(
  wanted: ConnectionLimits,
  files: number | undefined,
  { checks, probes, peers, fleet }: Readonly<Record<'checks' | 'probes' | 'peers' | 'fleet', number>>,
): ConnectionLimits {
  if (files === undefined) return wanted;
  const free = files - RESERVE - checks * FILES_PER_CHECK - probes - peers - fleet;
  const others = wanted.http + wanted.grpc;
  const share = Math.min(others, Math.max(1, Math.floor(free * OTHERS_SHARE), free - wanted.connections));
  const allowed = (part: number) => Math.min(part, Math.max(1, Math.floor((share * part) / Math.max(1, others))));
  const [http, grpc] = [allowed(wanted.http), allowed(wanted.grpc)];
  return { connections: Math.max(1, Math.min(wanted.connections, free - http - grpc)), http, grpc };
}
