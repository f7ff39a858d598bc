import { describe, expect, it } from '@jest/globals';
import type { PeerTally } from '../../src/health/fate.js';
import { parsePeerAddress } from '../../src/net/peer-address.js';
import type { PeerConnection } from '../../src/peers/connection.js';
import { ServicePeers } from '../../src/peers/peers.js';
import { FakeClock } from '../fake-clock.js';

interface Answer {
  status: string;
  age?: number;
  hasPassed?: boolean;
}

/** Peers at these addresses, by host. A peer without an answer here does not answer. */
function peersOf(answers: Record<string, Answer | undefined>, ask = 5) {
  const clock = new FakeClock();
  const asked: string[] = [];
  const peers = new ServicePeers({
    from: Object.keys(answers).map(parsePeerAddress),
    ask,
    timeout: 300,
    instance: 'me',
    identity: () => ({}),
    clock,
    connect: async ({ address }, signal) => {
      const { host } = address as { host: string };
      const ping = async () => {
        asked.push(host);
        const answer = answers[host];
        if (!answer) return new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)));
        const { status, age = 0, hasPassed = true } = answer;
        return { status, own: { instance: host, age, hasPassed } };
      };
      return { ended: false, ping, destroy() {} } as object as PeerConnection;
    },
  });
  const round = async (passedAt: number, failedAt: number) => {
    let answered: (PeerTally & { isOutdated: boolean }) | undefined;
    peers.ask('db', { passedAt, failedAt }, (tally, isOutdated) => {
      answered = { ...tally, isOutdated };
    });
    await clock.advance(300);
    return answered;
  };
  return { clock, peers, asked, round };
}

describe('a query round', () => {
  it.each([
    ['only from before the failure here', 1500, true],
    ['from after it', 1000, false],
  ])('has passes %s', async (_, age, isOutdated) => {
    const { clock, round } = peersOf({ '10.0.0.1': { status: 'pass', age }, '10.0.0.2': { status: 'fail' } });
    await clock.advance(10_000);
    expect(await round(5000, 9000)).toEqual({ asked: 2, answered: 2, failing: 1, isOutdated });
  });

  it('does not count results from before the last pass here, nor checks that have never passed', async () => {
    const { clock, round } = peersOf({
      '10.0.0.1': { status: 'pass', age: 5001 },
      '10.0.0.2': { status: 'fail', hasPassed: false },
      '10.0.0.3': { status: 'unknown' },
      '10.0.0.4': { status: 'fail', age: 5000 },
    });
    await clock.advance(10_000);
    expect(await round(5000, 9000)).toEqual({ asked: 4, answered: 1, failing: 1, isOutdated: true });
  });

  it('replaces peers whose answer did not count, as long as there are others', async () => {
    const answers = Object.fromEntries(
      Array.from({ length: 12 }, (_, n) => [`10.0.0.${n}`, { status: 'fail', hasPassed: n < 3 }]),
    );
    const { round } = peersOf(answers, 4);
    let tally = await round(0, 0);
    while (tally?.answered !== 3) tally = await round(0, 0);
    expect(tally).toMatchObject({ asked: 4, answered: 3, failing: 3 });
    const few = peersOf({ '10.0.0.1': { status: 'fail', hasPassed: false }, '10.0.0.2': { status: 'fail' } });
    expect(await few.round(0, 0)).toMatchObject({ asked: 2, answered: 1 });
    expect(await few.round(0, 0)).toMatchObject({ asked: 2, answered: 1 });
  });

  it('is completed although a reload has replaced the peers', async () => {
    const { peers, clock } = peersOf({ '10.0.0.1': { status: 'fail' }, '10.0.0.2': undefined });
    const tallies: PeerTally[] = [];
    peers.ask('db', { passedAt: 0, failedAt: 0 }, (tally) => tallies.push(tally));
    peers.retire();
    await clock.advance(299);
    expect(tallies).toEqual([]);
    await clock.advance(1);
    expect(tallies).toEqual([{ asked: 2, answered: 1, failing: 1 }]);
    expect(clock.timers).toBe(0);
  });

  it('queries the same peers again, and replaces those that did not answer', async () => {
    const answers = Object.fromEntries(
      Array.from({ length: 20 }, (_, n) => [`10.0.0.${n}`, n < 10 ? { status: 'fail' } : undefined]),
    );
    const { asked, round } = peersOf(answers);
    let answering: string[] = [];
    while (answering.length < 5) {
      const tally = await round(0, 0);
      const now = asked.splice(0);
      expect(new Set(now).size).toBe(5);
      expect(now).toEqual(expect.arrayContaining(answering));
      answering = now.filter((host) => answers[host]);
      expect(tally).toMatchObject({ asked: 5, answered: answering.length, failing: answering.length });
    }
  });
});
