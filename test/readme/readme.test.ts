import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from '@jest/globals';
import { tables } from './tables.js';

const path = fileURLToPath(new URL('../../README.md', import.meta.url));

/** The table between its two comments. */
function shown(text: string, name: string): string {
  const [, between] = text.split(new RegExp(`<!-- /?table: ${name} -->`));
  return (between ?? '').trim();
}

// `UPDATE=1 npm test -- test/readme` writes what the code says into the README.
if (process.env.UPDATE) {
  let text = readFileSync(path, 'utf8');
  for (const [name, rows] of Object.entries(tables)) {
    const place = new RegExp(`(<!-- table: ${name} -->)[^]*?(<!-- /table: ${name} -->)`);
    text = text.replace(place, (_all, open, close) => `${open}\n${rows}\n${close}`);
  }
  writeFileSync(path, text);
}

describe('the README', () => {
  it.each(Object.entries(tables))('shows the %s as the code has them', (name, rows) => {
    expect(shown(readFileSync(path, 'utf8'), name)).toBe(rows);
  });
});
