import {
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import type { Log } from '../../../src/common/log.js';
import { HealthHistory } from '../../../src/health/history/health-history.js';
import { checkKey } from '../../../src/health/history/recorder.js';
import { Registry } from '../../../src/health/query/registry.js';
import { HistoryFile } from '../../../src/service/history-file/history-file.js';
import { createService } from '../../../src/service/service.js';
import { FakeClock } from '../../fake-clock.js';
import { defined } from '../../health/defined.js';
import { SteadyCheck } from '../../health/scripted-check.js';

const MINUTE = 60_000;
const DAY = 24 * 60 * MINUTE;

let folder: string;
let path: string;
let clock: FakeClock;
let log: { [K in 'debug' | 'info' | 'warn' | 'error']: jest.Mock };
const opened: HistoryFile[] = [];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'pongcheck-history-'));
  path = join(folder, 'history');
  clock = new FakeClock();
  log = { debug: jest.fn(), info: jest.fn(), warn: jest.fn(), error: jest.fn() };
});

afterEach(async () => {
  for (const file of opened.splice(0)) await file.close();
  rmSync(folder, { recursive: true });
});

/** A process that keeps its history in the file. Its checks do not run, and a test sets their states. */
function started(checks: readonly string[] = ['db'], file = path, maxBytes?: number) {
  const registry = new Registry({
    clock,
    checks: defined(Object.fromEntries(checks.map((name) => [name, new SteadyCheck()]))),
  });
  const history = new HealthHistory(registry, clock);
  const kept = new HistoryFile(file, history, clock, log as unknown as Log, maxBytes);
  kept.start();
  opened.push(kept);
  const close = async () => {
    await kept.close();
    history.close();
  };
  /** Resolves when all work that was started is done. */
  const idle = () => (kept as unknown as { working: Promise<void> }).working;
  return { history, recorder: history.recorder, close, idle };
}

const times = ({ history }: { history: HealthHistory }, count: number, check = 'db') =>
  history
    .check(check)
    ?.slots(count)
    .map((slot) => slot && [slot.worst, slot.knownMs, slot.runs]);

async function recordTwoMinutes(): Promise<void> {
  const { recorder, close } = started();
  recorder.setState(checkKey('db'), 'pass');
  recorder.addRun(checkKey('db'), false, 5);
  await clock.advance(MINUTE);
  recorder.setState(checkKey('db'), 'fail');
  await clock.advance(MINUTE + 20_000);
  await close();
}

describe('a restart', () => {
  test('keeps the slots; the time without a process has no data', async () => {
    await recordTwoMinutes();
    await clock.advance(3 * MINUTE);
    const next = started();
    next.recorder.setState(checkKey('db'), 'pass');
    await next.idle();
    await clock.advance(MINUTE);
    expect(times(next, 7)).toEqual([
      ['pass', 60_000, 1],
      ['fail', 60_000, 0],
      ['fail', 20_000, 0],
      undefined,
      undefined,
      ['pass', 40_000, 0],
      ['pass', 20_000, 0],
    ]);
    expect(log.warn).not.toHaveBeenCalled();
  });

  test('within a minute keeps both parts of it, even after the next one', async () => {
    await recordTwoMinutes();
    await clock.advance(10_000);
    const next = started();
    next.recorder.setState(checkKey('db'), 'pass');
    await next.idle();
    await clock.advance(10_000);
    await next.close();
    const last = started();
    await last.idle();
    expect(times(last, 3)).toEqual([
      ['pass', 60_000, 1],
      ['fail', 60_000, 0],
      ['fail', 30_000, 0],
    ]);
  });

  test('keeps what happened before the file was read', async () => {
    await recordTwoMinutes();
    const next = started();
    next.recorder.setState(checkKey('db'), 'pass');
    next.recorder.addRun(checkKey('db'), false, 1);
    await next.idle();
    expect(times(next, 2)).toEqual([
      ['fail', 60_000, 0],
      ['fail', 20_000, 1],
    ]);
  });

  test('after the clock was set back keeps each minute once', async () => {
    const first = started();
    first.recorder.setState(checkKey('db'), 'fail');
    await clock.advance(3 * MINUTE);
    await first.idle();
    clock.wallOffset -= 2 * MINUTE;
    first.recorder.setState(checkKey('db'), 'pass');
    for (let minute = 0; minute < 2; minute++) {
      first.recorder.addRun(checkKey('db'), false, 5);
      await clock.advance(MINUTE);
      await first.idle();
    }
    const before = times(first, 4);
    await first.close();
    const next = started();
    await next.idle();
    expect(times(next, 4)).toEqual(before);
  });

  test('does not bring back checks that no longer exist', async () => {
    const { recorder, close } = started(['db', 'old']);
    for (const name of ['db', 'old']) recorder.setState(checkKey(name), 'pass');
    await clock.advance(MINUTE);
    await close();
    const next = started();
    await next.idle();
    expect(next.recorder.keys).toEqual(['check:db']);
    await next.close();
    expect(readFileSync(path).includes('check:old')).toBe(false);
  });

  test('keeps the slots of a system whose clock begins in 1970', async () => {
    clock.wallOffset = 0;
    await recordTwoMinutes();
    const next = started();
    await next.idle();
    expect(times(next, 4)).toEqual([undefined, ['pass', 60_000, 1], ['fail', 60_000, 0], ['fail', 20_000, 0]]);
    expect(log.warn).not.toHaveBeenCalled();
  });

  test('a day later begins with an empty history', async () => {
    await recordTwoMinutes();
    await clock.advance(DAY + 2 * MINUTE);
    const next = started();
    await next.idle();
    expect(
      next.history
        .check('db')
        ?.slots(1440)
        .every((slot) => slot === undefined),
    ).toBe(true);
    expect(next.history.check('db')?.availability(DAY)).toBeUndefined();
  });
});

describe('the file', () => {
  test('is written each minute, before the process ends', async () => {
    const { recorder, idle } = started();
    recorder.setState(checkKey('db'), 'pass');
    await idle();
    expect(existsSync(path)).toBe(false);
    const sizes: number[] = [];
    for (let minute = 0; minute < 3; minute++) {
      await clock.advance(MINUTE);
      await idle();
      sizes.push(statSync(path).size);
    }
    expect(sizes[1]).toBeGreaterThan(sizes[0] as number);
    expect((sizes[2] as number) - (sizes[1] as number)).toBe((sizes[1] as number) - (sizes[0] as number));
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(readdirSync(folder).sort()).toEqual(['history', 'history.owner']);
  });

  test('is written without blocking the event loop, even after a day without a write', async () => {
    let [readings, most] = [0, 0];
    /** Each reading of the clock takes a millisecond. */
    class SlowClock extends FakeClock {
      override now(): number {
        readings++;
        this.jump(1);
        return super.now();
      }
    }
    clock = new SlowClock();
    const { recorder, idle } = started();
    recorder.setState(checkKey('db'), 'pass');
    await idle();
    let isWriting = true;
    const turn = (): void => {
      most = Math.max(most, readings);
      readings = 0;
      if (isWriting) setImmediate(turn);
    };
    turn();
    await clock.advance(MINUTE);
    await idle();
    clock.jump(DAY);
    await clock.advance(MINUTE);
    await idle();
    isWriting = false;
    expect(existsSync(path)).toBe(true);
    expect(most).toBeLessThan(100);
  });

  test('is rewritten when half of its minutes are older than a day', async () => {
    const { recorder, idle } = started();
    recorder.setState(checkKey('db'), 'pass');
    let largest = 0;
    for (let minutes = 0; minutes < 3000; minutes += 10) {
      await clock.advance(10 * MINUTE);
      await idle();
      largest = Math.max(largest, statSync(path).size);
    }
    expect(statSync(path).size).toBeLessThan(largest);
  });

  test('is rewritten before it is too large, with the newest minutes', async () => {
    const maxBytes = 20_000;
    const names = Array.from({ length: 40 }, (_, i) => `check-${i}`);
    const { recorder, close, idle } = started(names, path, maxBytes);
    await idle();
    const sizes: number[] = [];
    for (let minute = 0; minute < 100; minute++) {
      for (const name of names) {
        recorder.setState(checkKey(name), minute % 2 ? 'pass' : 'fail');
        recorder.addRun(checkKey(name), minute % 2 === 0, 5);
      }
      await clock.advance(MINUTE);
      await idle();
      sizes.push(statSync(path).size);
    }
    expect(Math.max(...sizes)).toBeLessThanOrEqual(maxBytes);
    const rewritten = sizes.filter((size, i) => size < (sizes[i - 1] ?? 0));
    expect(rewritten.length).toBeGreaterThan(0);
    expect(rewritten.length).toBeLessThan(50);
    await close();
    const next = started(names);
    await next.idle();
    const slots = next.history.check('check-39')?.slots(101) ?? [];
    const first = slots.findIndex((slot) => slot !== undefined);
    expect(first).toBeGreaterThan(0);
    expect(first).toBeLessThan(80);
    expect(slots.slice(first, -1)).not.toContain(undefined);
  });

  test('whose last record was truncated by the end of the process is used without it', async () => {
    await recordTwoMinutes();
    const bytes = readFileSync(path);
    for (const cut of [1, 10, 20]) {
      writeFileSync(path, bytes.subarray(0, bytes.length - cut));
      const next = started();
      await next.idle();
      expect(times(next, 2)).toEqual([['fail', 60_000, 0], undefined]);
      await next.close();
    }
    expect(log.warn).not.toHaveBeenCalled();
    expect(existsSync(`${path}.broken`)).toBe(false);
  });

  test.each<[string, (bytes: Buffer) => Buffer]>([
    ['damaged', (bytes) => Buffer.concat([bytes.subarray(0, 30), Buffer.from([255, 255, 255]), bytes.subarray(33)])],
    ['no history file', () => Buffer.from('listen: pong://0.0.0.0:7464\n')],
    ['too large', (bytes) => Buffer.concat([bytes, Buffer.alloc(9 * 1024 * 1024, 1)])],
    ['cut in its header', (bytes) => bytes.subarray(0, 9)],
  ])('that is %s is moved aside with a warning', async (_, damage) => {
    await recordTwoMinutes();
    const broken = damage(readFileSync(path));
    writeFileSync(path, broken);
    const next = started();
    next.recorder.setState(checkKey('db'), 'pass');
    await next.idle();
    expect(log.warn).toHaveBeenCalledTimes(1);
    expect(log.warn).toHaveBeenCalledWith(expect.anything(), expect.stringMatching(/was renamed to .*broken: it/));
    expect(readFileSync(`${path}.broken`).equals(broken)).toBe(true);
    await next.close();
    const last = started();
    await last.idle();
    expect(last.history.check('db')).toBeDefined();
    expect(log.warn).toHaveBeenCalledTimes(1);
  });

  test('that cannot be moved aside is read once, and replaced', async () => {
    await recordTwoMinutes();
    const bytes = readFileSync(path);
    writeFileSync(path, Buffer.concat([bytes, Buffer.alloc(20, 1)]));
    mkdirSync(join(`${path}.broken`, 'any'), { recursive: true });
    const next = started();
    await next.idle();
    for (let minute = 0; minute < 2; minute++) {
      await clock.advance(MINUTE);
      await next.idle();
    }
    expect(times(next, 5)?.[0]).toEqual(['pass', 60_000, 1]);
    expect(log.warn).toHaveBeenCalledTimes(1);
    expect(readFileSync(path).equals(bytes)).toBe(false);
  });

  test('is a new file, not one that was left under the temporary name', async () => {
    const other = join(folder, 'other');
    writeFileSync(other, 'of somebody else', { mode: 0o644 });
    symlinkSync(other, `${path}.tmp`);
    await recordTwoMinutes();
    expect(readFileSync(other, 'utf8')).toBe('of somebody else');
    expect(lstatSync(path).isFile()).toBe(true);
    expect(statSync(path).mode & 0o777).toBe(0o600);
  });

  test('may be empty', async () => {
    writeFileSync(path, '');
    const { idle } = started();
    await idle();
    expect(log.warn).not.toHaveBeenCalled();
  });
});

describe('several processes', () => {
  test('the second one runs without the file, with one warning, and takes over when the first ends', async () => {
    const first = started();
    first.recorder.setState(checkKey('db'), 'fail');
    await first.idle();
    const second = started();
    second.recorder.setState(checkKey('db'), 'pass');
    for (let minute = 0; minute < 3; minute++) {
      await clock.advance(MINUTE);
      await Promise.all([first.idle(), second.idle()]);
    }
    expect(log.warn).toHaveBeenCalledTimes(1);
    expect(log.warn).toHaveBeenCalledWith(
      { file: path },
      `history.file ${path} cannot be used at the moment, so the history would not survive a restart: ${path}.owner: another process is listening on it`,
    );
    expect(times(second, 4)?.[0]?.[0]).toBe('pass');
    await first.close();
    await clock.advance(MINUTE);
    await second.idle();
    expect(times(second, 5)?.[0]?.[0]).toBe('fail');
    await second.close();
    expect(log.warn).toHaveBeenCalledTimes(1);
    expect(readdirSync(folder)).toEqual(['history']);
  });
});

describe('a problem with the file', () => {
  test.each<[string, () => string]>([
    ['a folder that does not exist', () => join(folder, 'missing', 'history')],
    ['a folder in place of the file', () => folder],
    ['a device', () => '/dev/null'],
    ['a path that is too long for a socket', () => join(folder, 'x'.repeat(100))],
  ])('%s: is logged once a day and has no other effect', async (_, file) => {
    const { history, recorder, close, idle } = started(['db'], file());
    recorder.setState(checkKey('db'), 'pass');
    await idle();
    expect(log.warn).toHaveBeenCalledTimes(1);
    await clock.advance(10 * MINUTE);
    await idle();
    expect(log.warn).toHaveBeenCalledTimes(1);
    expect(times({ history }, 11)?.[0]).toEqual(['pass', 60_000, 0]);
    clock.jump(DAY);
    await clock.advance(MINUTE);
    await idle();
    expect(log.warn).toHaveBeenCalledTimes(2);
    await close();
  });
});

describe('a service', () => {
  const options = { listen: [], http: false, checks: { db: () => {} } } as const;

  test('keeps its history over a restart, and a reload does not change the file', async () => {
    const first = createService({ ...options, history: { file: path } });
    await first.start();
    const { needsRestart } = await first.reload({ ...options, history: { file: `${path}2` } });
    expect(needsRestart).toEqual(['history.file']);
    await first.stop();
    expect(readFileSync(path).includes('check:db')).toBe(true);
    const second = createService({ ...options, history: { file: path } });
    try {
      await second.start();
      const before = first.history.check('db')?.slots(2) ?? [];
      const runs = before.reduce((sum, slot) => sum + (slot?.runs ?? 0), 0);
      while ((second.history.check('db')?.slots(3) ?? []).reduce((sum, slot) => sum + (slot?.runs ?? 0), 0) <= runs) {
        await new Promise((resolve) => setImmediate(resolve));
      }
    } finally {
      await second.stop();
    }
  });

  test('that was not started does not touch the file', async () => {
    await createService({ ...options, history: { file: path } }).stop();
    expect(readdirSync(folder)).toEqual([]);
  });
});
