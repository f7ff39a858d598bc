import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { describe, expect, it } from '@jest/globals';
import { startResponder } from '../../src/cli/conformance/responder.js';
import type { Wanted } from '../../src/cli/conformance/session.js';
import { readRoot } from '../readme/markdown.js';

const [, program = ''] = /<!-- first client -->\n```python\n([^]*?)```/.exec(readRoot('protocol/CLIENT.md')) ?? [];

describe('the first client of CLIENT.md', () => {
  it('has 25 lines', () => {
    expect(program.trimEnd().split('\n')).toHaveLength(25);
  });

  /** The exit code of the client and its output on stderr, with this responder. */
  async function run(settings: Wanted): Promise<{ code: number; stderr: string }> {
    const { port, stop } = await startResponder(settings);
    const result = await promisify(execFile)('python3', ['-B', '-c', program, `127.0.0.1:${port}`]).then(
      ({ stderr }) => ({ code: 0, stderr }),
      ({ code, stderr }) => ({ code, stderr }),
    );
    await stop();
    return result;
  }

  it('ends with 0 if the responder is healthy, and with 1 if not', async () => {
    expect(await run({ checks: { db: 'pass' } })).toEqual({ code: 0, stderr: '' });
    expect(await run({ checks: { db: 'fail' } })).toEqual({ code: 1, stderr: '' });
  });

  it('reports why it is refused', async () => {
    const { code, stderr } = await run({ tokens: ['the-right-token-of-the-server'], requireToken: true });
    expect(code).toBe(1);
    expect(stderr).toContain('type 7f, code 6');
  });
});
