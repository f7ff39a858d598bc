import { readFileSync } from 'node:fs';
import { afterEach, describe, expect, it } from '@jest/globals';
import { Command } from './command.js';

const ANY = { PONGCHECK_LISTEN: 'pong://127.0.0.1:0', PONGCHECK_HTTP: '127.0.0.1:0', PONGCHECK_DRAIN_DELAY: '0' };

let command: Command;
afterEach(async () => {
  await command.kill('SIGKILL');
});

/** Resolves when the process has a handler for SIGHUP. After that, no signal may end it unexpectedly. */
async function handlesSignals(pid: number): Promise<void> {
  for (;;) {
    const caught = /^SigCgt:\s*([0-9a-f]+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? '0';
    if (BigInt(`0x${caught}`) & 1n) return;
    await new Promise((resolve) => setImmediate(resolve));
  }
}

async function early(): Promise<Command> {
  command = new Command(['serve'], { env: ANY });
  await handlesSignals(command.process.pid as number);
  return command;
}

describe('a signal while serve is loading', () => {
  it.each(['SIGTERM', 'SIGINT'] as const)('ends it with 0, before anything is opened: %s', async (signal) => {
    const { code, stdout, stderr } = await (await early()).kill(signal);
    expect({ code, stdout, stderr }).toEqual({ code: 0, stdout: '', stderr: '' });
  });

  it('does not end it if it is SIGHUP', async () => {
    await early();
    for (let i = 0; i < 20; i++) command.process.kill('SIGHUP');
    await command.says(/"msg":"no checks configured/);
    expect(await command.kill('SIGINT')).toMatchObject({ code: 0, signal: null });
  });
});
