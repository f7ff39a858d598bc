import { readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { loaded } from '../loaded-modules.js';

const root = new URL('../../', import.meta.url);

describe('the entry point pongcheck/client', () => {
  it('loads only the standard library and the layers below it', () => {
    const modules = [...loaded('src/client.ts')];
    expect(modules).toContain('node:net');
    expect(modules).toContain('src/wire/decoder.ts');
    // The responder's option table takes longer to load than all other options together.
    expect(modules).not.toContain('src/options/table.ts');
    expect(
      modules.filter(
        (name) => !/^(node:|src\/(common|wire|health|net|liveness|options|client)\/|src\/client\.ts$)/.test(name),
      ),
    ).toEqual([]);
  });

  it('is exported by package.json', () => {
    const { exports } = JSON.parse(readFileSync(new URL('package.json', root), 'utf8'));
    expect(exports['./client']).toEqual({
      import: { types: './dist/client.d.ts', default: './dist/client.js' },
      require: { types: './dist/client.d.cts', default: './dist/client.cjs' },
    });
  });
});
