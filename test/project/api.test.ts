import { builtinModules } from 'node:module';
import { describe, expect, it } from '@jest/globals';
import { checkKinds } from '../../src/checks/catalog.js';
import * as client from '../../src/client.js';
import * as main from '../../src/index.js';

describe('the public API', () => {
  it('has a factory for each kind of check, named after the kind', () => {
    const factories = checkKinds
      .filter(({ kind }) => kind !== 'module')
      .map(({ kind }) => `${kind.replace(/-(.)/g, (_, letter: string) => letter.toUpperCase())}Check`);
    expect(Object.keys(main)).toEqual(expect.arrayContaining(factories));
  });

  it('has no name that shadows a global or a Node.js module', () => {
    const taken = new Set([...Object.getOwnPropertyNames(globalThis), ...builtinModules]);
    expect([...Object.keys(main), ...Object.keys(client)].filter((name) => taken.has(name))).toEqual([]);
  });

  it('has one error class and one list of codes in both entry points', () => {
    expect(client.PongcheckError).toBe(main.PongcheckError);
    expect(client.errorCodes).toBe(main.errorCodes);
  });
});
