import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { type Damage, decodeHistory } from '../../../src/service/history-file/format.js';
import { compiledPackage } from '../../cli/compiled.js';
import { fastService } from './fast-service.js';

let folder: string;
let path: string;
const programs: ChildProcess[] = [];
const since = Date.now();

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'pongcheck-killed-'));
  path = join(folder, 'history');
});

afterEach(async () => {
  for (const program of programs.splice(0)) await kill(program);
  rmSync(folder, { recursive: true });
});

async function kill(program: ChildProcess): Promise<void> {
  if (program.exitCode !== null || program.signalCode !== null) return;
  program.kill('SIGKILL');
  await once(program, 'exit');
}

/** Starts a service, and kills it when it has this number of slots. Returns its warnings. */
async function runUntil(slots: number): Promise<string[]> {
  const program = spawn(process.execPath, fastService(path, since), {
    cwd: compiledPackage(),
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  programs.push(program);
  const warnings: string[] = [];
  for await (const line of createInterface({ input: program.stdout })) {
    const { msg, text, count } = JSON.parse(line);
    if (msg === 'warning') warnings.push(text);
    else if (count >= slots) break;
  }
  await kill(program);
  return warnings;
}

/** The first minute in the file, and the damage of the file. */
function readFirst(): { first: number; damage: Damage | undefined } {
  const decoding = decodeHistory(readFileSync(path));
  let first = Number.POSITIVE_INFINITY;
  for (;;) {
    const { done, value } = decoding.next();
    if (done) return { first, damage: value };
    first = Math.min(first, value.minute);
  }
}

describe('after kill -9', () => {
  test('the next process owns the file immediately, and keeps the slots of the previous ones', async () => {
    expect(await runUntil(5)).toEqual([]);
    const { first } = readFirst();
    for (const slots of [10, 15, 20]) {
      expect(await runUntil(slots)).toEqual([]);
      const found = readFirst();
      expect(found.first).toBe(first);
      expect([undefined, 'torn']).toContain(found.damage);
    }
  });
});
