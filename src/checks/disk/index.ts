import type { StatsFs } from 'node:fs';
import { statfs } from 'node:fs/promises';
import type { CheckDefinition, CheckResult, CheckSettings } from '../../health/check.js';
import { CheckFailure, statusOf } from '../../health/reason.js';
import { parseCheckOptions } from '../parse-options.js';
import { orAbort } from '../shared/deadline.js';
import { diskOptions } from './options.js';

const KIND = 'disk';

/** Which file system is looked at, and what has to be free there. */
export interface DiskOptions extends CheckSettings {
  /** Any path in the file system. */
  path: string;
  /** Octets that have to be free; 0 = no limit. Default 0. */
  minFree?: number;
  /** The part of the space that has to be free, in percent; 0 = no limit. Default 5. */
  minFreePercent?: number;
  /** The part of the inodes that has to be free, in percent; 0 = no limit. Default 5. */
  minFreeInodesPercent?: number;
}

/**
 * The space and the inodes that are free in a file system, as one who is not
 * root can use them. The observed value is what is exceeded its limit, or the
 * space in percent.
 *
 * @throws PongcheckError `PONGCHECK_CONFIG` for options that make no sense.
 */
export function disk(given: DiskOptions): CheckDefinition {
  const { settings, options } = parseCheckOptions<DiskOptions>(KIND, diskOptions, given);
  const { path, minFree = 0, minFreePercent = 5, minFreeInodesPercent = 5 } = options;
  const limits = { bytes: minFree, space: minFreePercent, inodes: minFreeInodesPercent };
  const stat = statter(path);
  return {
    componentType: 'system',
    ...settings,
    kind: KIND,
    run: async (signal) => evaluate(path, freeOf(await stat(signal)), limits),
  };
}

/**
 * Asks the file system. One that hangs, as over a lost network, holds a thread
 * that names and files need too: the next run waits for the same answer.
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
  ENOENT: 'is not there',
  ENOTDIR: 'is not there',
  EACCES: 'may not be looked at',
};

function unreadable(path: string, { code = 'no code' }: NodeJS.ErrnoException): CheckFailure {
  return new CheckFailure('unreachable', `${path} ${descriptions[code] ?? 'cannot be looked at'} (${code})`);
}

interface Free {
  readonly bytes: number;
  /** Percent. */
  readonly space: number;
  /** Percent. */
  readonly inodes: number;
}

function freeOf({ bsize, blocks, bfree, bavail, files, ffree }: StatsFs): Free {
  // As `df` counts: what is kept for root is neither used nor free.
  const usable = blocks - bfree + bavail;
  return { bytes: bavail * bsize, space: percent(bavail, usable), inodes: percent(ffree, files) };
}

/** Some file systems have no inodes to count, and a kernel's own no space: nothing of them can run out. */
function percent(free: number, all: number): number {
  return all === 0 ? 100 : Math.floor((free / all) * 1000) / 10;
}

function evaluate(path: string, free: Free, limits: Free): CheckResult {
  const exceeded: { description: string; observedValue: number; observedUnit: string }[] = [];
  const check = (measure: keyof Free, observedUnit: string, what: string) => {
    if (free[measure] >= limits[measure]) return;
    const description = `${what} free, wanted: ${limits[measure]} ${observedUnit}`;
    exceeded.push({ description, observedValue: free[measure], observedUnit });
  };
  check('bytes', 'bytes', `${free.bytes} bytes are`);
  check('space', '%', `${free.space} % of the space is`);
  check('inodes', '%', `${free.inodes} % of the inodes are`);
  const [worst] = exceeded;
  if (!worst) return { status: 'pass', observedValue: free.space, observedUnit: '%' };
  return {
    status: 'fail',
    reason: 'threshold',
    output: `${path}: ${exceeded.map(({ description }) => description).join('; ')}`,
    observedValue: worst.observedValue,
    observedUnit: worst.observedUnit,
  };
}
