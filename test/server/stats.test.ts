import { describe, expect, it } from '@jest/globals';
import type { Histogram } from '../../src/common/histogram.js';
import { scopes } from '../../src/health/health.js';
import { ServerStats } from '../../src/server/stats.js';
import { turnsUntil } from './harness.js';
import { ping } from './peer.js';
import { describeServed } from './scripted-service.js';

const gauges = ['open', 'arriving', 'waiting', 'watches', 'modes.undecided', 'modes.binary', 'modes.line'];

/** Statistics whose array contains the numbers 1, 2, 3 ..., so that each field shows which element it reads. */
function numbered(array = new Float64Array(ServerStats.length)): ServerStats {
  return new ServerStats(array.map((_, index) => index + 1));
}

/** The numbers of all fields, by path. */
function flat(stats: ServerStats): Record<string, number> {
  const numbers: Record<string, number> = {};
  const add = (path: string, value: number | ArrayLike<number> | Histogram | object): void => {
    if (typeof value === 'number') numbers[path] = value;
    else for (const [key, inner] of Object.entries(value)) add(`${path}.${key}`, inner);
  };
  for (const key of ['open', 'arriving', 'waiting', 'watches', 'modes'] as const) add(key, stats[key]);
  for (const key of ['accepted', 'stale', 'ignoredFrames', 'bytesIn', 'bytesOut'] as const) add(key, stats[key]);
  for (const key of ['refused', 'closed', 'paused', 'pings', 'statuses', 'lines', 'errors'] as const)
    add(key, stats[key]);
  for (const key of ['replyTime', 'resultAge'] as const) {
    const { counts, sum } = stats[key];
    add(key, { counts, sum });
  }
  return numbers;
}

/** Sets each field to a different number, in the ways in which a server counts. Returns the numbers by path. */
function setEach(stats: ServerStats): Record<string, number> {
  const expected: Record<string, number> = {};
  let next = 0;
  const set = (path: string, record: Record<string, number> | Float64Array, key: string) => {
    (record as Record<string, number>)[key] = ++next;
    expected[path] = next;
  };
  const scalars = stats as unknown as Record<string, number>;
  for (const path of Object.keys(flat(stats))) {
    const keys = path.split('.');
    const last = keys.pop() as string;
    if (last === 'sum' || keys.at(-1) === 'counts') continue;
    const record = keys.reduce<any>((at, key) => at[key], scalars);
    set(path, record, last);
  }
  for (const name of ['replyTime', 'resultAge'] as const) {
    const { bounds } = stats[name];
    let sum = 0;
    for (const [bucket, value] of [...bounds, 100].entries()) {
      stats[name].observe(value, ++next);
      expected[`${name}.counts.${bucket}`] = next;
      sum += value * next;
    }
    expected[`${name}.sum`] = sum;
  }
  return expected;
}

describe('the numbers of a server', () => {
  it('are stored in one array, each field in its own element', () => {
    const stats = new ServerStats();
    expect(flat(stats)).toEqual(Object.fromEntries(Object.keys(flat(stats)).map((path) => [path, 0])));
    const expected = setEach(stats);
    expect(flat(stats)).toEqual(expected);

    const elements = Object.values(flat(numbered()));
    expect(elements.sort((a, b) => a - b)).toEqual(Array.from({ length: ServerStats.length }, (_, index) => index + 1));
    expect(ServerStats.bytes).toBe(8 * elements.length);
  });

  it('are read by another thread that has a view of the same memory', () => {
    const memory = new SharedArrayBuffer(ServerStats.bytes);
    const counting = new ServerStats(new Float64Array(memory));
    const reading = new ServerStats(new Float64Array(memory));
    const expected = setEach(counting);
    expect(flat(reading)).toEqual(expected);
  });

  it('are incremented in place', () => {
    const stats = numbered();
    const before = flat(stats);
    stats.bytesIn += 16;
    stats.pings.startup.warn += 3;
    stats.closed.drained++;
    stats.errors[13]!++;
    stats.modes.binary--;
    expect(flat(stats)).toEqual({
      ...before,
      bytesIn: before.bytesIn! + 16,
      'pings.startup.warn': before['pings.startup.warn']! + 3,
      'closed.drained': before['closed.drained']! + 1,
      'errors.13': before['errors.13']! + 1,
      'modes.binary': before['modes.binary']! - 1,
    });
  });

  it('are part of JSON and copies like those of plain records', () => {
    const stats = new ServerStats();
    stats.modes.line = 2;
    expect(JSON.parse(JSON.stringify(stats.modes))).toEqual({ undecided: 0, binary: 0, line: 2 });
    expect({ ...stats.modes }).toEqual({ undecided: 0, binary: 0, line: 2 });
    expect(Object.keys(stats.pings)).toEqual([...scopes]);
  });

  it('are added up over several servers, with the certificates of all', () => {
    const [one, two] = [numbered(), new ServerStats()];
    setEach(two);
    one.certificates = () => [['pongs://127.0.0.1:1', 1]];
    two.certificates = () => [['pongs://127.0.0.1:2', 2]];
    const [first, second] = [flat(one), flat(two)];
    const sum = ServerStats.sum([one, two]);
    expect(flat(sum)).toEqual(
      Object.fromEntries(Object.entries(first).map(([path, value]) => [path, value + second[path]!])),
    );
    expect(sum.certificates()).toEqual([...one.certificates(), ...two.certificates()]);
    sum.accepted += 1000;
    expect([flat(one), flat(two)]).toEqual([first, second]);
    expect(flat(ServerStats.sum([]))).toEqual(flat(new ServerStats()));
  });

  it('keep the counters and lose the gauges when the gauges are reset', () => {
    const stats = numbered();
    const before = flat(stats);
    stats.resetGauges();
    expect(flat(stats)).toEqual({ ...before, ...Object.fromEntries(gauges.map((path) => [path, 0])) });
  });
});

describeServed('the connections by mode', (serve) => {
  it('follow each connection from its accept through its first byte to its close', async () => {
    const { connect, stats } = await serve();
    const modes = () => ({ open: stats.open, ...stats.modes });
    const [silent, binary, line, unknown] = await Promise.all([connect(), connect(), connect(), connect()]);
    await turnsUntil(() => stats.open === 4);
    expect(modes()).toEqual({ open: 4, undecided: 4, binary: 0, line: 0 });

    binary.sendHex(ping('0000000000000001'));
    await binary.hex(16);
    line.send('ping\n');
    await line.text(5);
    // A later frame or line changes nothing.
    binary.sendHex(ping('0000000000000002'));
    await binary.hex(16);
    expect(modes()).toEqual({ open: 4, undecided: 2, binary: 1, line: 1 });

    unknown.sendHex('ff');
    await unknown.untilEnd();
    unknown.socket.end();
    await turnsUntil(() => stats.closed['wrong-protocol'] === 1);
    expect(modes()).toEqual({ open: 3, undecided: 1, binary: 1, line: 1 });

    binary.socket.resetAndDestroy();
    await turnsUntil(() => stats.open === 2);
    expect(modes()).toEqual({ open: 2, undecided: 1, binary: 0, line: 1 });
    silent.socket.end();
    line.socket.end();
    await turnsUntil(() => stats.open === 0);
    expect(modes()).toEqual({ open: 0, undecided: 0, binary: 0, line: 0 });
  });

  it('count a connection that a listener rejects in no mode', async () => {
    const { connect, stats } = await serve({ limits: { maxConnections: 1 } });
    await connect();
    const rejected = await connect();
    await rejected.untilEnd();
    expect({ open: stats.open, ...stats.modes }).toEqual({ open: 1, undecided: 1, binary: 0, line: 0 });
  });
});
