import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from '@jest/globals';
import { moduleCheck } from '../../src/checks/module/index.js';
import { runCheck } from '../live/run-check.js';

const folder = mkdtempSync(join(tmpdir(), 'pongcheck-module-'));
afterAll(() => rmSync(folder, { recursive: true }));

let modules = 0;
/** Writes a module with this source and returns its path. */
function written(source: string): string {
  const path = join(folder, `own-${modules++}.mjs`);
  writeFileSync(path, source);
  return path;
}

describe('a module as a check', () => {
  it('may export a function: undefined passes, false and an exception fail with the reason custom', async () => {
    const path = written(
      'export default (signal) => { if (!(signal instanceof AbortSignal)) throw new Error("no signal"); }',
    );
    expect(await runCheck(await moduleCheck({ path }))).toMatchObject({ status: 'pass' });
    const no = await moduleCheck({ path: written('export default async () => false') });
    expect(await runCheck(no)).toMatchObject({ status: 'fail', reason: 'custom' });
    const thrown = await moduleCheck({ path: written('export default () => { throw new Error("queue too long") }') });
    expect(await runCheck(thrown)).toMatchObject({ status: 'fail', reason: 'custom', output: 'queue too long' });
  });

  it('may export a definition, whose methods keep their object and whose settings are overridden by the configuration', async () => {
    const path = written(`
      class Own {
        kind = 'own'; timeout = 300; critical = false; secrets = ['hush']; runs = 0; closed = 0;
        run() { return { status: 'warn', observedValue: ++this.runs, output: 'it is hush' }; }
        close() { this.closed++; globalThis.closedOwn = this.closed; }
      }
      export default new Own();`);
    const check = await moduleCheck({ path, timeout: 200 });
    expect(check).toMatchObject({ kind: 'module', target: path, timeout: 200, critical: false });
    await runCheck(check);
    expect(await runCheck(check)).toMatchObject({ status: 'warn', observedValue: 2, output: 'it is ***' });
    await check.close?.();
    expect((globalThis as { closedOwn?: number }).closedOwn).toBe(1);
  });

  it('is closed by the last of the checks that use it', async () => {
    const path = written(
      'globalThis.closings = 0; export default { kind: "own", run: async () => {}, close: () => { globalThis.closings++; } };',
    );
    const closings = () => (globalThis as { closings?: number }).closings;
    const [before, after] = [await moduleCheck({ path }), await moduleCheck({ path, interval: 1000 })];
    await before.close?.();
    expect(closings()).toBe(0);
    await after.close?.();
    expect(closings()).toBe(1);
  });

  it.each([
    ['a function', '() => ({ status: "pass", observedValue: limit })'],
    ['a definition', '({ kind: "own", run: async () => ({ status: "pass", observedValue: limit }) })'],
  ])('may export a factory of %s that takes its own options and may be asynchronous', async (_what, made) => {
    const path = written(`export default async ({ limit }) => ${made}`);
    const check = await moduleCheck({ path, limit: 7, interval: 0 });
    expect(check.interval).toBe(0);
    expect(await runCheck(check)).toMatchObject({ status: 'pass', observedValue: 7 });
  });

  it('masks all of its own options except harmless ones and those named as not secret', async () => {
    const path = written('export default (own) => () => { throw new Error(JSON.stringify(own)) }');
    const conn = { host: 'db.example', port: 3306, user: 'app', pass: 'p4ss-0f-mine', key: 'k3y', pin: 123456 };
    const check = await moduleCheck({ path, conn, region: 'north', queue: 'orders', nonSecret: ['queue'] });
    expect((await runCheck(check)).output).toBe(
      '{"conn":{"host":"db.example","port":3306,"user":"app","pass":"***","key":"***","pin":***},"region":"***","queue":"orders"}',
    );
  });

  it('masks options whose names indicate a secret', async () => {
    const path = written('export default ({ apiKey }) => () => { throw new Error(`refused ${apiKey}`) }');
    expect(await runCheck(await moduleCheck({ path, apiKey: 'k3y-0f-mine' }))).toMatchObject({ output: 'refused ***' });
    const refusing = written('export default ({ apiKey }) => { throw new Error(`refused ${apiKey}`) }');
    const refusal = moduleCheck({ path: refusing, apiKey: 'k3y-0f-mine' });
    await expect(refusal).rejects.toThrow(/rejected by the module \(refused \*\*\*\)/);
    await expect(refusal).rejects.toMatchObject({ code: 'PONGCHECK_CONFIG' });
  });

  it('reports a factory that was given no option to be called with', async () => {
    const check = await moduleCheck({ path: written('export default () => () => true') });
    expect(await runCheck(check)).toMatchObject({
      reason: 'internal',
      output: expect.stringMatching(/exports a factory/),
    });
  });

  it.each([
    ['no file', () => join(folder, 'none.mjs'), /cannot be imported/],
    ['no JavaScript', () => written('export default {{'), /cannot be imported/],
    [
      'nothing by default',
      () => written('export const check = () => true'),
      /exports missing; allowed: a function, or/,
    ],
    ['an object without run', () => written('export default { kind: "own" }'), /exports an object/],
    ['a number', () => written('export default 5'), /exports 5/],
    ['null', () => written('export default null'), /exports null/],
    [
      'a Proxy that was revoked',
      () => written('const { proxy, revoke } = Proxy.revocable({}, {}); revoke(); export default proxy'),
      /a definition that cannot be read \(/,
    ],
    [
      'a definition with a getter that throws',
      () => written('export default { run() {}, get timeout() { throw new Error("not now") } }'),
      /a definition that cannot be read \(not now\)/,
    ],
    [
      'a definition with secrets that are no list',
      () => written('export default { run() {}, secrets: 5 }'),
      /a definition that cannot be read \(/,
    ],
    ['no path', () => '', /path is ""/],
  ])('is refused if it is %s', async (_what, path, message) => {
    const made = moduleCheck({ path: path() });
    await expect(made).rejects.toThrow(message);
    await expect(made).rejects.toMatchObject({ code: 'PONGCHECK_CONFIG' });
  });
});
