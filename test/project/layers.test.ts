import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';

const root = fileURLToPath(new URL('../..', import.meta.url));

/** From bottom to top. Folders in the same layer never import each other. */
const layers = [
  ['common/'],
  ['wire/', 'health/'],
  ['net/', 'liveness/'],
  ['options/'],
  ['client/', 'server/'],
  ['grpc/'],
  ['checks/', 'metrics/', 'exporter/', 'threads/', 'peers/', 'fleet/'],
  ['http/'],
  ['config/', 'service/'],
  ['cli/', 'index', 'client'],
];
const places = layers.flat();
const layerOf = (place: string) => layers.findIndex((layer) => layer.includes(place));
/** The two places that assemble everything are not restricted. */
const fenced = places.filter((place) => !['cli/', 'index'].includes(place));

/** Packages and Node modules, and the places that may import them. */
const foreign: Record<string, (place: string) => boolean> = {
  'node:net': (place) => layerOf(place) >= 2 && !['client', 'options/'].includes(place),
  'node:timers/promises': (place) => layerOf(place) >= 2 && !['client', 'options/'].includes(place),
  net: () => false,
  '@grpc/grpc-js': (place) => place === 'grpc/',
  fastify: (place) => place === 'http/',
  ioredis: (place) => place === 'checks/',
  'mysql2/promise': (place) => place === 'checks/',
  'net-keepalive': (place) => place === 'net/',
  '@opentelemetry/api': (place) => place === 'service/',
  pg: (place) => place === 'checks/',
  pino: () => false,
  'prom-client': (place) => ['metrics/', 'exporter/', 'http/', 'service/'].includes(place),
  yaml: (place) => place === 'config/',
  '@any/other': () => false,
};

/** A file in the folder, and one in a subfolder. */
const filesOf = (place: string) =>
  place.endsWith('/') ? [`src/${place}planted.ts`, `src/${place}deep/planted.ts`] : [`src/${place}.ts`];
/** The import path from a file to a file in `to`. */
const named = (file: string, to: string) => {
  const up = '../'.repeat(file.split('/').length - 2) || './';
  return `${up}${to.endsWith('/') ? `${to}planted` : to}.js`;
};

/** The lower layers that a layer may import, if not all of them. */
const only: Record<string, readonly string[]> = {
  'wire/': [],
  'health/': ['common/'],
  'net/': ['common/'],
  'liveness/': ['common/', 'wire/'],
  'options/': ['common/', 'health/', 'net/'],
  'grpc/': ['common/', 'wire/', 'health/', 'net/', 'liveness/', 'options/', 'server/'],
  'peers/': ['common/', 'wire/', 'health/', 'net/', 'liveness/', 'options/', 'client/'],
  'fleet/': ['common/', 'wire/', 'health/', 'net/', 'liveness/', 'options/', 'client/'],
  'threads/': ['common/', 'wire/', 'health/', 'net/', 'liveness/', 'options/', 'server/', 'grpc/'],
  client: ['common/', 'wire/', 'health/', 'net/', 'liveness/', 'options/', 'client/'],
};

function mayImport(from: string, to: string): boolean {
  return only[from]?.includes(to) ?? layerOf(to) < layerOf(from);
}

/** Imports in a file of a place, and whether they are allowed. */
function planted(file: string, from: string): [what: string, allowed: boolean][] {
  return [
    ...places.filter((to) => to !== from).map((to): [string, boolean] => [named(file, to), mayImport(from, to)]),
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
const otherWaysBelow = [
  "import '../../health/any.js';",
  "import './../../health/any.js';",
  "import '../other/../../health/any.js';",
  "import './deep/../../../health/any.js';",
];

describe('the linter enforces the layers', () => {
  const folder = mkdtempSync(join(tmpdir(), 'pongcheck-layers-'));
  /** `file:line` of each refused import. */
  let refused: Set<string>;

  beforeAll(() => {
    const { vcs: _ignored, ...settings } = JSON.parse(readFileSync(join(root, 'biome.json'), 'utf8'));
    write('biome.json', [JSON.stringify(settings)]);
    for (const place of fenced) {
      for (const file of filesOf(place)) {
        write(
          file,
          planted(file, place).map(([what]) => `import '${what}';`),
        );
      }
    }
    write('src/wire/other-ways.ts', otherWays);
    write('src/wire/deep/other-ways.ts', otherWaysBelow);
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

  it.each(fenced)('%s imports only from lower layers', (place) => {
    for (const file of filesOf(place)) {
      const trials = planted(file, place);
      expect(trials.filter((_, index) => refused.has(`${file}:${index + 1}`)).map(([what]) => what)).toEqual(
        trials.filter(([, allowed]) => !allowed).map(([what]) => what),
      );
    }
  });

  it('allows imports from the same folder, including its subfolders', () => {
    write('src/server/deep/own.ts', ["import '../any.js';", "import '../other/any.js';", "import './any.js';"]);
    expect([...lint()].filter((place) => place.startsWith('src/server/deep/own.ts'))).toEqual([]);
  });

  it('in every form of import', () => {
    const caught = otherWays.filter((_, index) => refused.has(`src/wire/other-ways.ts:${index + 1}`));
    expect(caught).toEqual(otherWays);
    const below = otherWaysBelow.filter((_, index) => refused.has(`src/wire/deep/other-ways.ts:${index + 1}`));
    expect(below).toEqual(otherWaysBelow);
  });

  it('forbids imports of a folder without a layer', () => {
    expect([...refused]).toEqual(expect.arrayContaining(['src/attic/any.ts:1', 'src/attic.ts:1']));
  });

  it('forbids import cycles, also of types', () => {
    const { overrides } = JSON.parse(readFileSync(join(root, 'biome.json'), 'utf8'));
    const rules = overrides.map((override: any) => override.linter?.rules?.suspicious?.noImportCycles);
    expect(rules).toContainEqual({ level: 'error', options: { ignoreTypes: false } });
  });
});

interface Position {
  line: number;
}
