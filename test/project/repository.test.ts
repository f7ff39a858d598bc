import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from '@jest/globals';

const root = fileURLToPath(new URL('../..', import.meta.url));
const files = execFileSync('git', ['ls-files', '--cached', '--others', '--exclude-standard'], {
  cwd: root,
  encoding: 'utf8',
})
  .split('\n')
  .filter((name) => /\.(ts|js|json|md|ya?ml|c|py)$|^\.(ci|npmrc|git)/.test(name));

/** The files whose name matches `where` and that contain `what`. */
function filesWith(what: RegExp, where: RegExp): string[] {
  return files.filter((name) => where.test(name) && what.test(readFileSync(join(root, name), 'utf8')));
}

describe('the repository', () => {
  it('has a lock file without a registry host', () => {
    const lock = readFileSync(join(root, 'package-lock.json'), 'utf8');
    expect(lock).not.toMatch(/"resolved":/);
    expect(lock).not.toMatch(/registry/);
  });

  it('handles signals and exits the process only in the command', () => {
    // The exec check kills its program's process group.
    expect(filesWith(/process\.(exit\(|exitCode|kill\((?!-)|on\(|once\()/, /^src\/(?!cli[/.])/)).toEqual([]);
  });

  it('writes to the console only in the command', () => {
    expect(filesWith(/\bconsole\.|process\.std(out|err)/, /^src\/(?!cli[/.])/)).toEqual([]);
  });

  it('measures ages and silences with the monotonic clock: the wall clock is read in one place', () => {
    expect(filesWith(/\bDate\.now\b|new Date\(\)/, /^src\/(?!common\/clock\.ts|cli[/.])/)).toEqual([]);
  });

  it('has no inline import type, which hides a crossed layer from the linter', () => {
    expect(filesWith(/(?<!await )\bimport\('\.[^)]*'\)\.|typeof import\('\./, /^src\//)).toEqual([]);
  });

  it('has a changelog with each section once per version, in the order of Keep a Changelog', () => {
    const changelog = readFileSync(join(root, 'CHANGELOG.md'), 'utf8');
    const order = ['Added', 'Changed', 'Deprecated', 'Removed', 'Fixed', 'Security'];
    for (const version of changelog.split(/^## /m).slice(1)) {
      const sections = [...version.matchAll(/^### (.*)$/gm)].map(([, name]) => name as string);
      expect(sections).toEqual(order.filter((name) => sections.includes(name)));
      const entries = [...version.matchAll(/^- .*$/gm)].map(([entry]) => entry);
      expect(entries).toEqual([...new Set(entries)]);
    }
  });

  it('contains no machine-specific path', () => {
    expect(filesWith(/(?<![\w.)}*\]])\/(home|Users|root|work|tmp)\/\w/, /./)).toEqual([]);
  });

  it('runs every test, or reports the missing requirement here', () => {
    // `itIfRoot = condition ? it : it.skip` does not match. Such a test is reported as skipped.
    const left = new RegExp(['^\\s*(it|test|describe)\\.', '(only|skip)\\b'].join(''), 'm');
    expect(filesWith(left, /^test\/.*\.test\.ts$/)).toEqual([]);
  });

  it('lets no test leave a handle open', () => {
    const forced = new RegExp(['force', 'Exit'].join(''));
    expect(filesWith(forced, /^(scripts|test|\.ci)\/|^package\.json$|^jest\./)).toEqual([]);
  });
});
