import { describe, expect, it } from '@jest/globals';
import { loaded } from '../loaded-modules.js';

describe('what is embedded', () => {
  it('loads no third party before it is used', () => {
    const modules = [...loaded('src/index.ts')];
    expect(modules).toContain('src/http/server.ts');
    expect(modules).toContain('src/metrics/table.ts');
    expect(modules.filter((name) => name.startsWith('third party'))).toEqual([]);
  });
});
