import { spawnSync } from 'node:child_process';
import { afterEach, describe, expect, it } from '@jest/globals';
import { widthOf } from '../../src/cli/width.js';
import type { CheckDefinition } from '../../src/health/check.js';
import { createService, type Service } from '../../src/service/service.js';
import { Terminal } from './pseudo-terminal.js';

const itOnTerminal = spawnSync('script', ['--version']).status === 0 ? it : it.skip;

let service: Service | undefined;
let terminal: Terminal | undefined;
afterEach(async () => {
  await terminal?.kill();
  await service?.stop();
  terminal = service = undefined;
});

describe('pongcheck watch on a terminal', () => {
  let well = true;
  async function start(columns: number, env = {}): Promise<{ terminal: Terminal; address: string }> {
    well = true;
    const run: CheckDefinition['run'] = async () => ({ status: well ? 'pass' : 'fail', reason: 'timeout' });
    const check: CheckDefinition = { kind: 'function', minInterval: 1, interval: 20, run };
    service = createService({
      listen: [{ url: 'pong://127.0.0.1:0' }],
      http: false,
      checks: { 'orders-database': check, 見本: check, 'cache-of-the-shop': check },
    });
    await service.start();
    const address = (service.addresses[0] as string).replace('pong://', '');
    terminal = new Terminal(['watch', address, '-i', '1h'], { columns, rows: 10, env });
    return { terminal, address };
  }

  itOnTerminal('draws the table in place, in lines that fit, even after a resize', async () => {
    const { terminal, address } = await start(80);
    await terminal.shows((lines) => lines[1]?.includes(' pass ') === true);
    expect(terminal.screen).toEqual([
      expect.stringContaining('LAST HOUR'),
      expect.stringMatching(`^${address}.* ·{29}▁$`),
    ]);
    well = false;
    const reasons = '  orders-database=timeout 見本=timeout cache-of-the-shop=timeout';
    await terminal.shows((lines) => lines[2] === reasons);
    expect(terminal.screen[1]).toMatch(/ fail .*·{29}█$/);
    await terminal.resize(44);
    await terminal.shows((lines) => lines.every((line) => widthOf(line) <= 44) && lines[2]?.endsWith('…') === true);
    await terminal.resize(100);
    await terminal.shows((lines) => lines[2] === reasons && lines[0]?.includes('TREND') === true);
    well = true;
    await terminal.shows((lines) => lines.length === 2 && lines[1]?.includes(' pass ') === true);
  });

  itOnTerminal('draws lines of full width to their end', async () => {
    const { terminal, address } = await start(80);
    await terminal.shows((lines) => lines[1]?.includes(' pass ') === true);
    // Responder, status, since, round-trip time, 30 blocks.
    await terminal.resize(address.length + 2 + 10 + 2 + 6 + 2 + 8 + 2 + 30);
    await terminal.shows((lines) => /·{29}▁$/.test(lines[1] ?? ''));
  });

  itOnTerminal('restores the terminal on Ctrl+C, with the last table on it, and ends with 0', async () => {
    const { terminal, address } = await start(80);
    await terminal.shows((lines) => lines[1]?.includes(' pass ') === true);
    terminal.type('\x03');
    expect(await terminal.ended()).toBe(0);
    const [, after = ''] = terminal.output.split('\x1b[?1049l');
    expect(after).toContain('RESPONDER');
    expect(after).toContain(address);
    for (const [on, off] of [
      ['\x1b[?25l', '\x1b[?25h'],
      ['\x1b[?7l', '\x1b[?7h'],
    ] as const) {
      expect(terminal.output.lastIndexOf(off)).toBeGreaterThan(terminal.output.lastIndexOf(on));
    }
  });

  itOnTerminal('writes nothing while nothing changes, and never clears what it draws again', async () => {
    const { terminal } = await start(80);
    await terminal.shows((lines) => lines[1]?.includes(' pass ') === true);
    expect(terminal.output).not.toContain('\x1b[2J');
    // Each frame differs from the previous one.
    const frames = terminal.output.split('\x1b[H').slice(1);
    expect(frames.filter((frame, i) => frame === frames[i - 1])).toEqual([]);
  });

  itOnTerminal('uses no colors with NO_COLOR, and no control sequences on a dumb terminal', async () => {
    const { terminal } = await start(80, { NO_COLOR: '1' });
    await terminal.shows((lines) => lines[1]?.includes(' pass ') === true);
    expect(terminal.output.includes('\x1b[3') || terminal.output.includes('\x1b[1m')).toBe(false);
    await terminal.kill();
    await service?.stop();
    const dumb = await start(80, { TERM: 'dumb' });
    await dumb.terminal.says(/connecting -> pass/);
    expect(dumb.terminal.output).not.toContain('\x1b');
  });
});
