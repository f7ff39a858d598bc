import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';

const root = fileURLToPath(new URL('../..', import.meta.url));

/** From below; those of one floor never meet. */
const floors = [
  ['errors', 'clock', 'histogram'],
  ['wire/', 'health/'],
  ['link/'],
  ['options/'],
  ['client/', 'server/'],
  ['checks/', 'metrics/', 'probe/'],
  ['http/'],
  ['config/', 'service'],
  ['cli/', 'index', 'client'],
];
const places = floors.flat();
const floorOf = (place: string) => floors.findIndex((floor) => floor.includes(place));
/** The two that put everything together are free. */
const fenced = places.filter((place) => !['cli/', 'index'].includes(place));

/** Who may load what that is not the project's own. */
const foreign: Record<string, (place: string) => boolean> = {
  'node:net': (place) => floorOf(place) >= 2 && !['client', 'options/'].includes(place),
  'node:timers/promises': (place) => floorOf(place) >= 2 && !['client', 'options/'].includes(place),
  net: () => false,
  fastify: (place) => ['http/', 'service'].includes(place),
  ioredis: (place) => place === 'checks/',
  'mysql2/promise': (place) => place === 'checks/',
  'net-keepalive': (place) => place === 'link/',
  pino: () => false,
  'prom-client': (place) => ['metrics/', 'probe/', 'http/', 'service'].includes(place),
  yaml: (place) => place === 'config/',
  '@any/other': () => false,
};

const fileOf = (place: string) => `src/${place.endsWith('/') ? `${place}planted` : place}.ts`;
/** How a file of `from` names one of `to`. */
const named = (from: string, to: string) =>
  `${from.endsWith('/') ? '..' : '.'}/${to.endsWith('/') ? `${to}planted` : to}.js`;

function mayImport(from: string, to: string): boolean {
  if (from === 'wire/' && to === 'clock') return false;
  if (from === 'options/') return ['errors', 'health/', 'link/'].includes(to);
  if (from === 'client') return ['errors', 'wire/', 'health/', 'link/', 'client/'].includes(to);
  return floorOf(to) < floorOf(from);
}

/** What is planted in a place, and whether it may stand there. */
function planted(from: string): [what: string, allowed: boolean][] {
  return [
    ...places.filter((to) => to !== from).map((to): [string, boolean] => [named(from, to), mayImport(from, to)]),
    ...Object.entries(foreign).map(([name, may]): [string, boolean] => [name, may(from)]),
  ];
}

const otherWays = [
  "export { thing } from '../health/any.js';",
  "export * from '../health/any.js';",
  "import type { Thing } from '../health/any.js';",
  "export const thing = await import('../health/any.js');",
  "import './../health/any.js';",
  "import './deep/../../health/any.js';",
];

describe('the linter holds the floors', () => {
  const folder = mkdtempSync(join(tmpdir(), 'pongcheck-floors-'));
  /** `file:line` of what is refused. */
  let refused: Set<string>;

  beforeAll(() => {
    const { vcs: _ignored, ...settings } = JSON.parse(readFileSync(join(root, 'biome.json'), 'utf8'));
    write('biome.json', [JSON.stringify(settings)]);
    for (const place of fenced) {
      write(
        fileOf(place),
        planted(place).map(([what]) => `import '${what}';`),
      );
    }
    write('src/wire/other-ways.ts', otherWays);
    write('src/attic/any.ts', ["import './other.js';"]);
    write('src/attic.ts', ["import './errors.js';"]);
    refused = lint();
  });

  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  function write(name: string, lines: string[]): void {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), `${lines.join('\n')}\n`);
  }

  function lint(): Set<string> {
    const biome = join(root, 'node_modules', '@biomejs', 'biome', 'bin', 'biome');
    const { stdout } = spawnSync(
      process.execPath,
      [biome, 'lint', '--reporter=json', '--max-diagnostics=none', '--only=style/noRestrictedImports', 'src'],
      { cwd: folder, encoding: 'utf8' },
    );
    const { diagnostics } = JSON.parse(stdout) as { diagnostics: { location: { path: string; start: Position } }[] };
    return new Set(diagnostics.map(({ location }) => `${location.path}:${location.start.line}`));
  }

  it.each(fenced)('%s imports only what stands below it', (place) => {
    const trials = planted(place);
    expect(trials.filter((_, index) => refused.has(`${fileOf(place)}:${index + 1}`)).map(([what]) => what)).toEqual(
      trials.filter(([, allowed]) => !allowed).map(([what]) => what),
    );
  });

  it('however an import is written', () => {
    const caught = otherWays.filter((_, index) => refused.has(`src/wire/other-ways.ts:${index + 1}`));
    expect(caught).toEqual(otherWays);
  });

  it('and lets nothing into a place that has no floor yet', () => {
    expect([...refused]).toEqual(expect.arrayContaining(['src/attic/any.ts:1', 'src/attic.ts:1']));
  });
});

interface Position {
  line: number;
}
