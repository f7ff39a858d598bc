import { beforeEach, describe, expect, it, jest } from '@jest/globals';
import { ConnectionAttempts, type PendingSession } from '../../src/checks/mysql/connection-attempts.js';
import { FakeClock, settle } from '../fake-clock.js';

class FakeSession implements PendingSession {
  readyAt: number | undefined;
  lost = false;
  brokenOff = false;
  /** A session that is not connecting has a TCP connection, so aborting it counts as a broken handshake. */
  connecting = false;
  readonly ready: Promise<void>;
  let!: () => void;
  refuse!: (error: Error) => void;

  constructor(readonly openedAt: number) {
    this.ready = new Promise((resolve, reject) => {
      this.let = () => {
        this.readyAt = openedAt;
        resolve();
      };
      this.refuse = (error) => {
        this.lost = true;
        reject(error);
      };
    });
    this.ready.catch(() => {});
  }

  destroy(): void {
    this.refuse(new Error('destroyed'));
  }
}

describe('connection attempts to a MySQL server', () => {
  let clock: FakeClock;
  let opened: FakeSession[];
  let attempts: ConnectionAttempts<FakeSession>;
  beforeEach(() => {
    clock = new FakeClock();
    opened = [];
    attempts = new ConnectionAttempts(() => {
      const connecting = new FakeSession(clock.now());
      opened.push(connecting);
      return connecting;
    }, clock);
  });

  const last = () => opened.at(-1) as FakeSession;
  /** A run that reaches its deadline before a session opens. */
  const failedAttempt = async () => {
    const aborter = new AbortController();
    const session = attempts.session(aborter.signal);
    aborter.abort(new Error('deadline'));
    await expect(session).rejects.toThrow('deadline');
  };

  it('let each run wait for the handshake that an earlier run began', async () => {
    for (let run = 0; run < 100; run++) {
      await failedAttempt();
      clock.jump(200);
    }
    expect(opened).toHaveLength(1);
    const session = attempts.session(new AbortController().signal);
    last().let();
    expect(await session).toBe(opened[0]);
  });

  it('let a run wait for the next handshake when the previous one is abandoned', async () => {
    await failedAttempt();
    clock.jump(30_000);
    const aborter = new AbortController();
    const session = attempts.session(aborter.signal);
    expect(opened).toHaveLength(2);
    await settle();
    aborter.abort(new Error('deadline'));
    await expect(session).rejects.toThrow('deadline');
  });

  it('keep nothing of runs that waited in vain', async () => {
    await failedAttempt();
    const then = jest.spyOn(last().ready, 'then');
    for (let run = 0; run < 100; run++) await failedAttempt();
    expect(then).not.toHaveBeenCalled();
  });

  it('keep a login that finished between runs', async () => {
    await failedAttempt();
    last().let();
    expect(attempts.take()).toBe(opened[0]);
    expect(attempts.take()).toBeUndefined();
  });

  it('abandon a handshake after 30 s, then after twice as long each time, up to an hour', async () => {
    const delays: number[] = [];
    for (let since = clock.now(); delays.length < 9 && opened.length < 20; clock.jump(5000)) {
      const before = opened.length;
      await failedAttempt();
      if (opened.length === 1 || opened.length === before) continue;
      delays.push((clock.now() - since) / 1000);
      since = clock.now();
    }
    expect(delays).toEqual([30, 60, 120, 240, 480, 960, 1920, 3600, 3600]);
    expect(opened.filter(({ lost }) => !lost)).toHaveLength(1);
  });

  it('start again with 30 s after a completed handshake', async () => {
    await failedAttempt();
    clock.jump(30_000);
    await failedAttempt();
    last().let();
    expect(attempts.take()).toBe(opened[1]);
    await failedAttempt();
    clock.jump(30_000);
    await failedAttempt();
    expect(opened).toHaveLength(4);
  });

  it('begin another handshake immediately if the server ended the last one', async () => {
    await failedAttempt();
    last().refuse(new Error('reset'));
    await failedAttempt();
    expect(opened).toHaveLength(2);
  });

  it('begin none for as long after one that had to be aborted, and repeat the reason until then', async () => {
    const attempt = () => attempts.session(new AbortController().signal);
    const began: number[] = [];
    for (let second = 0; second < 100; second += 5) {
      const session = attempt();
      if (!last().lost) {
        began.push(second);
        last().brokenOff = true;
        last().refuse(new Error('not trusted'));
      }
      await expect(session).rejects.toThrow('not trusted');
      expect(attempts.retryIn).toBe(30_000 * 2 ** (began.length - 1) - (second - (began.at(-1) as number)) * 1000);
      clock.jump(5000);
    }
    expect(began).toEqual([0, 30, 90]);
  });

  it('keep no attempt that has no TCP connection yet', async () => {
    const aborter = new AbortController();
    const session = attempts.session(aborter.signal);
    last().connecting = true;
    aborter.abort(new Error('deadline'));
    await expect(session).rejects.toThrow('deadline');
    expect(last().lost).toBe(true);
    await failedAttempt();
    expect(opened).toHaveLength(2);
  });

  it('close the unfinished one when they are closed', async () => {
    await failedAttempt();
    attempts.close();
    expect(last().lost).toBe(true);
  });
});
