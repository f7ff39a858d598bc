import { readFileSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';

/** Escapes text for a table cell. */
export const cell = (text: string) => text.replaceAll('|', '\\|');
export const code = (text: string | undefined) => (text === undefined ? '' : `\`${cell(text)}\``);

export function table(heads: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`;
  return [line(heads), line(heads.map(() => '---')), ...rows.map(line)].join('\n');
}

/** Returns the cells of the first table row that starts with these cells. */
export function rowOf(text: string, ...start: readonly string[]): readonly string[] {
  for (const line of text.split('\n')) {
    const row = line
      .split('|')
      .slice(1, -1)
      .map((text) => text.trim());
    if (start.every((text, n) => row[n] === text)) return row;
  }
  throw new Error(`no table row starts with ${start.join(' | ')}`);
}

/** URL of a file given by its path relative to the project root. */
export const rootUrl = (path: string) => new URL(`../../${path}`, import.meta.url);
export const readRoot = (path: string) => readFileSync(rootUrl(path), 'utf8');

/** The link targets in a page: its headings and ids. */
export function anchorsOf(text: string): string[] {
  const headings = [...text.matchAll(/^#+ (.+)$/gm)].map(([, title]) =>
    (title as string)
      .toLowerCase()
      .replace(/[^a-z0-9 -]/g, '')
      .replaceAll(' ', '-'),
  );
  return [...headings, ...ids(text)];
}

export function ids(text: string): string[] {
  return [...text.matchAll(/<a id="([^"]+)">/g)].map(([, id]) => id as string);
}

/**
 * Tests that a page contains each of these tables verbatim, between the comments `<!-- KIND: NAME -->` and `<!-- /KIND:
 * NAME -->`. With `UPDATE=1`, writes the tables to the page first.
 */
export function holdTables(page: string, kind: string, tables: Readonly<Record<string, string>>): void {
  const place = (name: string) => new RegExp(`(<!-- ${kind}: ${name} -->)([^]*?)(<!-- /${kind}: ${name} -->)`);
  if (process.env.UPDATE) {
    let text = readRoot(page);
    for (const [name, rows] of Object.entries(tables)) {
      text = text.replace(place(name), (_all, open, _between, close) => `${open}\n${rows}\n${close}`);
    }
    writeFileSync(rootUrl(page), text);
  }
  describe(`the tables of ${page}`, () => {
    it.each(Object.entries(tables))('contains the generated table: %s', (name, rows) => {
      expect(place(name).exec(readRoot(page))?.[2]?.trim()).toBe(rows);
    });

    it('marks no other tables as generated', () => {
      const found = [...readRoot(page).matchAll(new RegExp(`<!-- ${kind}: (\\S+) -->`, 'g'))].map(([, name]) => name);
      expect(found.sort()).toEqual(Object.keys(tables).sort());
    });
  });
}
