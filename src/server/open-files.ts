import { readFileSync } from 'node:fs';

/** Files that are left to the listeners, to HTTP, to the checks and to Node itself. */
const RESERVE = 64;

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
 * So many of `wanted` connections as `files` allow. Where the files run out first the kernel's refusals are
 * nobody's to count, and the checks find no file either.
 */
export function connectionsWithin(wanted: number, files: number | undefined): number {
  return files === undefined ? wanted : Math.max(1, Math.min(wanted, files - RESERVE));
}
