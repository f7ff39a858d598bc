import { existsSync, mkdtempSync, rmSync, statSync, unlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { compiledPackage } from '../cli/compiled.js';
import { fastService } from '../service/history-file/fast-service.js';
import type { Program } from './program.js';
import { Trial } from './trial.js';

const trial = new Trial();
let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'pongcheck-history-'));
});
afterEach(async () => {
  await trial.close();
  rmSync(folder, { recursive: true });
});

const since = Date.now();

/** A service that keeps its history in `file`, in its own namespaces. Shell commands in `before` run first. */
function serviceIn(namespaces: readonly string[], file: string, before = ''): Program {
  const shell = `${before} cd '${compiledPackage()}' && exec "$@"`;
  return trial.program([
    'unshare',
    ...namespaces,
    'sh',
    '-c',
    shell,
    'sh',
    process.execPath,
    ...fastService(file, since),
  ]);
}

/** Resolves when the service has at least this number of slots. */
const hasSlots = (program: Program, least: number) =>
  program.says(({ event, count }) => event === 'slots' && count >= least);

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 20));
}

describe('history.file', () => {
  it('on a full disk: one warning, and it is written again when there is space', async () => {
    const program = serviceIn(['--mount'], '/mnt/history', 'mount -t tmpfs -o size=256k none /mnt && echo mounted &&');
    await program.says('mounted');
    const disk = `/proc/${program.pid}/root/mnt`;
    await until(() => existsSync(`${disk}/history`));
    try {
      writeFileSync(`${disk}/filler`, Buffer.alloc(1024 * 1024));
    } catch (error) {
      expect((error as NodeJS.ErrnoException).code).toBe('ENOSPC');
    }
    await program.says('warning');
    await hasSlots(program, 15);
    unlinkSync(`${disk}/filler`);
    const { mtimeMs } = statSync(`${disk}/history`);
    await until(() => statSync(`${disk}/history`).mtimeMs > mtimeMs);
    await hasSlots(program, 20);
    expect(program.all('warning').map(({ text }) => text)).toEqual([expect.stringContaining('ENOSPC')]);
  });

  it('of two containers, in both of which the service is process 1, belongs to one, and to the other after kill -9', async () => {
    const file = join(folder, 'history');
    const namespaces = ['--pid', '--fork', '--kill-child', '--mount-proc', '--uts', '--net'];
    const first = serviceIn(namespaces, file);
    await hasSlots(first, 5);
    const second = serviceIn(namespaces, file);
    await second.says('warning');
    const before = statSync(file).ino;
    await hasSlots(second, 5);
    expect(statSync(file).ino).toBe(before);
    await first.kill();
    await until(() => statSync(file).ino !== before);
    expect(first.all('warning')).toEqual([]);
    expect(second.all('warning').map(({ text }) => text)).toEqual([
      expect.stringContaining('history.owner: another process is listening on it'),
    ]);
  });
});
