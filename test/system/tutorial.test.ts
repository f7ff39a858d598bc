import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from '@jest/globals';
import { readRoot } from '../readme/markdown.js';
import { commandsOf, pattern, type Shown } from './console.js';
import { type Host, Network } from './network.js';
import { now, type Program, passUntil } from './program.js';
import { Trial } from './trial.js';

/** Longest wait until a command or program prints what the page shows, in milliseconds. */
const PATIENCE_MS = 30_000;
/** Longest run of one command, in milliseconds. npm may have to download packages. */
const COMMAND_MS = 90_000;

const page = readRoot('docs/tutorial.md');
const folder = mkdtempSync(join(tmpdir(), 'pongcheck-tutorial-'));
const trial = new Trial();
/** A separate network namespace, where the ports of the page are free. */
const machine = trial.network(new Network(1)).hosts[0] as Host;
const env = { ...process.env, SHOP: folder, NO_COLOR: '1', npm_config_prefer_offline: 'true' };
const programs = new Map<string, Program>();
/** Number of output lines of each program that have been found on the page. */
const found = new Map<string, number>();
/** Working directory of the reader's shell, which the first commands change. */
let cwd = process.cwd();

/** The reader's steps, in the order of the page: `<!-- KIND: NAME -->`, a code block, or both. */
const steps = [...page.matchAll(/(?:^<!-- ([\w-]+)(?:: (\S+))? -->\n)?(?:^```(\w+)\n([^]*?)^```$)?/gm)]
  .filter(([text]) => text !== '')
  .map(([, kind, name = '', language, text = '']) => ({ kind: kind ?? language, name, text }));

const actions: Readonly<Record<string, (name: string, text: string) => Promise<void> | void>> = {
  packages: (_name, text) => {
    // `npm run test:system` has installed these packages.
    const names = text.trim().split(' ').slice(4);
    expect(names.filter((name) => !readRoot('scripts/system.js').includes(`'${name}'`))).toEqual([]);
  },
  file: (name, text) => writeFileSync(join(cwd, name), text),
  terminal: (name, text) => {
    const [{ command }] = commandsOf(text) as [Shown];
    const within = [...machine.within, 'env', '-C', cwd];
    programs.set(name, trial.program(['bash', '-c', command], { within, env }));
    found.set(name, 0);
  },
  console: async (_name, text) => {
    for (const shown of commandsOf(text)) await prints(shown);
  },
  prints: (name, text) => eventually(() => printed(name, text)),
  'ctrl-c': (name) => program(name).signal('SIGINT'),
};

function program(name: string): Program {
  return programs.get(name) as Program;
}

/** Throws unless a program has printed these lines, in this order, after the previous ones. */
function printed(name: string, text: string): void {
  const lines = program(name).said.map(({ event }) => event);
  let from = found.get(name) as number;
  for (const line of text.trim().split('\n')) {
    expect(lines.slice(from)).toContain(line);
    from = lines.indexOf(line, from) + 1;
  }
  found.set(name, from);
}

/** Runs a command once, or again if it does not print yet what the page shows, as when a server is starting. */
async function prints({ command, output }: Shown): Promise<void> {
  await eventually(() => {
    const { status, text } = run(command);
    expect(`$ ${command}\n${text}`).toMatch(pattern(`$ ${command}\n${output}`));
    expect(status).toBe(0);
  });
}

function run(command: string): { status: number | null; text: string } {
  // The shell continues in the directory in which the command ends. npm may need the network, which the namespace does
  // not have.
  const where = join(folder, 'pwd');
  const script = `${command}\nstatus=$?; pwd > '${where}'; exit $status`;
  const words = [...(command.startsWith('npm ') ? [] : machine.within), 'bash', '-o', 'pipefail', '-c', script];
  const [first = '', ...rest] = words;
  const { status, stdout, stderr } = spawnSync(first, rest, { encoding: 'utf8', cwd, env, timeout: COMMAND_MS });
  if (existsSync(where)) cwd = readFileSync(where, 'utf8').trim();
  return { status, text: stdout + stderr };
}

async function eventually(attempt: () => void): Promise<void> {
  const deadline = now() + PATIENCE_MS;
  for (;;) {
    try {
      return attempt();
    } catch (error) {
      if (now() > deadline) throw error;
    }
    await passUntil(now() + 200);
  }
}

afterAll(async () => {
  await trial.close();
  rmSync(folder, { recursive: true, force: true });
});

describe('the tutorial', () => {
  it('has no block without a test', () => {
    expect(steps.map(({ kind }) => kind).filter((kind) => !Object.hasOwn(actions, kind as string))).toEqual([]);
    expect(steps.filter(({ text }) => text !== '')).toHaveLength((page.match(/^```\w/gm) ?? []).length);
  });

  it('works from its first command to its last', async () => {
    for (const { kind, name, text } of steps) await actions[kind as string]?.(name, text);
    expect(await program('service').exit()).toBe(0);
  }, 300_000);
});
