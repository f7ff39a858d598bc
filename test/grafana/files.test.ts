import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from '@jest/globals';
import { files } from '../../grafana/source/files.js';
import { readRoot, rootUrl } from '../readme/markdown.js';

// `UPDATE=1 npm test -- test/grafana` writes what the code says.
if (process.env.UPDATE) {
  for (const [path, text] of Object.entries(files)) {
    const file = fileURLToPath(rootUrl(path));
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, text);
  }
}

describe('the dashboards and rules', () => {
  it.each(Object.entries(files))('%s is generated from the code', (path, text) => {
    expect(readRoot(path)).toBe(text);
  });
});
