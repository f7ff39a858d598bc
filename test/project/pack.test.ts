import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';

const root = fileURLToPath(new URL('../..', import.meta.url));
let folder: string;

function run(command: string, args: string[], cwd = folder): string {
  return execFileSync(command, args, { cwd, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
}

/** Every module that importing `entry` loads, as paths below the folder. */
function loadedBy(entry: string): string[] {
  const hooks = join(folder, 'hooks.mjs');
  writeFileSync(
    hooks,
    `import { appendFileSync } from 'node:fs';
export async function load(url, context, next) { appendFileSync(${JSON.stringify(join(folder, 'loaded'))}, url + '\\n'); return next(url, context); }`,
  );
  writeFileSync(join(folder, 'loaded'), '');
  run(process.execPath, [
    '--import',
    `data:text/javascript,import{register}from'node:module';register(${JSON.stringify(`file://${hooks}`)})`,
    '--input-type=module',
    '--eval',
    `await import(${JSON.stringify(entry)})`,
  ]);
  return readFileSync(join(folder, 'loaded'), 'utf8')
    .split('\n')
    .filter((url) => url.includes('node_modules'));
}

describe('what npm pack gives', () => {
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'pongcheck-pack-'));
    const tarball = run('npm', ['pack', '--ignore-scripts', '--silent', '--pack-destination', folder], root).trim();
    writeFileSync(join(folder, 'package.json'), '{ "private": true, "type": "module" }');
    run('npm', ['install', '--prefer-offline', '--no-audit', '--no-fund', '--silent', join(folder, tarball)]);
  }, 120_000);

  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  it('runs as a command', () => {
    const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
    expect(run('npx', ['--no-install', 'pongcheck', '--version'])).toContain(version);
  });

  it('carries the protocol, and neither sources nor tests', () => {
    const listed = run('npm', ['ls', '--all', '--parseable', '--depth=0']);
    expect(listed).toContain('pongcheck');
    const inside = run('find', ['node_modules/pongcheck', '-type', 'f']).split('\n');
    expect(inside).toContain('node_modules/pongcheck/protocol/vectors/README.md');
    expect(inside.filter((name) => /pongcheck\/(src|test|bench|scripts)\//.test(name))).toEqual([]);
  });

  it('has a client that loads nothing of anyone else', () => {
    const foreign = loadedBy('pongcheck/client').filter((url) => !url.includes('node_modules/pongcheck/'));
    expect(foreign).toEqual([]);
  });

  it('loads the drivers of databases and the web framework only for what uses them', () => {
    const loaded = loadedBy('pongcheck');
    expect(loaded.length).toBeGreaterThan(10);
    expect(loaded.filter((url) => /node_modules\/(mysql2|ioredis|fastify)\//.test(url))).toEqual([]);
  });

  it('gives TypeScript its types', () => {
    mkdirSync(join(folder, 'src'), { recursive: true });
    writeFileSync(
      join(folder, 'src', 'app.ts'),
      `import { createService } from 'pongcheck';
import { connect } from 'pongcheck/client';
const service = createService({ checks: { own: async (signal) => signal.aborted }, listen: [] });
await service.start();
const pong = await (await connect('127.0.0.1:7464')).ping({ detail: true });
const healthy: boolean = pong.healthy;
export { healthy };
`,
    );
    const tsc = join(root, 'node_modules', 'typescript', 'bin', 'tsc');
    run(process.execPath, [
      tsc,
      ...'--noEmit --strict --skipLibCheck --target es2022 --module nodenext --types node'.split(' '),
      '--typeRoots',
      join(root, 'node_modules', '@types'),
      'src/app.ts',
    ]);
  });
});
