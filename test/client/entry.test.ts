import { readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';

const root = new URL('../../', import.meta.url);

/** Every module that `file` loads at run time, itself included. Imports of types are gone by then. */
function loaded(file: string, seen = new Set<string>()): Set<string> {
  if (seen.has(file)) return seen;
  seen.add(file);
  if (!file.startsWith('src/')) return seen;
  const url = new URL(file, root);
  const text = readFileSync(url, 'utf8');
  for (const [, from] of text.matchAll(/^(?:import|export)(?! type\b)[^;']*? from '([^']+)'/gms)) {
    const name = from as string;
    if (!name.startsWith('.')) loaded(name.startsWith('node:') ? name : `third party: ${name}`, seen);
    else loaded(new URL(name.replace(/\.js$/, '.ts'), url).href.slice(root.href.length), seen);
  }
  return seen;
}

describe('the entry point pongcheck/client', () => {
  it('loads nothing but the standard library and the floors below it', () => {
    const modules = [...loaded('src/client/connect.ts')];
    expect(modules).toContain('node:net');
    expect(modules).toContain('src/wire/decoder.ts');
    expect(
      modules.filter((name) => !/^(node:|src\/(client|link|wire|health)\/|src\/(clock|errors)\.ts$)/.test(name)),
    ).toEqual([]);
  });

  it('is where the package says it is', () => {
    const { exports } = JSON.parse(readFileSync(new URL('package.json', root), 'utf8'));
    expect(exports['./client']).toEqual({ types: './dist/client/connect.d.ts', default: './dist/client/connect.js' });
  });
});
