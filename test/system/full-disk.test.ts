import { mkdtempSync, rmSync } from 'node:fs';
import { readFile, unlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from '@jest/globals';
import { compiledPackage } from '../cli/compiled.js';
import { freePort } from '../live/server-process.js';
import { Trial } from './trial.js';

const trial = new Trial();
const folder = mkdtempSync(join(tmpdir(), 'pongcheck-disk-'));
afterEach(async () => {
  await trial.close();
  rmSync(folder, { recursive: true });
});

describe('serve > file on a full disk', () => {
  it('answers, and writes again when there is space, starting with the number of dropped lines', async () => {
    const config = join(folder, 'pongcheck.yml');
    await writeFile(config, 'checks: { flap: { kind: module, path: ./flap.mjs, interval: 50ms, minInterval: 5ms } }\n');
    await writeFile(
      join(folder, 'flap.mjs'),
      'let n = 0; export default () => ({ status: n++ % 2 ? "pass" : "fail", output: "x".repeat(190) });\n',
    );
    const port = await freePort();
    const serve = `exec '${process.execPath}' '${join(compiledPackage(), 'dist', 'cli.js')}' serve --config '${config}'`;
    const script = `mount -t tmpfs -o size=64k none /mnt && head -c 1M /dev/zero > /mnt/filler; echo mounted; ${serve} > /mnt/log`;
    const program = trial.program(['unshare', '--mount', 'sh', '-c', script], {
      env: { PONGCHECK_HTTP: `127.0.0.1:${port}`, PONGCHECK_LISTEN: 'pong://127.0.0.1:0' },
    });
    await program.says('mounted');
    const disk = `/proc/${program.pid}/root/mnt`;
    const dropped = async () => {
      const answer = await fetch(`http://127.0.0.1:${port}/metrics`).catch(() => undefined);
      return Number(/^pongcheck_log_lines_dropped_total (\d+)$/m.exec((await answer?.text()) ?? '')?.[1] ?? 0);
    };
    while ((await dropped()) < 20) await new Promise((resolve) => setTimeout(resolve, 20));
    await unlink(`${disk}/filler`);
    let lines: { dropped?: number; msg: string }[] = [];
    while (lines.length < 5) {
      const text = await readFile(`${disk}/log`, 'utf8');
      lines = text
        .split('\n')
        .slice(0, -1)
        .map((line) => JSON.parse(line));
    }
    expect(lines[0]?.dropped).toBeGreaterThanOrEqual(20);
    expect(lines.filter(({ dropped }) => dropped)).toHaveLength(1);
    expect(await dropped()).toBe(lines[0]?.dropped);
  });
});
