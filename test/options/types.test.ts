import { readFileSync, writeFileSync } from 'node:fs';
import { expect, it } from '@jest/globals';
import { rootUrl } from '../readme/markdown.js';
import { optionTypes } from './typescript.js';

const FILE = 'src/options/types.ts';
const written = optionTypes();
if (process.env.UPDATE) writeFileSync(rootUrl(FILE), written);

it(`${FILE} is generated from the table of options (UPDATE=1 writes it)`, () => {
  expect(readFileSync(rootUrl(FILE), 'utf8')).toBe(written);
});
