import { cpSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { checkKinds } from '../../src/checks/catalog.js';
import { serveCommand } from '../../src/cli/serve/command.js';
import { optionRows } from '../../src/options/table.js';
import { pongcheck } from './command.js';
import { compiledPackage } from './compiled.js';
import { Terminal } from './pseudo-terminal.js';

const { version } = JSON.parse(readFileSync(fileURLToPath(new URL('../../package.json', import.meta.url)), 'utf8'));

describe('pongcheck', () => {
  it('prints its version', async () => {
    expect(await pongcheck(['--version'])).toMatchObject({ code: 0, stdout: `${version}\n`, stderr: '' });
  });

  it('without a command prints its help, with the exit code of a usage error', async () => {
    const { code, stdout } = await pongcheck([]);
    expect(code).toBe(64);
    expect(stdout).toMatch(/^Usage: pongcheck COMMAND/m);
  });

  it.each([['--help'], ['help'], ['-h']])('%s names every command', async (flag) => {
    const { code, stdout } = await pongcheck([flag]);
    expect(code).toBe(0);
    for (const name of ['serve', 'ping', 'check-config']) expect(stdout).toMatch(new RegExp(`^  ${name} `, 'm'));
  });

  it.each(['serve', 'ping', 'check-config'])(
    '%s --help contains flags, exit codes and examples, without colors in a pipe',
    async (name) => {
      const { code, stdout } = await pongcheck([name, '--help']);
      expect(code).toBe(0);
      for (const title of ['Usage', 'Flags', 'Exit codes', 'Examples']) expect(stdout).toContain(`${title}:`);
      expect(stdout).not.toContain('\x1b');
      expect(await pongcheck(['help', name])).toMatchObject({ code: 0, stdout });
    },
  );

  it('is wrapped to the width of a terminal', async () => {
    const terminal = new Terminal(['check-config', '--help'], { columns: 80, env: { NO_COLOR: '1' } });
    await terminal.ended();
    const lines = terminal.output.split('\r\n');
    expect(lines.filter((line) => line.length > 80)).toEqual([]);
    expect(lines).toContain('Configuration file options, with default and environment variable (a variable');
  });

  it('lists each option with its variable, and each check kind', async () => {
    const { stdout } = await pongcheck(['check-config', '--help']);
    for (const { path, env } of optionRows) {
      expect(stdout).toContain(`  ${path} `);
      if (env) expect(stdout).toContain(env);
    }
    for (const { kind } of checkKinds) expect(stdout).toMatch(new RegExp(`^  ${kind} `, 'm'));
  });

  it('serve has a flag for each option that defines one', () => {
    const flags = serveCommand.flags.map(({ long }) => long);
    for (const { flag } of optionRows) if (flag) expect(flags).toContain(flag);
  });

  it.each<[string, string[], string]>([
    ['unknown-command', ['pign'], 'unknown command pign; did you mean ping?; see pongcheck --help'],
    [
      'unknown-command-far-off',
      ['x'],
      'unknown command x; allowed: one of serve, ping, explain, watch, check-config, conformance, emit; see pongcheck --help',
    ],
    [
      'unknown-option-without-command',
      ['--foo'],
      'unknown option --foo; allowed: one of serve, ping, explain, watch, check-config, conformance, emit; see pongcheck --help',
    ],
    [
      'unknown-option',
      ['ping', '--cuont', '3'],
      'unknown option --cuont; did you mean --count?; see pongcheck ping --help',
    ],
    ['unknown-letter', ['ping', '-x'], 'unknown option -x; see pongcheck ping --help'],
    ['value-missing', ['ping', '--count'], '--count requires a value: N; see pongcheck ping --help'],
    ['value-of-a-switch', ['ping', '--json=1'], '--json takes no value; see pongcheck ping --help'],
    ['argument-too-many', ['ping', 'a', 'b'], 'unexpected argument "b"; see pongcheck ping --help'],
    ['unexpected-argument', ['emit', 'envoy', 'a'], 'unexpected argument "a"; see pongcheck emit --help'],
    [
      'file-without-its-flag',
      ['check-config', 'a.yml'],
      'unexpected argument "a.yml"; the configuration file is given with --config; see pongcheck check-config --help',
    ],
    [
      'file-without-a-name',
      ['serve', '--config', ''],
      '--config is empty; allowed: the path of a file; see pongcheck serve --help',
    ],
    [
      'count-of-zero',
      ['ping', '-c', '0'],
      '--count is "0"; allowed: a whole number of at least 1; see pongcheck ping --help',
    ],
    [
      'interval-without-unit',
      ['ping', '-i', '1'],
      '--interval is "1"; allowed: a duration such as 250ms, 2s, 1m or 1h from 1ms to 24h (a unit is missing: 1ms, 1s); see pongcheck ping --help',
    ],
    [
      'wait-of-ages',
      ['ping', '-W', '1000h'],
      '--wait is "1000h"; allowed: a duration such as 250ms, 2s, 1m or 1h from 0 to 24h; see pongcheck ping --help',
    ],
    [
      'check-and-group',
      ['ping', '--check', 'a', '--group', 'b'],
      '--check and --group cannot be given together; see pongcheck ping --help',
    ],
    [
      'unknown-scope',
      ['ping', '--scope', 'live'],
      '--scope is "live"; allowed: one of readiness, liveness, startup; see pongcheck ping --help',
    ],
  ])('%s prints one line and exits with code 64', async (_rule, args, line) => {
    expect(await pongcheck(args)).toMatchObject({ code: 64, stdout: '', stderr: `pongcheck: ${line}\n` });
  });

  it('refuses an address in one line, without the credentials in it', async () => {
    const { code, stderr } = await pongcheck(['ping', 'pong://u:hunter2@h']);
    expect(code).toBe(64);
    expect(stderr).toMatch(/^pongcheck: The address .* contains credentials.*\n$/);
    expect(stderr).not.toContain('hunter2');
  });
});

describe('a probe', () => {
  const bare = mkdtempSync(join(tmpdir(), 'pongcheck-bare-'));
  beforeAll(() => cpSync(compiledPackage(), bare, { recursive: true }));
  afterAll(() => rmSync(bare, { recursive: true }));

  it.each([
    [['ping', '-c', '1', '127.0.0.1:1'], 2],
    [['--help'], 0],
    [['ping', '--help'], 0],
    [['--version'], 0],
  ])('loads no other package: %j runs without any installed', async (args, code) =>
    expect(await pongcheck(args, { package: bare })).toMatchObject({ code, stderr: '' }),
  );
});
