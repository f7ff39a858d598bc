import { afterEach, describe, expect, it } from '@jest/globals';
import { createService, type Service } from '../../src/service/service.js';
import { Command, pongcheck } from './command.js';
import { ScriptedResponder, type SeenPing } from './scripted-responder.js';

const PASS = 1;
const WARN = 2;
const FAIL = 3;

let responder: ScriptedResponder | undefined;
let service: Service | undefined;
afterEach(async () => {
  await responder?.stop();
  await service?.stop();
  responder = service = undefined;
});

async function scripted(answer: (ping: SeenPing, nth: number) => void): Promise<string> {
  responder = await ScriptedResponder.start(answer);
  return responder.address;
}

describe('pongcheck ping', () => {
  it('prints a line for each PONG, then the statistics, like ping(8)', async () => {
    service = createService({ listen: [{ url: 'pong://127.0.0.1:0' }], http: false, checks: { own: () => {} } });
    await service.start();
    const [url = ''] = service.addresses;
    const where = url.replace('pong://', '');
    const { code, stdout, stderr } = await pongcheck(['ping', url, '-c', '3', '-i', '10ms']);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    const lines = stdout.split('\n');
    expect(lines[0]).toBe(`PING ${where}`);
    for (const seq of [1, 2, 3]) {
      expect(lines[seq]).toMatch(new RegExp(`^pass from ${where}: seq=${seq} time=[0-9.]+ ms$`));
    }
    expect(lines.slice(4)).toEqual([
      '',
      `--- ${where} ping statistics ---`,
      expect.stringMatching(/^3 sent, 3 received, 0% loss, 3 pass, time \d+ ms$/),
      expect.stringMatching(/^rtt min\/avg\/max\/mdev = [0-9.]+\/[0-9.]+\/[0-9.]+\/[0-9.]+ ms$/),
      '',
    ]);
  });

  it('ends on SIGINT with the statistics, without --count', async () => {
    const address = await scripted((ping) => ping.pong(PASS));
    const command = new Command(['ping', address, '-i', '5ms']);
    await command.says(/seq=2 /);
    const { code, stdout } = await command.kill('SIGINT');
    expect(code).toBe(0);
    expect(stdout).toMatch(/sent, \d+ received, 0% loss/);
  });

  it('ends immediately on a signal while a PING is unanswered, and does not count that PING', async () => {
    const address = await scripted((ping, nth) => nth === 1 && ping.pong(PASS));
    const command = new Command(['ping', address, '-i', '5ms', '-W', '1h']);
    await command.says(/seq=1 /);
    const { code, stdout } = await command.kill('SIGTERM');
    expect(code).toBe(0);
    expect(stdout).toMatch(/1 sent, 1 received, 0% loss/);
  });

  it('marks a stale answer, and one with an unknown code', async () => {
    const address = await scripted((ping, nth) => ping.pong(nth === 1 ? PASS : 200, undefined, nth === 1 ? 0x02 : 0));
    const { code, stdout } = await pongcheck(['ping', address, '-c', '2', '-i', '1ms']);
    expect(stdout).toMatch(/^pass from \S+ seq=1 time=\S+ ms stale$/m);
    expect(stdout).toMatch(/^unknown\(200\) from \S+ seq=2 /m);
    expect(code).toBe(1);
  });

  it('reconnects when the connection is lost, and prints the reason', async () => {
    const address = await scripted((ping, nth) => (nth === 2 ? ping.socket.destroy() : ping.pong(PASS)));
    const { code, stdout } = await pongcheck(['ping', address, '-c', '3', '-i', '1ms']);
    expect(stdout).toMatch(/^pass from \S+ seq=1 /m);
    expect(stdout).toMatch(new RegExp(`^no answer from ${address}: seq=2 .*closed`, 'm'));
    expect(stdout).toMatch(/^pass from \S+ seq=3 /m);
    expect(stdout).toMatch(/^3 sent, 2 received, 33\.3% loss, 2 pass, /m);
    expect(code).toBe(0);
  });

  it('sends the options of its flags', async () => {
    const asked: unknown[] = [];
    const address = await scripted((ping) => {
      asked.push({ scope: ping.scope, flags: ping.flags, body: ping.body });
      ping.pong(PASS);
    });
    const once = (...flags: string[]) => pongcheck(['ping', address, '-c', '1', ...flags]);
    await once();
    await once('--scope', 'liveness', '--detail');
    await once('--check', 'a', '--check', 'b', '--max-age', '0', '--timeout', '1.5s');
    await once('--group', 'g');
    expect(asked).toEqual([
      { scope: 0, flags: 1, body: undefined },
      { scope: 1, flags: 1, body: undefined },
      { scope: 0, flags: 1, body: { checks: ['a', 'b'], maxAgeMs: 0, timeoutMs: 1500 } },
      { scope: 0, flags: 1, body: { group: 'g' } },
    ]);
  });

  it.each([
    [[], 1],
    [['-i', '100ms'], 1],
    [['-i', '99ms'], 0],
    [['-i', '99ms', '--detail'], 1],
    [['--json'], 0],
    [['--exit', 'nagios'], 0],
    [['--exit', 'k8s'], 1],
  ])('requests the report if the lines can show reasons, but not at a high rate: %j', async (flags, detail) => {
    let seen: number | undefined;
    const address = await scripted((ping) => {
      seen = ping.flags;
      ping.pong(PASS);
    });
    await pongcheck(['ping', address, '-c', '1', ...flags]);
    expect(seen).toBe(detail);
  });

  it('reports a truncated report only if results were requested, because it always contains the causes', async () => {
    const report = { state: 'fail', instance: 'i', causes: [{ instance: 'i', via: [], check: 'db', reason: 'lag' }] };
    const address = await scripted((ping) => ping.pong(FAIL, report, 0x04));
    const lineOf = async (...flags: string[]) => (await pongcheck(['ping', address, '-c', '1', ...flags])).stdout;
    expect(await lineOf()).toMatch(/ ms db=lag$/m);
    expect(await lineOf('--detail')).toMatch(/ ms truncated db=lag$/m);
  });

  it('names the checks that do not pass, without running any more often', async () => {
    let runs = 0;
    const settings = { kind: 'function', interval: 0, maxAge: 3_600_000 };
    service = createService({
      listen: [{ url: 'pong://127.0.0.1:0' }],
      http: false,
      checks: {
        db: {
          ...settings,
          run: async () => {
            runs++;
            return { status: 'fail', reason: 'timeout', output: 'no answer' };
          },
        },
        cache: { ...settings, run: async () => ({ status: 'pass' }) },
      },
    });
    await service.start();
    const [url = ''] = service.addresses;
    const { code, stdout } = await pongcheck(['ping', url, '-c', '3', '-i', '100ms']);
    expect(stdout.match(/^fail from \S+ seq=\d time=\S+ ms db=timeout$/gm)).toHaveLength(3);
    expect(stdout).not.toContain('cache');
    expect([code, runs]).toEqual([1, 1]);
  });
});

describe('the exit code of a probe', () => {
  it.each([
    ['pass', PASS, 0],
    ['warn', WARN, 0],
    ['fail', FAIL, 1],
    ['unknown', 0, 1],
    ['draining', 4, 1],
    ['starting', 5, 1],
    ['not-found', 6, 1],
  ])('%s', async (status, octet, exit) => {
    const address = await scripted((ping) => ping.pong(octet));
    const { code, stdout } = await pongcheck(['ping', address, '-c', '1']);
    expect(stdout).toContain(`\n${status} from ${address}: seq=1 `);
    expect(code).toBe(exit);
  });

  it('is 2 if nothing listens', async () => {
    const address = await scripted(() => {});
    await responder?.stop();
    responder = undefined;
    const { code, stdout } = await pongcheck(['ping', address, '-c', '1']);
    expect(stdout).toContain(`no answer from ${address}: seq=1 refused the connection: nothing is listening there\n`);
    expect(stdout).toContain('1 sent, 0 received, 100% loss');
    expect(code).toBe(2);
  });

  it('is 2 without an answer in time', async () => {
    const address = await scripted(() => {});
    const { code, stdout } = await pongcheck(['ping', address, '-c', '1', '-W', '50ms']);
    expect(stdout).toMatch(new RegExp(`^no answer from ${address}: seq=1 did not .* within 0\\.05 s$`, 'm'));
    expect(code).toBe(2);
  });

  it('is 2 for an ERROR, which is printed with its name', async () => {
    const body = Buffer.from(JSON.stringify({ message: 'slow\ndown' }));
    const head = Buffer.from([0, 0, 0, 12 + body.length, 1, 0x7f, 1, 8, 0, 0, 0, 0, 0, 0, 0, 0]);
    const address = await scripted(({ socket }) => socket.end(Buffer.concat([head, body])));
    const { code, stdout } = await pongcheck(['ping', address, '-c', '1']);
    expect(stdout).toMatch(/seq=1 answered ERROR 8 too-many-pings: slow\S+down$/m);
    expect(code).toBe(2);
  });

  it.each([
    [[PASS, FAIL], 1],
    [[FAIL, PASS], 0],
  ])('is that of the last PONG: %j -> %d', async (statuses, exit) => {
    const address = await scripted((ping, nth) => ping.pong(statuses[nth - 1] as number));
    expect(await pongcheck(['ping', address, '-c', '2', '-i', '1ms'])).toMatchObject({ code: exit });
  });
});

describe('pongcheck ping --detail', () => {
  const report = (output: string) => ({
    status: 'fail',
    state: 'fail',
    checks: {
      mysql: [{ status: 'fail', state: 'fail', reason: 'timeout', output }],
      cache: [{ status: 'pass', state: 'pass', durationMs: 0.4 }],
    },
  });

  it('names failing checks with their reasons, and prints all checks after each change', async () => {
    const address = await scripted((ping, nth) => ping.pong(FAIL, report(nth < 3 ? 'no answer' : 'gone')));
    const { stdout } = await pongcheck(['ping', address, '--detail', '-c', '3', '-i', '1ms']);
    const told = stdout.split('\n').slice(1, 8);
    expect(told.map((line) => line.replace(/time=\S+ ms/, 'time=T'))).toEqual([
      `fail from ${address}: seq=1 time=T mysql=timeout`,
      '    mysql  fail     timeout: no answer',
      '    cache  pass     0.4 ms',
      `fail from ${address}: seq=2 time=T mysql=timeout`,
      `fail from ${address}: seq=3 time=T mysql=timeout`,
      '    mysql  fail     timeout: gone',
      '    cache  pass     0.4 ms',
    ]);
  });

  it('reports whether a failure is shared, and reports each change', async () => {
    const shared = (failing: number, fate: string) => ({
      checks: { db: [{ state: 'fail', reason: 'timeout', fate, peers: { asked: 5, answered: 5, failing } }] },
    });
    const address = await scripted((ping, nth) => {
      if (nth < 3) ping.pong(WARN, shared(4, 'shared'));
      else ping.pong(FAIL, shared(1, 'local'));
    });
    const { stdout } = await pongcheck(['ping', address, '--detail', '-c', '3', '-i', '1ms']);
    const lines = stdout.split('\n').slice(1, 6);
    expect(lines.map((line) => line.replace(/time=\S+ ms/, 'time=T'))).toEqual([
      `warn from ${address}: seq=1 time=T db=timeout (shared)`,
      '    db  fail     timeout; shared: fails at 4 of 5 peers',
      `warn from ${address}: seq=2 time=T db=timeout (shared)`,
      `fail from ${address}: seq=3 time=T db=timeout (local)`,
      '    db  fail     timeout; local: works at 4 of 5 peers',
    ]);
  });

  it('names a cause that is not a check of the responder, such as its blocked event loop', async () => {
    const causes = [
      { instance: 'a', via: [], check: 'event-loop', reason: 'loop-blocked', output: 'blocked since noon' },
      { instance: 'a', via: [], check: 'mysql', reason: 'timeout', output: 'no answer' },
      { instance: 'b', via: ['c'], check: 'disk', reason: 'threshold' },
    ];
    const address = await scripted((ping) => ping.pong(FAIL, { ...report('no answer'), causes }));
    const { stdout } = await pongcheck(['ping', address, '--detail', '-c', '1']);
    expect(stdout.split('\n').slice(1, 5)).toEqual([
      expect.stringContaining(' event-loop=loop-blocked mysql=timeout'),
      expect.stringMatching(/^ {4}event-loop +fail +loop-blocked: blocked since noon$/),
      expect.stringMatching(/^ {4}mysql +fail +timeout: no answer$/),
      expect.stringMatching(/^ {4}cache +pass /),
    ]);
  });

  it('prints no control characters from a peer', async () => {
    const hostile = { 'a\x1b[2J': [{ state: 'fail\x07', reason: '\x9b31m', output: '\r\nfake line\u202e' }] };
    const address = await scripted((ping) => ping.pong(FAIL, { checks: hostile }));
    for (const flags of [[], ['--json']]) {
      const { stdout } = await pongcheck(['ping', address, '--detail', '-c', '1', ...flags]);
      expect(stdout.replaceAll('\n', '')).toMatch(/^\P{C}*$/u);
      expect(stdout).not.toMatch(/^fake/m);
    }
  });
});

describe('pongcheck ping --json', () => {
  it('prints one object per line: answers, failures, statistics', async () => {
    const address = await scripted((ping, nth) =>
      nth === 1 ? ping.pong(WARN, { state: 'warn' }, 4) : ping.socket.destroy(),
    );
    const { code, stdout } = await pongcheck(['ping', address, '--json', '--detail', '-c', '2', '-i', '1ms']);
    expect(code).toBe(2);
    const rttMs = expect.any(Number);
    expect(
      stdout
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line)),
    ).toEqual([
      {
        type: 'pong',
        address,
        seq: 1,
        status: 'warn',
        code: 2,
        healthy: true,
        stale: false,
        truncated: true,
        rttMs,
        report: { state: 'warn' },
      },
      { type: 'failure', address, seq: 2, code: 'PONGCHECK_CLOSED', message: expect.any(String) },
      {
        type: 'summary',
        address,
        sent: 2,
        received: 1,
        lossPercent: 50,
        statuses: { warn: 1 },
        elapsedMs: expect.any(Number),
        rttMs: { min: rttMs, avg: rttMs, max: rttMs, mdev: 0 },
      },
    ]);
  });
});
