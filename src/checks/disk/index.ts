import type { StatsFs } from 'node:fs';
import { statfs } from 'node:fs/promises';
import type { CheckDefinition, CheckResult, CheckSettings } from '../../health/check.js';
import { CheckFailure, statusOf } from '../../health/reason.js';
import { parseCheckOptions } from '../parse-options.js';
import { orAbort } from '../shared/deadline.js';
import { diskOptions } from './options.js';

const KIND = 'disk';

/** Options of the `disk` check. */
export interface DiskOptions extends CheckSettings {
  /** Any path in the file system to check. */
  path: string;
  /**
   * Minimum free space in bytes; 0 = no limit.
   * @default 0
   */
  minFree?: number;
  /**
   * Minimum free space in percent; 0 = no limit.
   * @default 5
   */
  minFreePercent?: number;
  /**
   * Minimum free inodes in percent; 0 = no limit.
   * @default 5
   */
  minFreeInodesPercent?: number;
}

/**
 * Checks the free space and free inodes of a file system that are available to unprivileged users. The observed values
 * are the free amounts: `bytes`, and `space` and `inodes` in percent.
 *
 * @throws PongcheckError `PONGCHECK_CONFIG` for invalid options.
 */
export function diskCheck(given: DiskOptions): CheckDefinition {
  const { settings, options } = parseCheckOptions<DiskOptions>(KIND, diskOptions, given);
  const { path, minFree = 0, minFreePercent = 5, minFreeInodesPercent = 5 } = options;
  const limits = { bytes: minFree, space: minFreePercent, inodes: minFreeInodesPercent };
  const stat = statter(path);
  return {
    componentType: 'system',
    ...settings,
    kind: KIND,
    nonBlocking: true,
    target: path,
    run: async (signal) => evaluate(path, freeOf(await stat(signal)), limits),
  };
}

/**
 * Queries the file system. If the file system hangs, as a lost network mount does, each query would block one of the
 * threads that DNS and file access also use. The next run therefore waits for the pending query.
 */
function statter(path: string): (signal: AbortSignal) => Promise<StatsFs> {
  let pending: Promise<StatsFs> | undefined;
  return async (signal) => {
    pending ??= statfs(path).finally(() => {
      pending = undefined;
    });
    try {
      return await orAbort(pending, signal);
    } catch (error) {
      if (signal.aborted) throw signal.reason;
      throw statusOf(error) === 'unknown' ? error : unreadable(path, error as NodeJS.ErrnoException);
    }
  };
}

const descriptions: Readonly<Record<string, string>> = {
  ENOENT: 'does not exist',
  ENOTDIR: 'does not exist',
  EACCES: 'is not accessible to this user',
};

function unreadable(path: string, { code = 'no code' }: NodeJS.ErrnoException): CheckFailure {
  return new CheckFailure('unreachable', `${path} ${descriptions[code] ?? 'cannot be accessed'} (${code})`);
}

interface Free {
  readonly bytes: number;
  /** In percent. */
  readonly space: number;
  /** In percent. */
  readonly inodes: number;
}

const units = { bytes: 'bytes', space: '%', inodes: '%' };

function freeOf({ bsize, blocks, bfree, bavail, files, ffree }: StatsFs): Free {
  // As in `df`, space reserved for root counts neither as used nor as free.
  const usable = blocks - bfree + bavail;
  return { bytes: bavail * bsize, space: percent(bavail, usable), inodes: percent(ffree, files) };
}

/** Some file systems report no inodes, and virtual ones report no space. An unreported amount counts as 100 % free. */
function percent(free: number, all: number): number {
  return all === 0 ? 100 : Math.floor((free / all) * 1000) / 10;
}

function evaluate(path: string, free: Free, limits: Free): CheckResult {
  const observed = { observedValue: free, observedUnit: units };
  const exceeded = [
    free.bytes < limits.bytes && `${free.bytes} bytes are free, minimum: ${limits.bytes} bytes`,
    free.space < limits.space && `${free.space} % of the space is free, minimum: ${limits.space} %`,
    free.inodes < limits.inodes && `${free.inodes} % of the inodes are free, minimum: ${limits.inodes} %`,
  ].filter((description) => description !== false);
  if (exceeded.length === 0) return { status: 'pass', ...observed };
  return { status: 'fail', reason: 'threshold', output: `${path}: ${exceeded.join('; ')}`, ...observed };
}
