import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from '@jest/globals';
import { holdTables, readRoot, rootUrl } from '../readme/markdown.js';
import { tables } from './tables.js';

const spec = readRoot('protocol/SPEC.md');
const headings = [...spec.matchAll(/^#{2,3} (.+)$/gm)].map(([, title]) => title as string);
const anchors = headings.map((title) =>
  title
    .toLowerCase()
    .replace(/[^a-z0-9 -]/g, '')
    .replaceAll(' ', '-'),
);

/** The text of all comments in a source, without line breaks. */
function comments(source: string): string {
  return source.replace(/\n\s*(?:\*|\/\/) ?/g, ' ');
}

const root = fileURLToPath(rootUrl('src'));
const cited = readdirSync(root, { recursive: true, encoding: 'utf8' })
  .filter((file) => file.endsWith('.ts'))
  .flatMap((file) => {
    const text = comments(readFileSync(join(root, file), 'utf8'));
    return [...text.matchAll(/SPEC\s+"([^"]+)"/g)].map(([, title]) => ({ file, title: title as string }));
  });

// `UPDATE=1 npm test -- test/protocol` writes the tables of the registry to the specification.
holdTables('protocol/SPEC.md', 'registry', tables);

describe('the specification', () => {
  it('is cited in the code', () => {
    expect(cited.length).toBeGreaterThan(20);
  });

  it.each(cited)('has the section "$title", which $file cites', ({ title }) => {
    expect(headings).toContain(title);
  });

  it('has the sections that it refers to', () => {
    const links = [...spec.matchAll(/\]\(#([^)]+)\)/g)].map(([, anchor]) => anchor);
    expect(links.filter((anchor) => !anchors.includes(anchor as string))).toEqual([]);
  });
});

describe('a rule of the specification', () => {
  const lines = spec.slice(spec.indexOf('## A first exchange')).split('\n');
  const rules = lines.flatMap((line) => {
    const [, series, number, whom, text] = /^\*\*([MN])(\d+)\*\* \((\w+)\) (.+)$/.exec(line) ?? [];
    return series ? [{ series, number: Number(number), whom: whom as string, text: text as string }] : [];
  });

  it.each(['M', 'N'])('has a unique number, without gaps (%s)', (series) => {
    const numbers = rules.filter((rule) => rule.series === series).map(({ number }) => number);
    numbers.sort((a, b) => a - b);
    expect(numbers).toEqual(numbers.map((_number, index) => index + 1));
    expect(numbers.length).toBeGreaterThan(10);
  });

  it('names the side that it binds, and contains a key word', () => {
    expect(rules.filter(({ whom }) => !['server', 'client', 'both'].includes(whom))).toEqual([]);
    expect(rules.filter(({ text }) => !/\bMUST\b/.test(text))).toEqual([]);
  });

  it('has an identifier for every MUST', () => {
    expect(lines.filter((line) => /\b(MUST|SHALL|REQUIRED)\b/.test(line) && !/^\*\*[MN]\d+\*\*/.test(line))).toEqual(
      [],
    );
  });
});
