import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from '@jest/globals';
import { compiledPackage } from '../cli/compiled.js';
import { readRoot } from '../readme/markdown.js';
import { Trial } from './trial.js';

const PROGRAM = '/usr/bin/pongcheck';
const unit = readRoot('deploy/pongcheck.service');

/** What systemd-analyze says of the unit, with a program that is there. */
function analyze(text: string, ...args: string[]): { code: number | null; said: string } {
  const folder = mkdtempSync(join(tmpdir(), 'pongcheck-unit-'));
  try {
    const file = join(folder, 'pongcheck.service');
    writeFileSync(file, text.replace(PROGRAM, '/usr/bin/env'));
    const { status, stdout, stderr } = spawnSync('systemd-analyze', [...args, file], { encoding: 'utf8' });
    return { code: status, said: stdout + stderr };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

describe('the systemd unit', () => {
  const trial = new Trial();
  afterEach(() => trial.close());

  it('contains only directives that systemd knows', () => {
    expect(analyze(unit, 'verify')).toEqual({ code: 0, said: '' });
    expect(analyze(unit.replace('LimitNOFILE=', 'LimitNOFILES='), 'verify').said).toContain('LimitNOFILES');
  });

  it('is exposed as little as a service that listens can be', () => {
    expect(analyze(unit, 'security', '--offline=true', '--threshold=20').code).toBe(0);
    const bare = unit.replace(/^(Protect|Private|Restrict|Capability|SystemCall).*\n/gm, '');
    expect(analyze(bare, 'security', '--offline=true', '--threshold=20').code).not.toBe(0);
  });

  it('starts a responder that answers, and stops it within its stop timeout', async () => {
    const [, command = ''] = /^ExecStart=(.*)$/m.exec(unit) ?? [];
    const [program, ...args] = command.split(' ').map((word) => word.replace('/etc/pongcheck/', 'deploy/'));
    expect(program).toBe(PROGRAM);
    const cli = [process.execPath, join(compiledPackage(), 'dist', 'cli.js')];
    // Other ports, because the real ones may be taken here; a shorter drain, because nobody is connected.
    const own = ['--listen', 'pong://127.0.0.1:0', '--http', '127.0.0.1:0'];
    const server = trial.program([...cli, ...args, ...own], { env: { PONGCHECK_DRAIN_DELAY: '100ms' } });
    const { address } = await server.says(/^listening on/);
    const { checks } = await server.says(/^checks: /);
    expect(checks).toEqual(['process', 'disk']);
    const asked = spawnSync(cli[0] as string, [cli[1] as string, 'ping', '-c', '1', address], { encoding: 'utf8' });
    expect([asked.status, asked.stdout]).toEqual([0, expect.stringContaining('1 received')]);
    server.signal('SIGTERM');
    expect(await server.exit()).toBe(0);
  });
});
