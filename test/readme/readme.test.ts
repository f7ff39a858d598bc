import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { checkKinds } from '../../src/checks/catalog.js';
import { errorCodes } from '../../src/common/errors.js';
import { readConfiguration } from '../../src/config/load.js';
import { probeMetrics } from '../../src/exporter/table.js';
import { reasons } from '../../src/health/reason.js';
import { probePaths } from '../../src/http/routes/kubernetes-probes.js';
import { metricRows } from '../../src/metrics/table.js';
import { optionRows } from '../../src/options/table.js';
import { anchorsOf, holdTables, ids, readRoot, rootUrl } from './markdown.js';
import { speed } from './speed.js';
import { commands, pages } from './tables.js';

// `UPDATE=1 npm test -- test/readme` regenerates the tables from the code.
for (const [page, tables] of Object.entries(pages)) holdTables(page, 'table', tables);
holdTables('README.md', 'bench', { speed });

/** Files mentioned in a page that do not exist, relative to the root or to `src`. `x.ts` is a placeholder. */
function missingFiles(text: string, atLeast: number): string[] {
  const names = [...text.matchAll(/`([\w/.-]+\/[\w.-]+\.(?:ts|js|json|md))`/g)].map(([, name]) => name as string);
  const real = names.filter((name) => !name.endsWith('/x.ts'));
  expect(real.length).toBeGreaterThan(atLeast);
  return real.filter((name) => !['', 'src/'].some((root) => existsSync(rootUrl(root + name))));
}

describe('docs/architecture.md', () => {
  const text = readRoot('docs/architecture.md');

  it('names files that exist', () => {
    expect(missingFiles(text, 4)).toEqual([]);
  });

  it('names methods that exist', () => {
    const methodsOf = (file: string) => [...readRoot(file).matchAll(/^ {2}(\w+)\(/gm)].map(([, name]) => name);
    const [, methods = ''] = /interface Health: ([a-z, A-Z]+?) *│/.exec(text) ?? [];
    expect(methodsOf('src/health/health.ts')).toEqual(expect.arrayContaining(methods.split(', ')));
    expect(text).toContain('`Connection.receive`');
    expect(methodsOf('src/server/connection/connection.ts')).toContain('receive');
  });

  it('lists each folder of src in its table of layers, and draws only folders that exist', () => {
    const layers = [...text.matchAll(/^\| \d \| ([^|]+) \|/gm)].map(([, cell]) => cell as string);
    const folders = layers.flatMap((cell) => [...cell.matchAll(/`([^`]+)`/g)].map(([, name]) => name as string));
    expect(folders.sort()).toEqual(
      readdirSync(rootUrl('src'))
        .sort()
        .filter((name) => !/^cli\.c?ts$/.test(name)),
    );
    const drawn = [...text.matchAll(/^ │ {1,3}([a-z]+)\/ /gm)].map(([, name]) => name as string);
    expect(drawn.length).toBeGreaterThan(3);
    const all = readdirSync(rootUrl('src'), { recursive: true, encoding: 'utf8' }).map((path) => path.split('/').pop());
    expect(drawn.filter((name) => !all.includes(name))).toEqual([]);
  });

  it('names check kinds that exist', () => {
    const [, kinds = ''] = /checks\/ {3}([a-z│\s-]+?)\s*│\n └/.exec(text) ?? [];
    expect(kinds.split(/[│\s]+/).sort()).toEqual(checkKinds.map(({ kind }) => kind).sort());
  });
});

describe('CONTRIBUTING.md', () => {
  const text = readRoot('CONTRIBUTING.md');

  it('names files that exist', () => {
    expect(missingFiles(text, 15)).toEqual([]);
  });

  it('names commands that exist', () => {
    const { scripts } = JSON.parse(readRoot('package.json')) as { scripts: Record<string, string> };
    const named = [...text.matchAll(/npm (?:run )?([\w:]+)/g)].map(([, name]) => name as string);
    expect(named.filter((name) => !Object.hasOwn(scripts, name))).toEqual([]);
  });
});

describe('the README', () => {
  const text = readRoot('README.md');

  it('shows a valid configuration, and a line of /readyz?verbose for each of its checks', async () => {
    const [, yaml] = /```yaml\n(# yaml-language-server:[^]*?)```/.exec(text) ?? [];
    const folder = await mkdtemp(join(tmpdir(), 'pongcheck-readme-'));
    try {
      const file = join(folder, 'pongcheck.yml');
      await writeFile(file, yaml as string);
      const { settings } = await readConfiguration({ file, env: { DB_URL: 'mysql://probe@127.0.0.1' } });
      const [, lines = ''] = /readyz\?verbose'\n([^]*?)readyz check passed/.exec(text) ?? [];
      const checks = Object.keys(settings.checks);
      expect(checks.length).toBeGreaterThan(1);
      expect([...lines.matchAll(/^\[[+-]\](\w+) /gm)].map(([, name]) => name)).toEqual(checks);
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  it.each(Object.keys(probePaths))('documents %s, and the Kubernetes probe that requests it', (path) => {
    expect(readRoot('docs/scrape.md')).toContain(`| \`GET ${path}\` |`);
    expect(readRoot('docs/run.md')).toContain(`httpGet: { path: ${path}, port: 7664 }`);
  });
});

describe.each(['docs/run.md', 'docs/scrape.md', 'docs/scale.md'])('%s', (page) => {
  it('shows valid configurations', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'pongcheck-readme-'));
    const file = join(folder, 'pongcheck.yml');
    const blocks = [...readRoot(page).matchAll(/```yaml\n((?:# pongcheck.yml|listen:|tokens:)[^]*?)```/g)];
    expect(blocks.length).toBeGreaterThan(0);
    try {
      for (const [, yaml = ''] of blocks) {
        await writeFile(file, yaml);
        await readConfiguration({ file, env: { TOKEN: 't'.repeat(32), OLD_TOKEN: 'o'.repeat(32) } });
      }
    } finally {
      await rm(folder, { recursive: true });
    }
  });
});

describe('docs/troubleshooting.md', () => {
  const text = readRoot('docs/troubleshooting.md');
  /** All matches of the first group of a pattern. */
  const found = (pattern: RegExp, within = text) => [...within.matchAll(pattern)].map(([, name]) => name as string);

  it('lists each reason once, with an anchor that alerts link to', () => {
    expect(ids(text).sort()).toEqual(Object.keys(reasons).sort());
    for (const reason of Object.keys(reasons)) expect(text).toContain(`<a id="${reason}"></a>\`${reason}\``);
  });

  it('names metrics that exist', () => {
    const known: string[] = [...metricRows, ...probeMetrics].map(({ name }) => name);
    const named = found(/\b((?:pongcheck|probe)_\w+)/g);
    expect(named.length).toBeGreaterThan(8);
    expect(named.filter((name) => !known.includes(name))).toEqual([]);
  });

  it('names options that exist', () => {
    const paths = optionRows.map(({ path }) => path);
    const leaves = [...paths, ...checkKinds.flatMap(({ options }) => options.map((option) => option.path))].map(
      (path) => path.replace(/.*\./, ''),
    );
    const dotted = found(/`([a-z]+(?:\[\])?(?:\.[a-zA-Z]+)+)`/g);
    const assigned = found(/`([a-zA-Z]+): [\w-]+`/g);
    expect(dotted.length).toBeGreaterThan(10);
    expect(assigned.length).toBeGreaterThan(3);
    expect(dotted.filter((path) => !paths.some((known) => known === path || known.startsWith(`${path}.`)))).toEqual([]);
    expect(assigned.filter((name) => !leaves.includes(name))).toEqual([]);
  });

  it('names commands and flags that exist', () => {
    const lines = found(/(?:`|^)(pongcheck [^`\n]+)/gm);
    expect(lines.length).toBeGreaterThan(5);
    for (const line of lines) {
      const [, name, ...words] = line.split(/[ #]+/);
      const command = commands.find((one) => one.name === name);
      expect([line, command?.name]).toEqual([line, name]);
      const flags = words.filter((word) => word.startsWith('--')).map((word) => word.slice(2));
      expect(command?.flags.map(({ long }) => long)).toEqual(expect.arrayContaining(flags));
    }
  });

  it('names codes and variables that exist', () => {
    const known: string[] = [...Object.keys(errorCodes), ...optionRows.map(({ env = '' }) => env)];
    expect(found(/\b(PONGCHECK_\w+)/g).filter((name) => !known.includes(name))).toEqual([]);
  });

  it('quotes messages verbatim', () => {
    const tables = found(/^\| message \|.*\n((?:\|.*\n)+)/gm);
    const messages = tables.flatMap((rows) => found(/^\| `([^`]+)`/gm, rows));
    expect(messages.length).toBeGreaterThan(6);
    const folder = rootUrl('src/');
    const files = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.ts'));
    const source = files.map((name) => readFileSync(new URL(name, folder), 'utf8')).join('\n');
    expect(messages.filter((message) => !source.includes(message))).toEqual([]);
  });
});

describe.each([
  'README.md',
  ...readdirSync(rootUrl('docs')).flatMap((name) => (name.endsWith('.md') ? [`docs/${name}`] : [])),
])('%s', (page) => {
  it('links to headings and files that exist', () => {
    const links = [...readRoot(page).matchAll(/\]\(([^)]+)\)/g)].map(([, target]) => target as string);
    expect(links.length).toBeGreaterThan(0);
    for (const link of links) {
      const [file, anchor] = link.split('#') as [string, string | undefined];
      const target = file === '' ? page : join(page, '..', file);
      const text = readRoot(target);
      expect(text).not.toBe('');
      if (anchor !== undefined) expect(anchorsOf(text)).toContain(anchor);
    }
  });
});
