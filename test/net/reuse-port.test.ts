import { describe, expect, it } from '@jest/globals';
import { hasReusePort, missingForReusePort } from '../../src/net/reuse-port.js';
import { readOptions } from '../../src/options/settings.js';

describe('reusePort of net.Server', () => {
  it.each([
    'v22.12.0',
    'v22.13.1',
    'v22.100.0',
    'v23.1.0',
    'v23.11.0',
    'v24.0.0',
    'v24.0.0-nightly20250401',
    'v100.0.0',
  ])('exists in Node.js %s', (version) => expect(hasReusePort(version)).toBe(true));

  it.each(['v20.20.2', 'v21.7.3', 'v22.0.0', 'v22.11.0', 'v22.2.0', 'v23.0.0'])(
    'does not exist in Node.js %s',
    (version) => expect(hasReusePort(version)).toBe(false),
  );

  it('lacks a version, or an operating system, which is named', () => {
    expect(missingForReusePort('v22.11.0', 'linux')).toBe('Node.js >= 22.12 or >= 23.1; found v22.11.0');
    expect(missingForReusePort('v24.1.0', 'darwin')).toBe('Linux, FreeBSD, Solaris or AIX; found darwin');
    expect(missingForReusePort('v24.1.0', 'linux')).toBeUndefined();
  });

  it('is required by the option threads above 1, and by nothing else', () => {
    const missing = missingForReusePort(process.version, process.platform);
    expect(readOptions({ threads: 1 }).threads).toBe(1);
    for (const threads of [2, 16]) {
      if (missing === undefined) expect(readOptions({ threads }).threads).toBe(threads);
      else {
        expect(() => readOptions({ threads })).toThrow(
          expect.objectContaining({
            code: 'PONGCHECK_CONFIG',
            message: `threads is ${threads}; more than 1 requires ${missing}`,
          }),
        );
      }
    }
  });
});
