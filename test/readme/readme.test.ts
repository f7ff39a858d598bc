import { existsSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { readConfiguration } from '../../src/config/read.js';
import { probePaths } from '../../src/http/probes.js';
import { holdTables, readRoot, rootUrl } from './markdown.js';
import { pages } from './tables.js';

// `UPDATE=1 npm test -- test/readme` writes what the code says into the pages.
for (const [page, tables] of Object.entries(pages)) holdTables(page, 'table', tables);

describe('CONTRIBUTING.md', () => {
  const text = readRoot('CONTRIBUTING.md');

  it('names files that exist', () => {
    const names = [...text.matchAll(/`([\w/.-]+\/[\w.-]+\.(?:ts|js|json|md))`/g)].map(([, name]) => name as string);
    const real = names.filter((name) => !name.endsWith('/x.ts'));
    expect(real.length).toBeGreaterThan(15);
    const roots = ['', 'src/'];
    expect(real.filter((name) => !roots.some((root) => existsSync(rootUrl(root + name))))).toEqual([]);
  });

  it('names commands that exist', () => {
    const { scripts } = JSON.parse(readRoot('package.json')) as { scripts: Record<string, string> };
    const named = [...text.matchAll(/npm (?:run )?([\w:]+)/g)].map(([, name]) => name as string);
    expect(named.filter((name) => !Object.hasOwn(scripts, name))).toEqual([]);
  });
});

describe('the README', () => {
  const text = readRoot('README.md');

  it('shows a configuration that is sound', async () => {
    const [, yaml] = /```yaml\n(# yaml-language-server:[^]*?)```/.exec(text) ?? [];
    const folder = await mkdtemp(join(tmpdir(), 'pongcheck-readme-'));
    try {
      const file = join(folder, 'pongcheck.yml');
      await writeFile(file, yaml as string);
      const { settings } = await readConfiguration({ file, env: { DB_URL: 'mysql://probe@127.0.0.1' } });
      expect(Object.keys(settings.checks)).toEqual(['db', 'cache', 'billing', 'queue']);
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  it.each(Object.keys(probePaths))('tells of %s, and which probe asks it', (path) => {
    expect(readRoot('docs/scrape.md')).toContain(`| \`GET ${path}\` |`);
    expect(readRoot('docs/run.md')).toContain(`httpGet: { path: ${path}, port: 7664 }`);
  });
});

describe.each(['README.md', 'docs/embed.md', 'docs/run.md', 'docs/scrape.md', 'docs/write-a-client.md'])(
  '%s',
  (page) => {
    it('points at headings and files that exist', () => {
      const links = [...readRoot(page).matchAll(/\]\(([^)]+)\)/g)].map(([, target]) => target as string);
      expect(links.length).toBeGreaterThan(3);
      for (const link of links) {
        const [file, anchor] = link.split('#') as [string, string | undefined];
        const target = file === '' ? page : join(page, '..', file);
        const text = readRoot(target);
        expect(text).not.toBe('');
        if (anchor !== undefined) expect(anchorsOf(text)).toContain(anchor);
      }
    });
  },
);

function anchorsOf(text: string): string[] {
  return [...text.matchAll(/^#+ (.+)$/gm)].map(([, title]) =>
    (title as string)
      .toLowerCase()
      .replace(/[^a-z0-9 -]/g, '')
      .replaceAll(' ', '-'),
  );
}
