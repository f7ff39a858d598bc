import { once } from 'node:events';
import type { Socket } from 'node:net';
import { afterEach, describe, expect, it } from '@jest/globals';
import { board, changeLine, sparkline, type WatchedRow } from '../../src/cli/watch/table.js';
import type { CheckDefinition } from '../../src/health/check.js';
import { createService, type Service } from '../../src/service/service.js';
import { frame, passing, ScriptedServer } from '../client/scripted-server.js';
import { Command, pongcheck } from './command.js';

const row = (of: Partial<WatchedRow> = {}): WatchedRow => ({
  where: '127.0.0.1:7464',
  displayed: 'pass',
  since: 0,
  why: '',
  trips: [],
  ...of,
});
const plain = () => (text: string) => text;

describe('the table of watch', () => {
  it('has a line per responder: status, since when, round-trip time, trend, and reason', () => {
    const rows = [
      row({ trips: [1, 2, 3], since: 1000 }),
      row({ where: 'b.example:7464', displayed: 'fail', why: 'db=timeout', since: 60_000 }),
    ];
    const lines = board(rows, 125_000, 200, plain).map((line) => line.trimEnd().split(/ {2,}/));
    expect(lines).toEqual([
      ['RESPONDER', 'STATUS', 'SINCE', 'RTT', 'TREND', 'WHY'],
      ['127.0.0.1:7464', 'pass', '124s', '3.00 ms', '▁▅█'],
      ['b.example:7464', 'fail', '65s', 'db=timeout'],
    ]);
  });

  it('is never wider than the terminal', () => {
    const lines = board([row({ why: 'x'.repeat(500) })], 0, 100, plain);
    for (const line of lines) expect(line.length).toBeLessThanOrEqual(100);
  });

  it('draws equal times as a flat line', () => {
    expect(sparkline([2, 2, 2])).toBe('▁▁▁');
  });

  it('describes a change in one line', () => {
    const changed = row({ displayed: 'fail', why: 'db=timeout' });
    expect(changeLine(changed, 'pass', new Date(0))).toBe(
      '1970-01-01T00:00:00.000Z 127.0.0.1:7464 pass -> fail (db=timeout)',
    );
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
    // A timer may fire a little early.
    expect(performance.now() - sentAt).toBeGreaterThanOrEqual(990);
    await command.says(new RegExp(`${server.address} draining -> pass`));
    await ended;
    expect(command.stdout.trim().split('\n')).toHaveLength(3);
    await command.kill('SIGKILL');
    await server.stop();
  });

  it.each([
    [['--interval', '5'], '--interval is "5"; allowed:'],
    [['--scope', 'all'], '--scope is "all"; allowed: one of readiness, liveness, startup'],
    [['pong://'], 'has no host'],
  ])('refuses %j', async (args, description) => {
    const { code, stderr } = await pongcheck(['watch', ...args]);
    expect(code).toBe(64);
    expect(stderr).toContain(description);
  });
});
