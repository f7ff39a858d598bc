import { describe, expect, it } from '@jest/globals';
import { loaded } from '../loaded-modules.js';

describe('the embedded service', () => {
  it('loads no other package before it is needed', () => {
    const modules = [...loaded('src/index.ts')];
    expect(modules).toContain('src/http/server.ts');
    expect(modules).toContain('src/metrics/table.ts');
    expect(modules.filter((name) => name.startsWith('third party'))).toEqual([]);
  });
});
