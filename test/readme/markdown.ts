import { readFileSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';

/** The text of one cell. */
export const cell = (text: string) => text.replaceAll('|', '\\|');
export const code = (text: string | undefined) => (text === undefined ? '' : `\`${cell(text)}\``);

export function table(heads: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`;
  return [line(heads), line(heads.map(() => '---')), ...rows.map(line)].join('\n');
}

/** A file of the project, by its path from the root. */
export const rootUrl = (path: string) => new URL(`../../${path}`, import.meta.url);
export const readRoot = (path: string) => readFileSync(rootUrl(path), 'utf8');

/** The targets of links in a page: its headings, and its ids. */
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
 * Holds that a page shows each of these tables word for word, between two comments
 * `<!-- KIND: NAME -->` and `<!-- /KIND: NAME -->`. With `UPDATE=1` it writes them there instead.
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
    it.each(Object.entries(tables))('shows the %s as they are', (name, rows) => {
      expect(place(name).exec(readRoot(page))?.[2]?.trim()).toBe(rows);
    });

    it('has no table that is not generated', () => {
      const found = [...readRoot(page).matchAll(new RegExp(`<!-- ${kind}: (\\S+) -->`, 'g'))].map(([, name]) => name);
      expect(found.sort()).toEqual(Object.keys(tables).sort());
    });
  });
}
