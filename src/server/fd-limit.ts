import { readFileSync } from 'node:fs';

/** Files that are left to the listeners and to Node itself. */
const RESERVE = 64;
/** What a check may have open at once: the connection that it keeps, the next one, and those that are being closed. */
const FILES_PER_CHECK = 4;
/** HTTP has this part at least where there are not enough files for all. */
const HTTP_PART = 1 / 4;

/** How many connections may be open at once. */
export interface ConnectionLimits {
  /** Over all listeners for PINGs. */
  readonly connections: number;
  /** Of HTTP; 0: it is not served. */
  readonly http: number;
}

/** How many files and sockets this process may have open; undefined where that is unlimited, or the system does not tell. */
export function openFilesLimit(): number | undefined {
  try {
    const [, soft] = /^Max open files\s+(\d+)/m.exec(readFileSync('/proc/self/limits', 'utf8')) ?? [];
    return soft === undefined ? undefined : Number(soft);
  } catch {
    return undefined;
  }
}

/**
 * So many of the `wanted` connections as `files` allow beside those of `checks` checks and of `probes` probes of other
 * targets at once. Where the files run out first the kernel's refusals are nobody's to count, and the checks find no
 * file either.
 */
export function connectionsWithin(
  wanted: ConnectionLimits,
  files: number | undefined,
  { checks, probes }: { checks: number; probes: number },
): ConnectionLimits {
  if (files === undefined) return wanted;
  const free = files - RESERVE - checks * FILES_PER_CHECK - probes;
  const share = Math.max(Math.floor(free * HTTP_PART), free - wanted.connections);
  const http = Math.min(wanted.http, Math.max(1, share));
  return { connections: Math.max(1, Math.min(wanted.connections, free - http)), http };
}
