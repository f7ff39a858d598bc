import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';

const root = fileURLToPath(new URL('../..', import.meta.url));

const refused: [string, string][] = [
  ['src/clock.ts', './wire/codes.js'],
  ['src/wire/a.ts', '../health/check.js'],
  ['src/wire/b.ts', 'node:net'],
  ['src/health/a.ts', '../wire/codes.js'],
  ['src/health/b.ts', '../link/limit.js'],
  ['src/link/a.ts', '../server/server.js'],
  ['src/link/b.ts', '../client/connect.js'],
  ['src/client/a.ts', '../server/server.js'],
  ['src/client/b.ts', 'pino'],
  ['src/server/a.ts', '../client/connect.js'],
  ['src/server/b.ts', '../metrics/metrics.js'],
  ['src/checks/a.ts', '../http/plugin.js'],
  ['src/checks/b.ts', '../config/read.js'],
  ['src/http/a.ts', '../service.js'],
  ['src/config/a.ts', '../cli/serve.js'],
];

const allowed: [string, string][] = [
  ['src/link/y.ts', '../wire/codes.js'],
  ['src/server/y.ts', '../link/limit.js'],
  ['src/checks/y.ts', '../client/connect.js'],
  ['src/http/y.ts', 'fastify'],
  ['src/config/y.ts', '../checks/catalog.js'],
];

describe('the linter holds the floors', () => {
  const folder = mkdtempSync(join(tmpdir(), 'pongcheck-floors-'));
  let said: string;

  beforeAll(() => {
    const settings = JSON.parse(readFileSync(join(root, 'biome.json'), 'utf8'));
    delete settings.vcs;
    delete settings.$schema;
    writeFileSync(join(folder, 'biome.json'), JSON.stringify(settings));
    for (const [where, what] of [...refused, ...allowed]) {
      mkdirSync(join(folder, dirname(where)), { recursive: true });
      writeFileSync(join(folder, where), `import { thing } from '${what}';\n\nexport { thing };\n`);
    }
    cpSync(join(root, 'tsconfig.json'), join(folder, 'tsconfig.json'));
    const biome = join(root, 'node_modules', '@biomejs', 'biome', 'bin', 'biome');
    const { stdout, stderr } = spawnSync(process.execPath, [biome, 'lint', '--max-diagnostics=none'], {
      cwd: folder,
      encoding: 'utf8',
    });
    said = stdout + stderr;
  });

  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  const refusedAt = (where: string) => new RegExp(`${where}:1:\\S* lint/style/noRestrictedImports`);

  it.each(refused)('%s may not import %s', (where, _what) => {
    expect(said).toMatch(refusedAt(where));
  });

  it.each(allowed)('%s may import %s', (where, _what) => {
    expect(said).not.toMatch(refusedAt(where));
  });
});
