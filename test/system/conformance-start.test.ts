import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { type AddressInfo, connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, describe, expect, it } from '@jest/globals';
import { Command, pongcheck } from '../cli/command.js';
import { compiledPackage } from '../cli/compiled.js';

const ON_A_BUSY_MACHINE = 180_000;
const TOKEN = 'right-token-right-token';
const reference = join(compiledPackage(), 'dist/cli/conformance/reference.js');
const altered = fileURLToPath(new URL('altered-responder.js', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'pongcheck-conformance-start-'));
afterAll(() => rmSync(folder, { recursive: true }));

/** In some containers, no process reaps an orphan, so it remains as a zombie. */
function isRunning(pid: number): boolean {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return stat.slice(stat.lastIndexOf(')') + 2, stat.lastIndexOf(')') + 3) !== 'Z';
  } catch {
    return false;
  }
}

interface Report {
  rules: Record<string, string>;
  sessions: { name: string; rules: string[]; verdict: string; why?: string }[];
}

async function conformance(args: readonly string[]): Promise<Report & { code: number | null }> {
  const { code, stdout, stderr } = await pongcheck(['conformance', '--json', '--slack', '20s', ...args], {
    lifeLimit: ON_A_BUSY_MACHINE,
  });
  if (stdout === '') throw new Error(stderr);
  return { code, ...(JSON.parse(stdout) as Report) };
}

const withAlteration = (alteration: string, ...rules: string[]) =>
  conformance([
    '--start',
    `node ${altered} '${alteration}' ${reference} {settings} {port}`,
    ...rules.flatMap((rule) => ['--rule', rule]),
  ]);

/** Name and reason of each session that is not ok. */
const exceptions = ({ sessions }: Report) =>
  sessions.filter(({ verdict }) => verdict !== 'ok').map(({ name, verdict, why }) => [verdict, name, why]);
const verdicts = ({ rules }: Report) => [...new Set(Object.values(rules))];

describe('pongcheck conformance --start', () => {
  it(
    'finds each rule met by this package’s responder, with all settings',
    async () => {
      const report = await conformance(['--start', `node ${reference} {settings} {port}`]);
      expect(exceptions(report)).toEqual([]);
      expect(Object.keys(report.rules).length).toBeGreaterThan(70);
      expect(report.code).toBe(0);
    },
    ON_A_BUSY_MACHINE,
  );

  it(
    'finds each rule met by a responder that sends frames of an unknown type from 80 on between its answers',
    async () => {
      const report = await withAlteration('unknown types', 'M26', 'M57');
      expect(exceptions(report)).toEqual([]);
      expect([report.code, report.rules.M78]).toEqual([0, 'ok']);
    },
    ON_A_BUSY_MACHINE,
  );

  it(
    'detects a WATCH refused with ERROR 7 for something that does not exist',
    async () => {
      const report = await withAlteration('ERROR 7 for unknown names', 'M31');
      expect([report.code, report.rules.M31]).toEqual([1, 'failed']);
      expect(exceptions(report)).toContainEqual([
        'failed',
        'a WATCH for a check that does not exist is answered with a STATUS with code 6',
        'WATCH is refused with ERROR 7, although a WATCH without a body is answered',
      ]);
    },
    ON_A_BUSY_MACHINE,
  );

  it(
    'restarts a responder that has ended, and reports how it ended',
    async () => {
      const report = await withAlteration('ends at a STATUS', 'M31');
      expect([report.code, report.rules.M31]).toEqual([1, 'failed']);
      const [[, , why]] = exceptions(report) as [[string, string, string]];
      expect(why).toMatch(/; the responder has ended: exit code 2: panic: no STATUS$/);
      expect(new Set(report.sessions.map(({ verdict }) => verdict))).toEqual(new Set(['failed', 'ok']));
    },
    ON_A_BUSY_MACHINE,
  );

  it.each([
    ['unsupported steps', 'the responder does not support {"operator":"drain"}'],
    ['no control', 'the responder does not reply on its standard output to {"operator":"drain"} on its standard input'],
  ])(
    'does not try sessions with operator steps: %s',
    async (alteration, why) => {
      const report = await withAlteration(alteration, 'M74');
      expect(exceptions(report)).toContainEqual([
        'not tried',
        'each watch receives the status draining before GOAWAY',
        why,
      ]);
      expect(new Set(report.sessions.map(({ verdict }) => verdict))).toEqual(new Set(['not tried']));
      expect(report.code).toBe(0);
    },
    ON_A_BUSY_MACHINE,
  );

  it(
    'does not try sessions with settings that the command does not support',
    async () => {
      const report = await withAlteration('unsupported settings', 'M64', 'M75');
      expect(report.rules).toMatchObject({ M64: 'ok', M75: 'not tried' });
      expect(exceptions(report)[0]).toEqual([
        'not tried',
        'two addresses in the same IPv6 /64 network count as one address',
        'requires settings that the command does not support: the responder did not start: exit code 77: proxyProtocol is not supported',
      ]);
    },
    ON_A_BUSY_MACHINE,
  );

  it(
    'ends a responder that ignores SIGTERM',
    async () => {
      const pidFile = join(folder, 'pid');
      const report = await conformance([
        '--rule',
        'M12',
        '--start',
        `PID_FILE=${pidFile} node ${altered} 'ignores SIGTERM' ${reference} {settings} {port}`,
      ]);
      expect(verdicts(report)).toEqual(['ok']);
      await until(() => expect(isRunning(Number(readFileSync(pidFile, 'utf8')))).toBe(false));
    },
    ON_A_BUSY_MACHINE,
  );

  it(
    'ends its responders when it is ended by a signal',
    async () => {
      const pidFile = join(folder, 'pid-of-ended');
      const start = `PID_FILE=${pidFile} node ${altered} 'ignores SIGTERM' ${reference} {settings} {port}`;
      const command = new Command(['conformance', '--start', start], { lifeLimit: ON_A_BUSY_MACHINE });
      const pid = await until(() => Number(readFileSync(pidFile, 'utf8')));
      expect((await command.kill('SIGTERM')).code).toBe(143);
      await until(() => expect(isRunning(pid)).toBe(false));
    },
    ON_A_BUSY_MACHINE,
  );

  it('reports why a responder did not start', async () => {
    const { code, stdout, stderr } = await pongcheck([
      'conformance',
      '--start',
      'echo no such option: {port} >&2; echo see --help >&2; : {settings}; exit 3',
    ]);
    expect([code, stdout]).toEqual([2, '']);
    expect(stderr).toMatch(/^pongcheck: the responder did not start: exit code 3: no such option: \d+; see --help\n$/);
  });

  it('keeps the port after that of its responder open, so that no other run takes the pair', async () => {
    const script = `require("net").createServer()
      .on("error", ({ code }) => { console.error(code); process.exit(3); })
      .listen({port} + 1, "127.0.0.1", () => process.exit(4))`;
    const { stderr } = await pongcheck(['conformance', '--start', `: {settings}; node -e '${script}'`]);
    expect(stderr).toBe('pongcheck: the responder did not start: exit code 3: EADDRINUSE\n');
  });

  it.each([
    [['--start', './responder {port}'], '--start does not contain {settings}'],
    [['--start', './responder {settings} {port}', '127.0.0.1:1'], 'an address and --start are mutually exclusive'],
    [
      ['--start', './responder {settings} {port}', '--with', '{}'],
      '--with is for a running responder: specify its address',
    ],
    [['--with', '{}'], '--with requires the address of a responder'],
    [['--with', '{', '127.0.0.1:1'], '--with is not JSON'],
    [['--with', '{"check":{}}', '127.0.0.1:1'], '--with has an unknown key "check"; allowed: checks'],
  ])('refuses %j', async (args, message) => {
    const { code, stderr } = await pongcheck(['conformance', ...args]);
    expect(code).toBe(64);
    expect(stderr).toContain(message);
  });
});

describe('pongcheck conformance ADDRESS', () => {
  let responder: ChildProcess | undefined;
  afterEach(() => {
    responder?.kill('SIGKILL');
    responder = undefined;
  });

  /** Starts this package's responder with these settings. */
  async function running(settings: object): Promise<string> {
    const file = join(folder, 'settings.json');
    writeFileSync(file, JSON.stringify(settings));
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    await new Promise((resolve) => server.close(resolve));
    responder = spawn(process.execPath, [reference, file, String(port)], { stdio: ['pipe', 'ignore', 'ignore'] });
    await until(async () => {
      const socket = connect(port, '127.0.0.1');
      await once(socket, 'connect');
      socket.destroy();
    });
    return `127.0.0.1:${port}`;
  }

  it(
    'finds no violated rule in a responder whose readiness check hangs',
    async () => {
      const report = await conformance([await running({ checks: { db: 'hang' } })]);
      expect(verdicts(report).sort()).toEqual(['not tried', 'ok']);
      expect([report.code, report.rules.M19]).toEqual([0, 'ok']);
    },
    ON_A_BUSY_MACHINE,
  );

  it(
    'does not try what requires a token, unless one is given',
    async () => {
      const address = await running({ tokens: [TOKEN, 'another-token-another'], requireToken: true });
      const without = await conformance([address]);
      expect([without.code, ...verdicts(without).sort()]).toEqual([0, 'not tried', 'ok']);
      expect(without.rules).toMatchObject({ M15: 'not tried', M26: 'not tried', M50: 'not tried', M12: 'ok' });
      expect(exceptions(without)).toContainEqual([
        'not tried',
        'a WATCH is answered immediately',
        'requires the responder token (--token)',
      ]);

      const given = await conformance([address, '--token', 'another-token-another']);
      expect([given.code, ...verdicts(given).sort()]).toEqual([0, 'not tried', 'ok']);
      expect(given.rules).toMatchObject({ M15: 'ok', M26: 'ok', M35: 'ok', M11: 'ok', M72: 'not tried' });

      const has = JSON.stringify({ tokens: [TOKEN], requireToken: true });
      const described = await conformance([address, '--token', 'another-token-another', '--with', has]);
      expect([described.code, described.rules.M72]).toEqual([0, 'ok']);

      const wrong = await pongcheck(['conformance', address, '--token', 'wrong-token-wrong-token']);
      expect([wrong.code, wrong.stderr]).toEqual([2, 'pongcheck: the responder rejected the token\n']);
    },
    ON_A_BUSY_MACHINE,
  );

  it(
    'runs sessions that require no more than specified in --with',
    async () => {
      const settings = { checks: { db: 'fail', extra: 'pass' }, detail: 'always', heartbeat: { idleTimeout: 300 } };
      const address = await running(settings);
      const report = await conformance([address, '--with', JSON.stringify(settings)]);
      expect(report.code).toBe(0);
      expect(report.rules).toMatchObject({ M53: 'ok', M54: 'ok', M55: 'ok', M59: 'ok', M49: 'not tried' });
      expect(exceptions(report)).toContainEqual([
        'not tried',
        'where detail is not allowed, a PING with DETAIL is answered without a body',
        'requires a responder with {"detail":"never"}',
      ]);
      const wrong = await conformance([address, '--with', '{"checks":{"db":"pass"}}', '--rule', 'M52']);
      expect([wrong.code, wrong.rules.M52]).toEqual([1, 'failed']);
    },
    ON_A_BUSY_MACHINE,
  );
});

/** Repeats `attempt` until it neither throws nor rejects. The timeout of the test ends the loop otherwise. */
async function until<T>(attempt: () => T | Promise<T>): Promise<T> {
  for (;;) {
    try {
      return await attempt();
    } catch {
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }
}
