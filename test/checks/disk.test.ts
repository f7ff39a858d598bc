import { spawnSync } from 'node:child_process';
import { closeSync, existsSync, mkdtempSync, openSync, rmSync, statfsSync, unlinkSync, writeFileSync } from 'node:fs';
import { statfs } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from '@jest/globals';
import { type DiskOptions, diskCheck } from '../../src/checks/disk/index.js';
import { runCheck } from '../live/run-check.js';

const folder = mkdtempSync(join(tmpdir(), 'pongcheck-disk-'));
/** Requires root, and is not possible everywhere. */
const isMounted =
  spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=1m,nr_inodes=100', 'pongcheck-test', folder]).status === 0;
const itOnTmpfs = isMounted ? it : it.skip;

/** A file system whose server never responds, as on a lost network. */
const silent = mkdtempSync(join(tmpdir(), 'pongcheck-silent-'));
let server = mountSilent();
const itOnSilent = server === undefined ? it.skip : it;

/**
 * The descriptor of the server. Closing it removes the file system permanently. Undefined if the file system cannot be
 * mounted.
 */
function mountSilent(): number | undefined {
  if (!existsSync('/dev/fuse')) return undefined;
  let device: number | undefined;
  try {
    device = openSync('/dev/fuse', 'r+');
    const options = 'fd=3,rootmode=40000,user_id=0,group_id=0';
    const words = ['-i', '-t', 'fuse', '-o', options, 'pongcheck-test', silent];
    if (spawnSync('mount', words, { stdio: ['ignore', 'ignore', 'ignore', device] }).status === 0) return device;
  } catch {
    // Requires root.
  }
  if (device !== undefined) closeSync(device);
  return undefined;
}

function killServer(): void {
  if (server !== undefined) closeSync(server);
  server = undefined;
}

afterAll(() => {
  killServer();
  spawnSync('umount', [silent]);
  rmSync(silent, { recursive: true, force: true });
  if (isMounted) spawnSync('umount', [folder]);
  rmSync(folder, { recursive: true, force: true });
});

const run = (options: DiskOptions) => runCheck(diskCheck(options));

describe('a disk check', () => {
  it('passes with enough space, and reports the free space', async () => {
    const outcome = await run({ path: folder, minFreePercent: 0, minFreeInodesPercent: 0 });
    expect(outcome).toMatchObject({ status: 'pass', observedUnit: { bytes: 'bytes', space: '%', inodes: '%' } });
    const { bfree, bavail, blocks } = statfsSync(folder);
    const { space } = outcome.observedValue as { space: number };
    expect(space).toBeCloseTo((bavail / (blocks - bfree + bavail)) * 100, -1);
  });

  it('fails if less space is free than required, in bytes', async () => {
    const path = folder;
    expect(await run({ path, minFree: 1024 ** 5 })).toMatchObject({
      status: 'fail',
      reason: 'threshold',
      observedValue: { bytes: expect.any(Number) },
    });
  });

  itOnTmpfs('fails on a full file system, and passes when there is space again', async () => {
    const file = join(folder, 'full');
    try {
      writeFileSync(file, Buffer.alloc(2 * 1024 ** 2));
    } catch (error) {
      expect((error as NodeJS.ErrnoException).code).toBe('ENOSPC');
    }
    expect(await run({ path: folder })).toMatchObject({
      status: 'fail',
      reason: 'threshold',
      observedValue: { bytes: 0, space: 0 },
      output: `${folder}: 0 % of the space is free, minimum: 5 %`,
    });
    unlinkSync(file);
    expect(await run({ path: folder })).toMatchObject({ status: 'pass' });
  });

  itOnTmpfs('fails on a file system without a free inode, and passes when there is one again', async () => {
    const files: string[] = [];
    try {
      for (;;) {
        const file = join(folder, String(files.length));
        writeFileSync(file, '');
        files.push(file);
      }
    } catch (error) {
      expect((error as NodeJS.ErrnoException).code).toBe('ENOSPC');
    }
    expect(await run({ path: folder })).toMatchObject({
      status: 'fail',
      reason: 'threshold',
      observedValue: { inodes: 0 },
      output: `${folder}: 0 % of the inodes are free, minimum: 5 %`,
    });
    expect(await run({ path: folder, minFreeInodesPercent: 0 })).toMatchObject({ status: 'pass' });
    for (const file of files) unlinkSync(file);
    expect(await run({ path: folder })).toMatchObject({ status: 'pass' });
  });

  it('reports a path that no longer exists', async () => {
    const path = join(folder, 'gone');
    expect(await run({ path })).toMatchObject({
      status: 'fail',
      reason: 'unreachable',
      output: `${path} does not exist (ENOENT)`,
    });
  });

  itOnSilent('ends at its timeout on a file system that hangs, and uses one thread in any number of runs', async () => {
    const check = diskCheck({ path: silent, timeout: 50 });
    // More runs than there are threads.
    for (let i = 0; i < 6; i++) expect(await runCheck(check)).toMatchObject({ status: 'fail', reason: 'timeout' });
    expect(await statfs('/')).toBeDefined();
    killServer();
    expect(await runCheck({ ...check, timeout: 5000 })).toMatchObject({
      status: 'fail',
      reason: 'unreachable',
      output: `${silent} cannot be accessed (ENOTCONN)`,
    });
  });

  it('passes on a file system that reports neither space nor inodes', async () => {
    expect(await run({ path: '/proc' })).toMatchObject({ status: 'pass', observedValue: { space: 100, inodes: 100 } });
  });

  it.each([
    [{}, /path is missing/],
    [{ path: '/', minFreePercent: 101 }, /minFreePercent is 101/],
    [{ path: '/', minFree: '1GiB' }, /minFree is "1GiB"/],
  ])('refuses %j', (options, why) => {
    expect(() => diskCheck(options as DiskOptions)).toThrow(why);
  });
});
