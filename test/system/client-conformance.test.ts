import { copyFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from '@jest/globals';
import { playClient } from '../../src/cli/conformance/client/play.js';
import { playAll } from '../../src/cli/conformance/client/run.js';
import { type ClientDialogue, readDialogues } from '../../src/cli/conformance/client/vector.js';
import type { Outcome } from '../../src/cli/conformance/play.js';
import { pongcheck } from '../cli/command.js';
import { compiledPackage } from '../cli/compiled.js';
import { readRoot, rootUrl } from '../readme/markdown.js';

const dialogues = readDialogues();
const clients = fileURLToPath(rootUrl('protocol/clients'));
const tinyClient = `${process.execPath} ${fileURLToPath(rootUrl('test/system/tiny-client.js'))} {address}`;
const pythonClient = `python3 -B ${clients}/adapter.py {address}`;
/** Timeout of a step, in milliseconds. Long, because a process may start late on a busy machine. */
const ON_A_BUSY_MACHINE = 20_000;
/** For a client that is known to fail. */
const BRIEF = 2000;

/** The command for this package's compiled client. */
function ownClient(): string {
  const copy = join(compiledPackage(), 'adapter.js');
  copyFileSync(join(clients, 'adapter.js'), copy);
  return `${process.execPath} ${copy} {address}`;
}

function reasons(outcomes: readonly Outcome[]): string[] {
  return outcomes
    .filter(({ verdict }) => verdict !== 'ok')
    .map(({ session, verdict, why }) => `${session.name}: ${verdict}, ${why}`);
}

/** The first dialogue of a rule in which the client fails. */
async function firstFailure(rule: string, command: string): Promise<Outcome | undefined> {
  const left = dialogues.filter(({ rules }) => rules.includes(rule));
  let found: Outcome | undefined;
  const work = async () => {
    for (let next = left.shift(); next && !found; next = left.shift()) {
      const outcome = await playClient(next as ClientDialogue, command, BRIEF);
      if (outcome.verdict !== 'ok') found ??= outcome;
    }
  };
  await Promise.all([work(), work(), work(), work()]);
  return found;
}

/** The mistakes that the tiny client can make, with the rule and the verdict. */
const mistakes = [
  ['M1', 'hint-in-ping', 'failed'],
  ['M2', 'zero-id', 'failed'],
  ['M3', 'one-segment', 'failed'],
  ['M4', 'hello-code', 'failed'],
  ['M5', 'no-hints', 'failed'],
  ['M6', 'unknown-key', 'failed'],
  ['M9', 'any-body', 'failed'],
  ['M9', 'error-body', 'failed'],
  ['M10', 'unknown-healthy', 'failed'],
  ['M10', 'by-size', 'failed'],
  ['M21', 'no-pong', 'failed'],
  ['M24', 'late-pong', 'failed'],
  ['M24', 'any-pong', 'failed'],
  ['M26', 'wrong-status', 'failed'],
  ['M41', 'ignores-fatal', 'failed'],
  ['M41', 'all-fatal', 'failed'],
  ['M46', 'any-version', 'failed'],
  ['M46', 'no-skip', 'failed'],
  ['M46', 'any-flag', 'failed'],
  ['M46', 'no-place', 'failed'],
  ['M46', 'any-length', 'failed'],
  ['M46', 'type-first', 'failed'],
  ['M46', 'not-fatal', 'failed'],
  ['M58', 'two-pings', 'failed'],
  ['M58', 'never-dead', 'failed'],
  ['M58', 'early-dead', 'failed'],
  ['M58', 'no-error-13', 'not strict'],
  ['M85', 'returns-at-once', 'failed'],
  ['M85', 'no-other', 'failed'],
  ['M85', 'first-goaway', 'failed'],
  ['M86', 'only-draining', 'failed'],
  ['M88', 'tight-loop', 'failed'],
] as const;

describe('the dialogues with a client', () => {
  it('have unique names', () => {
    expect(new Set(dialogues.map(({ name }) => name)).size).toBe(dialogues.length);
  });

  it('detect a mistake in each rule that binds a client', () => {
    const rules = [...readRoot('protocol/SPEC.md').matchAll(/^\*\*(M\d+)\*\* \((?:client|both)\)/gm)].map(([, m]) => m);
    expect(rules.length).toBeGreaterThan(12);
    const shown = new Set<string>(mistakes.map(([rule]) => rule));
    expect(rules.filter((rule) => !shown.has(rule as string))).toEqual([]);
  });

  it('pass with the client of this package', async () => {
    expect(reasons(await playAll(dialogues, ownClient(), ON_A_BUSY_MACHINE))).toEqual([]);
  }, 120_000);

  it('pass with the Python client', async () => {
    expect(reasons(await playAll(dialogues, pythonClient, ON_A_BUSY_MACHINE))).toEqual([]);
  }, 120_000);

  it('pass with a client that was written for this test', async () => {
    expect(reasons(await playAll(dialogues, tinyClient, ON_A_BUSY_MACHINE))).toEqual([]);
  }, 120_000);

  it('detect each of these mistakes', async () => {
    const found: string[] = [];
    const left = [...mistakes];
    const work = async () => {
      for (let next = left.shift(); next; next = left.shift()) {
        const [rule, mistake] = next;
        const outcome = await firstFailure(rule, `${tinyClient} ${mistake}`);
        found.push(`${rule} ${mistake}: ${outcome?.verdict ?? 'nothing found'}`);
      }
    };
    await Promise.all([work(), work(), work(), work()]);
    expect(found.sort()).toEqual(mistakes.map(([rule, mistake, verdict]) => `${rule} ${mistake}: ${verdict}`).sort());
  }, 120_000);
});

describe('pongcheck conformance --client', () => {
  it('prints the result for each rule', async () => {
    const { code, stdout } = await pongcheck(['conformance', '--json', '--rule', 'M10', '--client', pythonClient]);
    const { rules, sessions } = JSON.parse(stdout);
    expect(code).toBe(0);
    expect(rules.M10).toBe('ok');
    expect(sessions.length).toBeGreaterThan(5);
  });

  it('exits with 1 if a rule is not met', async () => {
    const command = `${tinyClient} unknown-healthy`;
    const { code, stdout } = await pongcheck(['conformance', '--rule', 'M10', '--client', command]);
    expect(code).toBe(1);
    expect(stdout).toContain('an unknown status counts as unknown: expected the event');
  });

  it.each([
    ['ends', 'echo no client here >&2; exit 3 # {address}', 'the command ended with 3: no client here'],
    ['does not exist', '/nonexistent/client {address}', 'the command ended with 127'],
    [
      'writes text',
      'echo hello {address}; cat',
      'the command wrote a line that is not a JSON object: hello 127.0.0.1:',
    ],
  ])('reports a command that %s, immediately', async (_what, command, why) => {
    const [dialogue] = dialogues.filter(({ rules }) => rules.includes('M10')) as [ClientDialogue];
    const outcome = await playClient(dialogue, command, 2 ** 30);
    expect(outcome).toMatchObject({ verdict: 'failed', why: expect.stringContaining(why) });
  });

  it.each([
    [['--client', 'client'], '--client is "client"; allowed: a command with {address}'],
    [['--client', 'client {address}', '127.0.0.1:1'], 'an address and --client are mutually exclusive'],
    [['--client', 'client {address}', '--with', '{}'], '--with and --client are mutually exclusive'],
    [['--client', 'client {address}', '--rule', 'M12'], '--rule is M12; allowed: a rule that has a dialogue'],
  ])('refuses %j', async (args, why) => {
    const { code, stderr } = await pongcheck(['conformance', ...args]);
    expect(code).toBe(64);
    expect(stderr).toContain(why);
  });
});
