import { once } from 'node:events';
import type { Socket } from 'node:net';
import { afterEach, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import {
  age,
  changeLine,
  changeObject,
  historyBlocks,
  sparkline,
  table,
  type WatchedRow,
} from '../../src/cli/watch/table.js';
import { widthOf } from '../../src/cli/width.js';
import type { CheckDefinition } from '../../src/health/check.js';
import type { State } from '../../src/health/state.js';
import { createService, type Service } from '../../src/service/service.js';
import { frame, passing, ScriptedServer } from '../client/scripted-server.js';
import { Command, pongcheck } from './command.js';

const hour = (...last: (State | undefined)[]) => [
  ...Array(60 - last.length).fill(undefined),
  ...last.map((worst) => worst && { worst }),
];
const row = ({ minutes = [], ...of }: Partial<WatchedRow> & { minutes?: (State | undefined)[] } = {}): WatchedRow => ({
  where: '127.0.0.1:7464',
  displayed: 'pass',
  since: 0,
  why: '',
  failing: [],
  trips: [],
  history: () => hour(...minutes),
  ...of,
});
const plain = () => (text: string) => text;
const marked = (name: string) => (text: string) => `<${name}>${text}</${name}>`;
const lines = (rows: WatchedRow[], columns: number, height = 24, now = 125_000) =>
  table(rows, now, { columns, rows: height }, plain).map((line) => line.trimEnd());

describe('the table of watch', () => {
  const rows = [
    row({ trips: [1, 2, 3], since: 1000, minutes: ['pass', undefined, 'warn', 'pass', 'fail', 'starting', 'unknown'] }),
    row({ where: 'b.example:7464', displayed: 'fail', why: 'db=timeout cache=refused', since: 60_000 }),
  ];

  it('has a line for each responder, the last hour in blocks, and the reasons below', () => {
    expect(lines(rows, 130)).toEqual([
      `RESPONDER       STATUS      SINCE   RTT       LAST HOUR${' '.repeat(53)}TREND`,
      `127.0.0.1:7464  pass        2m04s   3.00 ms   ${'·'.repeat(53)}▁·▄▁█▂▒  ▁▅█`,
      `b.example:7464  fail        1m05s             ${'·'.repeat(60)}`,
      '  db=timeout cache=refused',
    ]);
  });

  it.each([
    [80, '127.0.0.1:7464  pass        2m04s   3.00 ms   ··························▁▄█▒', 1],
    [60, '127.0.0.1:7464  pass        2m04s   3.00 ms   ··········▁█', 0],
    [48, '127.0.0.1:7464  pass        2m04s   ··········▁█', 0],
    [40, '127.0.0.1:7464  pass        2m04s', 0],
    [30, '127.0.0.1:7464  pass', 0],
  ])('omits the trend first in %i columns, but no reason: an hour in fewer blocks', (columns, first) => {
    const shown = lines(rows, columns);
    expect(shown[1]).toBe(first);
    expect(shown[3]).toBe('  db=timeout cache=refused');
  });

  it('shows the worst state of the minutes that share a block', () => {
    const minutes = hour('pass', 'fail', 'pass', 'pass', 'warn', undefined);
    expect(historyBlocks(minutes, 60, plain).slice(-6)).toBe('▁█▁▁▄·');
    expect(historyBlocks(minutes, 20, plain).slice(-2)).toBe('█▄');
    expect(historyBlocks(minutes, 12, marked)).toBe(`<dim>${'·'.repeat(10)}</dim><green>▁</green><red>█</red>`);
  });

  it('is never wider or higher than the terminal', () => {
    const name = fc.array(fc.constantFrom('a', '-', '見', '한', 'é', 'e\u0301', '🎉', '👍🏽', '❤\ufe0f', 'ｱ', '🇩🇪'));
    const some = fc.record({
      where: name.map((parts) => parts.join('')),
      displayed: fc.constantFrom('pass' as const, 'connecting' as const, 'not-found' as const),
      why: name.map((parts) => parts.join('')),
      trips: fc.array(fc.double({ min: 0, max: 1e5, noNaN: true }), { maxLength: 24 }),
      since: fc.integer({ min: -1e12, max: 1e6 }),
    });
    fc.assert(
      fc.property(
        fc.array(some),
        fc.integer({ min: 4, max: 250 }),
        fc.integer({ min: 1, max: 40 }),
        (responders, columns, height) => {
          const shown = table(responders.map(row), 0, { columns, rows: height }, plain);
          expect(shown.length).toBeLessThanOrEqual(height);
          for (const line of shown) expect(widthOf(line)).toBeLessThanOrEqual(columns);
        },
      ),
    );
  });

  it('shows those with a reason first if not all fit, and counts the others', () => {
    const many = Array.from({ length: 9 }, (_, i) => row({ where: `r${i}`, why: i === 7 ? 'db=timeout' : '' }));
    expect(lines(many, 20, 6).map((line) => line.split(' ', 1)[0])).toEqual(['RESPOND…', 'r7', '', 'r0', 'r1', '…']);
    expect(lines(many, 20, 6).at(-1)).toBe('… 6 more');
  });

  it.each([
    [0, '0s'],
    [59_999, '59s'],
    [61_000, '1m01s'],
    [3_600_000, '1h00m'],
    [90_000_000, '1d01h'],
    [86_400_000 * 400, '400d'],
    [-5, '0s'],
  ])('shows %i ms as %s', (ms, text) => {
    expect(age(ms)).toBe(text);
  });

  it('draws equal times as a flat line', () => {
    expect(sparkline([2, 2, 2])).toBe('▁▁▁');
  });

  it('describes a change in one line', () => {
    const changed = row({ displayed: 'fail', why: 'db=timeout' });
    expect(changeLine(changed, 'pass', new Date(0))).toBe(
      '1970-01-01T00:00:00.000Z 127.0.0.1:7464 pass -> fail (db=timeout)',
    );
    const failing = [{ name: 'db', state: 'fail', reason: 'timeout' }];
    expect(changeObject({ ...changed, failing }, 'pass', new Date(0))).toEqual({
      time: new Date(0),
      address: '127.0.0.1:7464',
      status: 'fail',
      before: 'pass',
      healthy: false,
      why: 'db=timeout',
      failing,
    });
  });
});

describe('pongcheck watch', () => {
  let service: Service | undefined;
  let command: Command | undefined;

  afterEach(async () => {
    await command?.kill('SIGKILL');
    await service?.stop();
    command = undefined;
    service = undefined;
  });

  it('prints a change when it happens, not at the next PING', async () => {
    let well = true;
    const own: CheckDefinition = {
      kind: 'function',
      minInterval: 1,
      interval: 20,
      run: async () => ({ status: well ? 'pass' : 'fail' }),
    };
    service = createService({ listen: [{ url: 'pong://127.0.0.1:0' }], http: false, checks: { own } });
    await service.start();
    const address = (service.addresses[0] as string).replace('pong://', '');
    command = new Command(['watch', address, '-i', '1h']);
    await command.says(new RegExp(`${address} connecting -> pass`));
    while (service.server.stats.watches === 0) await new Promise((resolve) => setImmediate(resolve));
    well = false;
    await command.says(new RegExp(`${address} \\S+ -> fail \\(own=custom\\)`));
  });

  it('prints one line per change of each responder into a pipe, and ends with 0 at SIGINT', async () => {
    let well = true;
    const own: CheckDefinition = {
      kind: 'function',
      minInterval: 1,
      maxAge: 1,
      run: async () => ({ status: well ? 'pass' : 'fail' }),
    };
    const running = createService({ listen: [{ url: 'pong://127.0.0.1:0' }], http: false, checks: { own } });
    service = running;
    await running.start();
    const address = (running.addresses[0] as string).replace('pong://', '');
    command = new Command(['watch', address, '127.0.0.1:1', '-i', '500ms']);
    await command.says(/127\.0\.0\.1:1 connecting -> down \(.*refused/);
    await command.says(new RegExp(`${address} connecting -> pass`));
    well = false;
    await command.says(new RegExp(`${address} \\S+ -> fail \\(own=custom\\)`));
    well = true;
    await command.says(new RegExp(`-> fail [^]*${address} \\S+ -> pass`));
    await running.stop();
    await command.says(new RegExp(`${address} \\S+ -> down`));
    const { code, stderr } = await command.kill('SIGINT');
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  });

  it('prints an object for each change of the checks that it selects with --json, and ends with 0 at SIGINT', async () => {
    let well = true;
    const own: CheckDefinition = {
      kind: 'function',
      minInterval: 1,
      interval: 20,
      run: async () => (well ? { status: 'pass' } : { status: 'fail', reason: 'timeout', output: 'no \x1b[2J' }),
    };
    const down = { ...own, run: async () => ({ status: 'fail' as const }) };
    service = createService({ listen: [{ url: 'pong://127.0.0.1:0' }], http: false, checks: { own, down } });
    await service.start();
    const address = (service.addresses[0] as string).replace('pong://', '');
    command = new Command(['watch', address, '--check', 'own', '-i', '1h', '--json']);
    await command.says(/"before":"connecting".*\n/);
    while (service.server.stats.watches === 0) await new Promise((resolve) => setImmediate(resolve));
    well = false;
    await command.says(/"status":"fail".*\n/);
    const { code, stdout, stderr } = await command.kill('SIGINT');
    const common = { time: expect.stringMatching(/Z$/), address };
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(
      stdout
        .split('\n')
        .filter((line) => line !== '')
        .map((line) => JSON.parse(line)),
    ).toEqual([
      { ...common, status: 'pass', before: 'connecting', healthy: true, why: '', failing: [] },
      {
        ...common,
        status: 'fail',
        before: 'pass',
        healthy: false,
        why: 'own=timeout',
        failing: [expect.objectContaining({ name: 'own', state: 'fail', reason: 'timeout', output: 'no \\x1b[2J' })],
      },
    ]);
  });

  it('watches a group, which may not exist', async () => {
    const edge: CheckDefinition = { kind: 'function', groups: ['edge'], run: async () => ({ status: 'warn' }) };
    service = createService({ listen: [{ url: 'pong://127.0.0.1:0' }], http: false, checks: { edge } });
    await service.start();
    const address = (service.addresses[0] as string).replace('pong://', '');
    command = new Command(['watch', address, '--group', 'edge']);
    await command.says(/connecting -> warn \(edge=custom\)/);
    await command.kill('SIGKILL');
    command = new Command(['watch', address, '--group', 'egde']);
    await command.says(/connecting -> not-found/);
  });

  it('shows draining after GOAWAY, and opens the next connection at reconnectAfterMs', async () => {
    const server = await ScriptedServer.listen((seen, socket) => {
      if (seen.type === 5) socket.write(frame(5, 0, 0, seen.id, '{}'));
      passing(seen, socket);
    });
    command = new Command(['watch', server.address, '-i', '100ms']);
    await command.says(new RegExp(`${server.address} connecting -> pass`));
    const [first] = server.sockets;
    const ended = once(first as Socket, 'end');
    first?.write(frame(6, 0, 2, 0n, '{"graceMs":60000,"reconnectAfterMs":1000}'));
    const sentAt = performance.now();
    await command.says(new RegExp(`${server.address} pass -> draining \\(GOAWAY: too-old\\)`));
    await server.connection(2);
    // A timer may fire slightly early.
    expect(performance.now() - sentAt).toBeGreaterThanOrEqual(990);
    await command.says(new RegExp(`${server.address} draining -> pass`));
    await ended;
    expect(command.stdout.trim().split('\n')).toHaveLength(3);
    await command.kill('SIGKILL');
    await server.stop();
  });

  it.each([
    [['--interval', '5'], '--interval is "5"; allowed:'],
    [['--check', 'a', '--group', 'b'], '--check and --group cannot be given together'],
    [['--scope', 'all'], '--scope is "all"; allowed: one of readiness, liveness, startup'],
    [['pong://'], 'has no host'],
  ])('refuses %j', async (args, description) => {
    const { code, stderr } = await pongcheck(['watch', ...args]);
    expect(code).toBe(64);
    expect(stderr).toContain(description);
  });
});
