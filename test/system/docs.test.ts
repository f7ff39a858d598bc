import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { compiledPackage } from '../cli/compiled.js';
import { commandsOf, pattern, type Shown } from './console.js';
import { type Host, Network } from './network.js';
import type { Program } from './program.js';
import { Trial } from './trial.js';

interface ShownOn extends Shown {
  page: string;
  scene: string;
}

/** All commands in the `console` blocks of a page, with their output as shown on the page. */
function shown(page: string): ShownOn[] {
  const text = readFileSync(join('docs', page), 'utf8');
  const blocks = [...text.matchAll(/(?:<!-- scene: (\w+) -->\n)?```console\n([^]*?)```/g)];
  return blocks.flatMap(([, scene = 'well', block = '']) =>
    commandsOf(block).map((command) => ({ page, scene, ...command })),
  );
}

/** The programs in `embed.md`, each with its output. */
const programs = [
  ...readFileSync(join('docs', 'embed.md'), 'utf8').matchAll(/<!-- run: (.*) -->\n```ts\n([^]*?)```/g),
].map(([, output = '', text = '']) => [output, text] as const);

/** The commands of the tutorial have a separate test. */
const everything = readdirSync('docs')
  .filter((page) => page.endsWith('.md') && page !== 'tutorial.md')
  .flatMap(shown);
const trial = new Trial();
const folder = mkdtempSync(join(tmpdir(), 'pongcheck-docs-'));
/** A separate network namespace, where the ports of the pages are free. */
let machine: Host;
let redis: Program;

function run(command: string): string {
  const [first = '', ...rest] = [...machine.within, 'bash', '-o', 'pipefail', '-c', command];
  const env = { ...process.env, PATH: `${folder}:${process.env.PATH}`, NO_COLOR: '1' };
  const { stdout, stderr } = spawnSync(first, rest, { encoding: 'utf8', cwd: folder, env, timeout: 20_000 });
  return stdout + stderr;
}

function program(command: string, ...args: string[]): Program {
  return trial.program([command, ...args], { within: machine.within });
}

/** Waits until the responder answers in line mode with this status. */
async function until(word: string): Promise<void> {
  while (!run('echo ping | nc -q1 127.0.0.1 7464').startsWith(`pong ${word}`));
}

/** Compiler errors in a program, with strict options. */
function typeFaults(text: string): string {
  const modules = join(process.cwd(), 'node_modules');
  writeFileSync(join(folder, 'program.mts'), text);
  const strict = '--strict --noUncheckedIndexedAccess --exactOptionalPropertyTypes --module nodenext --target es2023';
  return run(
    `${process.execPath} ${join(modules, 'typescript', 'bin', 'tsc')} ${strict} --noEmit --types node --typeRoots ${join(modules, '@types')} program.mts`,
  );
}

beforeAll(async () => {
  machine = trial.network(new Network(1)).hosts[0] as Host;
  const cli = join(compiledPackage(), 'dist', 'cli.js');
  writeFileSync(join(folder, 'pongcheck'), `#!/bin/sh\nexec ${process.execPath} ${cli} "$@"\n`);
  chmodSync(join(folder, 'pongcheck'), 0o755);
  mkdirSync(join(folder, 'node_modules'));
  symlinkSync(compiledPackage(), join(folder, 'node_modules', 'pongcheck'));
  writeFileSync(join(folder, 'own.js'), 'export default async () => true;\n');
  writeFileSync(
    join(folder, 'shop.yml'),
    `serviceId: shop
checks:
  cache: { kind: redis, url: "redis://127.0.0.1:6379", interval: 200ms }
  own: { kind: module, path: own.js, interval: 200ms }
`,
  );
  writeFileSync(
    join(folder, 'prober.yml'),
    `listen: []
http: { port: 7665 }
probe: { targets: ["127.0.0.1:*"], modules: { ready: { prober: pongcheck, timeout: 2s } } }
`,
  );
  redis = program('redis-server', '--port', '6379', '--save', '', '--dir', folder);
  for (const config of ['shop.yml', 'prober.yml']) {
    await program(process.execPath, cli, 'serve', '--config', join(folder, config)).says(/^HTTP: /);
  }
  await until('pass');
}, 60_000);

afterAll(async () => {
  await trial.close();
  rmSync(folder, { recursive: true, force: true });
});

describe('the commands in docs/', () => {
  it('are on these pages, and on no other', () => {
    expect([...new Set(everything.map(({ page }) => page))]).toEqual(['run.md', 'scrape.md', 'write-a-client.md']);
  });

  it.each(everything.filter(({ scene }) => scene !== 'broken'))('$page: $command', ({ command, output }) => {
    expect(run(command)).toMatch(pattern(output));
  });

  it.each(programs)('embed.md: a program that prints %s', (output, text) => {
    writeFileSync(join(folder, 'program.mjs'), text);
    expect(run(`${process.execPath} program.mjs`)).toMatch(pattern(output));
    expect(typeFaults(text)).toBe('');
  });

  it('print what the pages show while Redis is down', async () => {
    await redis.kill();
    await until('fail');
    for (const { command, output } of everything.filter(({ scene }) => scene === 'broken')) {
      expect(run(command)).toMatch(pattern(output));
    }
  }, 60_000);
});
