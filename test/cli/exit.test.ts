import { afterEach, describe, expect, it } from '@jest/globals';
import { exitCode, exitDialects, type Outcome } from '../../src/cli/ping/exit-dialects.js';
import { Command, pongcheck } from './command.js';
import { ScriptedResponder, type SeenPing } from './scripted-responder.js';

const PASS = 1;
const FAIL = 3;
const DRAINING = 4;

let responder: ScriptedResponder | undefined;
afterEach(async () => {
  await responder?.stop();
  responder = undefined;
});

async function scripted(answer: (ping: SeenPing, nth: number) => void): Promise<string> {
  responder = await ScriptedResponder.start(answer);
  return responder.address;
}

async function whereNobodyListens(): Promise<string> {
  const address = await scripted(() => {});
  await responder?.stop();
  responder = undefined;
  return address;
}

describe('the exit codes of a dialect', () => {
  it.each<[Outcome, ...number[]]>([
    ['pass', 0, 0, 0, 0, 0],
    ['warn', 0, 0, 0, 1, 1],
    ['draining', 1, 1, 1, 1, 2],
    ['starting', 1, 1, 1, 1, 2],
    ['fail', 1, 1, 1, 2, 2],
    ['unknown', 1, 1, 1, 3, 2],
    ['not-found', 1, 1, 1, 3, 2],
    ['no answer', 2, 1, 1, 2, 2],
    ['not asked', 2, 1, 1, 3, 2],
  ])('%s is %d, k8s %d, docker %d, nagios %d, consul %d', (outcome, ...codes) => {
    expect(([undefined, 'k8s', 'docker', 'nagios', 'consul'] as const).map((name) => exitCode(name, outcome))).toEqual(
      codes,
    );
  });
});

describe('pongcheck ping --exit', () => {
  it('sends one PING, and more only with --count', async () => {
    let pings = 0;
    const address = await scripted((ping) => {
      pings++;
      ping.pong(FAIL);
    });
    expect(await pongcheck(['ping', address, '--exit', 'docker'])).toMatchObject({ code: 1 });
    expect(pings).toBe(1);
    expect(await pongcheck(['ping', address, '--exit', 'consul', '-c', '2', '-i', '1ms'])).toMatchObject({ code: 2 });
    expect(pings).toBe(3);
  });

  it('prints the usual output, except for Nagios', async () => {
    const address = await scripted((ping) => ping.pong(PASS));
    const { code, stdout } = await pongcheck(['ping', address, '--exit', 'k8s']);
    expect(stdout).toMatch(/^PING .*\npass from /);
    expect(code).toBe(0);
  });

  it('refuses an unknown dialect, and two output formats', async () => {
    const wrong =
      'pongcheck: --exit is "icinga"; allowed: one of k8s, docker, nagios, consul; see pongcheck ping --help\n';
    expect(await pongcheck(['ping', '--exit', 'icinga'])).toMatchObject({ code: 64, stdout: '', stderr: wrong });
    const { code, stdout } = await pongcheck(['ping', '--exit', 'nagios', '--json']);
    expect(stdout).toMatch(/^PONG UNKNOWN - --exit nagios and --json cannot be given together; see /);
    expect(code).toBe(3);
  });

  it.each([
    ['k8s', 1],
    ['docker', 1],
    ['consul', 2],
  ])('%s has a separate code for a usage error, which is printed on standard error', async (name, expected) => {
    const { code, stdout, stderr } = await pongcheck(['ping', '--exit', name, '--cuont', '1']);
    expect({ code, stdout }).toEqual({ code: expected, stdout: '' });
    expect(stderr).toMatch(/^pongcheck: unknown option --cuont; did you mean --count\?; see pongcheck ping --help\n$/);
  });

  it('explains each dialect in its help', async () => {
    const { stdout } = await pongcheck(['ping', '--help']);
    for (const name of Object.keys(exitDialects)) expect(stdout).toMatch(new RegExp(`^  ${name} +\\S`, 'm'));
  });
});

describe('pongcheck ping --exit nagios', () => {
  /**
   * Nagios performance data: a label, a value with its unit or U, and three limits, the last of which is the minimum.
   */
  const performance = String.raw` \| rtt=(?:\d+\.\d{3}ms|U);;;0`;
  const line = (description: string) => new RegExp(`^PONG ${description}${performance}\n$`);
  const nagios = (...args: string[]) => pongcheck(['ping', '--exit', 'nagios', ...args]);
  const told = (code: number, description: string) => ({
    code,
    stdout: expect.stringMatching(line(description)),
    stderr: '',
  });

  it('prints one line with the round-trip time', async () => {
    const address = await scripted((ping) => ping.pong(PASS));
    const ended = await nagios(address);
    expect(ended).toEqual({ ...told(0, `OK - pass from ${address}`), signal: null });
    expect(ended.stdout).toMatch(/\| rtt=\d+\.\d{3}ms;;;0\n$/);
  });

  it('reports the last of several PINGs', async () => {
    const address = await scripted((ping, nth) => (nth === 1 ? ping.socket.destroy() : ping.pong(DRAINING)));
    expect(await nagios(address, '-c', '2', '-i', '1ms')).toMatchObject(told(1, `WARNING - draining from ${address}`));
  });

  it('lists failing checks before the bar, and escapes bars from peers', async () => {
    const checks = { 'a|b\n': [{ state: 'fail', reason: 'timeout', output: 'x | rtt=0ms' }] };
    const address = await scripted((ping) => ping.pong(FAIL, { checks }, 2));
    const { code, stdout } = await nagios(address, '--detail');
    expect(stdout).toMatch(line(String.raw`CRITICAL - fail from ${address} stale a/b\\u\{a\}=timeout`));
    expect(stdout.split('|')).toHaveLength(2);
    expect(code).toBe(2);
  });

  it('is CRITICAL without an answer, with the reason', async () => {
    const nobody = await whereNobodyListens();
    expect(await nagios(nobody)).toMatchObject(told(2, `CRITICAL - ${nobody} refused the connection: .*`));
    expect(await nagios('no-such-host.invalid')).toMatchObject(
      told(2, 'CRITICAL - no-such-host.invalid:7464 could not .*'),
    );
    const silent = await scripted(() => {});
    expect(await nagios(silent, '-W', '50ms')).toMatchObject(
      told(2, String.raw`CRITICAL - ${silent} did not .* within 0\.05 s`),
    );
  });

  it('is UNKNOWN if it was stopped before an answer', async () => {
    let asked = () => {};
    const arrived = new Promise<void>((resolve) => {
      asked = resolve;
    });
    const address = await scripted(() => asked());
    const command = new Command(['ping', address, '--exit', 'nagios', '-W', '1h']);
    await arrived;
    expect(await command.kill('SIGTERM')).toMatchObject(told(3, `UNKNOWN - interrupted before ${address} answered`));
  });

  it.each<[string, string[]]>([
    ['--count is "0"; .*', ['-c', '0']],
    ['unknown option --cuont; did you mean --count.*', ['--cuont']],
    ['The address .* contains credentials.*', ['pong://u:hunter2@h']],
    ['--scope is "live"; .*', ['--scope', 'live']],
    ['--ca /nowhere cannot be read .*', ['--ca', '/nowhere', 'pongs://127.0.0.1:1']],
  ])('is UNKNOWN for a usage error: %s', async (description, args) => {
    const ended = await nagios(...args);
    expect(ended).toMatchObject(told(3, `UNKNOWN - ${description}; see pongcheck ping --help`));
    expect(ended.stdout).not.toContain('hunter2');
  });
});
