import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { readRoot } from '../readme/markdown.js';
import { recipeFolder, recipes } from '../readme/recipes.js';

const root = process.cwd();
const folder = mkdtempSync(join(tmpdir(), 'pongcheck-package-'));
let tarball: string;
let consumer: string;

function run(command: string, args: string[], cwd = folder): { status: number | null; output: string } {
  const { status, stdout, stderr } = spawnSync(command, args, { cwd, encoding: 'utf8' });
  return { status, output: stdout + stderr };
}

const tool = (...path: string[]) => join(root, 'node_modules', ...path);
/** TypeScript 5, and the current version. */
const compilers = { 5: tool('typescript-5', 'bin', 'tsc'), 7: tool('typescript', 'bin', 'tsc') };

/** Compiles a file with strict settings and the types of all packages. Returns the errors. */
function compile(compiler: string, file: string, settings: string): string {
  const args = `--noEmit --strict --exactOptionalPropertyTypes --target es2022 --types node ${settings} ${file}`;
  return run(process.execPath, [compiler, ...args.split(' ')], consumer).output;
}

beforeAll(() => {
  const packed = run('npm', ['pack', '--silent', '--pack-destination', folder], root);
  tarball = join(folder, readdirSync(folder).find((name) => name.endsWith('.tgz')) ?? packed.output);
  writeFileSync(join(folder, 'package.json'), '{ "private": true }');
  const options = ['--prefer-offline', '--no-audit', '--no-fund', '--silent'];
  expect(run('npm', ['install', ...options, tarball])).toEqual({ status: 0, output: '' });
  consumer = recipeFolder(join(folder, 'node_modules', 'pongcheck'));
}, 300_000);

afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
  if (consumer) rmSync(consumer, { recursive: true, force: true });
});

describe('the package created by npm pack', () => {
  it.each([
    ['5', 'cts', '--module commonjs --moduleResolution node10'],
    ['5', 'mts', '--module esnext --moduleResolution bundler'],
    ['5', 'cts', '--module node16'],
    ['5', 'mts', '--module node16'],
    ['5', 'cts', '--module nodenext'],
    ['5', 'mts', '--module nodenext'],
    ['7', 'mts', '--module esnext --moduleResolution bundler'],
    ['7', 'cts', '--module commonjs --moduleResolution bundler'],
    ['7', 'cts', '--module node16'],
    ['7', 'mts', '--module node16'],
    ['7', 'cts', '--module nodenext'],
    ['7', 'mts', '--module nodenext'],
  ] as const)('is typed for TypeScript %s in a .%s file with %s', (version, extension, settings) => {
    const file = `consumer.${extension}`;
    const text = readRoot('test/project/consumer.ts')
      .replace("'../../src/index.js'", "'pongcheck'")
      .replace("'../../src/client.js'", "'pongcheck/client'");
    writeFileSync(join(consumer, file), text);
    // Without the types, the errors that the file expects would be missing.
    expect(compile(compilers[version], file, settings)).toBe('');
  });

  it.each(Object.keys(recipes))('has types for the %s recipe in docs/embed.md', (name) => {
    writeFileSync(join(consumer, 'recipe.mts'), recipes[name] as string);
    expect(compile(compilers[5], 'recipe.mts', '--module nodenext --skipLibCheck')).toBe('');
  });

  it('has no problem that attw or publint detects', () => {
    const attw = run(process.execPath, [tool('@arethetypeswrong', 'cli', 'dist', 'index.js'), tarball]);
    expect(attw).toMatchObject({ status: 0, output: expect.stringContaining('No problems found') });
    const publint = run(process.execPath, [tool('publint', 'src', 'cli.js'), 'run', tarball, '--strict']);
    expect(publint).toMatchObject({ status: 0, output: expect.stringContaining('All good') });
  });
});
