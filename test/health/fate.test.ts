import { describe, expect, it } from '@jest/globals';
import {
  FailureFate,
  type FailureTimes,
  type Fate,
  fateOf,
  type Peers,
  type PeerTally,
} from '../../src/health/fate.js';
import { settle } from '../fake-clock.js';
import { registryOf } from './asking.js';
import { defined } from './defined.js';
import { SteadyCheck } from './scripted-check.js';

const tally = (answered: number, failing: number): PeerTally => ({ asked: 5, answered, failing });

describe('the fate of a failure', () => {
  it.each<[answered: number, failing: number, Fate]>([
    [0, 0, 'unknown'],
    [1, 1, 'unknown'],
    [1, 0, 'local'],
    [2, 2, 'shared'],
    [2, 1, 'local'],
    [2, 0, 'local'],
    [3, 2, 'shared'],
    [3, 1, 'local'],
    [4, 3, 'shared'],
    [4, 2, 'local'],
    [5, 4, 'shared'],
    [5, 3, 'local'],
    [5, 5, 'shared'],
    [16, 11, 'shared'],
    [16, 10, 'local'],
  ])('of %i answers, %i of them failing, is %s', (answered, failing, fate) => {
    expect(fateOf(tally(answered, failing))).toBe(fate);
  });

  it('changes from local to shared after two rounds in a row, and back immediately', () => {
    const fate = new FailureFate();
    const rounds = [
      tally(4, 4),
      tally(4, 0),
      tally(4, 4),
      tally(0, 0),
      tally(4, 4),
      tally(4, 4),
      tally(4, 4),
      tally(4, 1),
    ];
    expect(rounds.map((round) => fate.next(round))).toEqual([
      'shared',
      'local',
      'local',
      'unknown',
      'local',
      'shared',
      'shared',
      'local',
    ]);
  });
});

describe('the fate of a failure that peers have not detected yet', () => {
  it('becomes shared in the first shared round', () => {
    const fate = new FailureFate();
    expect([fate.next(tally(4, 1), true), fate.next(tally(4, 4))]).toEqual(['local', 'shared']);
  });

  it('stays local for another round after a pass from after the failure', () => {
    const fate = new FailureFate();
    const rounds = [fate.next(tally(4, 1), false), fate.next(tally(4, 1), true), fate.next(tally(4, 4))];
    expect(rounds).toEqual(['local', 'local', 'local']);
    expect(fate.next(tally(4, 4))).toBe('shared');
  });
});

/** Peers whose answers are provided by the test. */
class ScriptedPeers implements Peers {
  readonly asked: { check: string; since: FailureTimes; answer: (tally: PeerTally, isOutdated?: boolean) => void }[] =
    [];
  readonly recoveredChecks: string[] = [];

  ask(check: string, since: FailureTimes, answer: (tally: PeerTally, isOutdated?: boolean) => void): void {
    this.asked.push({ check, since, answer });
  }

  recovered(check: string): void {
    this.recoveredChecks.push(check);
  }

  get last() {
    return this.asked.at(-1) as (typeof this.asked)[number];
  }
}

/** A registry with one check that passes first, and about whose failures peers are queried. */
async function running(settings: ConstructorParameters<typeof SteadyCheck>[0] = {}) {
  const db = new SteadyCheck({ interval: 5000, maxAge: 6000, onShared: 'warn', ...settings });
  const peers = new ScriptedPeers();
  const parts = registryOf({ db }, { peers });
  parts.registry.start();
  await settle();
  return { db, peers, ...parts, state: () => parts.registry.stateOf('readiness') };
}

describe('a check with onShared: warn', () => {
  it('queries no peers while it passes or warns', async () => {
    const { db, peers, clock } = await running();
    db.outcome = { status: 'warn' };
    await clock.advance(20_000);
    expect(peers.asked).toEqual([]);
  });

  it('only warns when the failure is shared, and still fails in the report', async () => {
    const { db, peers, clock, state, ask } = await running();
    db.outcome = new Error('down');
    await clock.advance(5000);
    expect(peers.asked).toMatchObject([{ check: 'db', since: { passedAt: 0, failedAt: 5000 } }]);
    expect(state()).toBe('pass');
    peers.last.answer(tally(5, 4));
    expect(state()).toBe('warn');
    const verdict = { fate: 'shared', peers: { asked: 5, answered: 5, failing: 4 } };
    expect(ask({ timeout: 0 }).report()).toMatchObject({
      state: 'warn',
      causes: [{ check: 'db', state: 'warn', reason: 'internal', ...verdict }],
      checks: { db: [{ state: 'fail', ...verdict }] },
    });
    // As shown in line mode: `pong warn db=internal`.
    expect(ask({ timeout: 0 }).answer?.failing()).toEqual([{ name: 'db', adds: 'warn', reason: 'internal' }]);
  });

  it.each<[Fate, PeerTally]>([
    ['local', tally(5, 1)],
    ['unknown', tally(1, 1)],
  ])('fails when the failure is %s', async (fate, answers) => {
    const { db, peers, clock, state, ask } = await running();
    db.outcome = new Error('down');
    await clock.advance(5000);
    peers.last.answer(answers);
    expect(state()).toBe('fail');
    expect(ask({ timeout: 0 }).report().checks.db[0]).toMatchObject({ state: 'fail', fate });
  });

  it('lets requests wait for the answers of peers, until their deadline', async () => {
    const { db, peers, clock, ask } = await running();
    db.outcome = new Error('down');
    await clock.advance(1000);
    const [patient, hurried] = [ask({ maxAge: 0, timeout: 2000 }), ask({ maxAge: 0, timeout: 100 })];
    await clock.advance(100);
    expect(hurried.answer).toMatchObject({ state: 'pass', stale: true });
    expect(patient.answers).toBe(0);
    peers.last.answer(tally(0, 0));
    expect(patient.answer).toMatchObject({ state: 'fail', stale: false });
  });

  it('queries once per run while it fails, and ends the failure when it passes', async () => {
    const { db, peers, clock, state } = await running();
    db.outcome = new Error('down');
    for (let run = 1; run <= 3; run++) {
      await clock.advance(5000);
      expect(peers.asked).toHaveLength(run);
      peers.last.answer(tally(5, 5));
    }
    expect(state()).toBe('warn');
    db.outcome = { status: 'pass' };
    await clock.advance(5000);
    expect(state()).toBe('pass');
    expect(peers.recoveredChecks).toEqual(['db']);
  });

  it('queries only about a failure that counts', async () => {
    const { db, peers, clock, state } = await running({ fall: 3 });
    db.outcome = new Error('down');
    await clock.advance(10_000);
    expect(peers.asked).toEqual([]);
    expect(state()).toBe('pass');
    await clock.advance(5000);
    expect(peers.asked).toHaveLength(1);
  });

  it('queries with the times of the last pass and of the end of the first failing run', async () => {
    const { db, peers, clock } = await running({ fall: 2 });
    await clock.advance(5000);
    db.outcome = new Error('down');
    for (const failedAt of [10_000, 10_000]) {
      await clock.advance(peers.asked.length === 0 ? 10_000 : 5000);
      expect(peers.last.since).toEqual({ passedAt: 5000, failedAt });
      peers.last.answer(tally(5, 0), true);
    }
    db.outcome = { status: 'pass' };
    await clock.advance(5000);
    db.outcome = new Error('down');
    await clock.advance(10_000);
    expect(peers.last.since).toEqual({ passedAt: 25_000, failedAt: 30_000 });
  });

  it('passes on that the passes of peers are outdated', async () => {
    const { db, peers, clock, state } = await running();
    db.outcome = new Error('down');
    await clock.advance(5000);
    peers.last.answer(tally(5, 1), true);
    expect(state()).toBe('fail');
    await clock.advance(5000);
    peers.last.answer(tally(5, 5));
    expect(state()).toBe('warn');
  });

  it('stays shared while good results do not count yet', async () => {
    const { db, peers, clock, state } = await running({ rise: 4 });
    db.outcome = new Error('down');
    await clock.advance(5000);
    peers.last.answer(tally(5, 5));
    db.outcome = { status: 'pass' };
    await clock.advance(15_000);
    expect(state()).toBe('warn');
    await clock.advance(5000);
    expect(state()).toBe('pass');
  });

  it('queries no peers if it has never passed, and fails', async () => {
    const db = new SteadyCheck({ onShared: 'warn' }, new Error('down'));
    const peers = new ScriptedPeers();
    const { registry, ask } = registryOf({ db }, { peers });
    registry.start();
    await settle();
    expect(peers.asked).toEqual([]);
    expect(registry.stateOf('readiness')).toBe('fail');
    expect(ask({ timeout: 0 }).report().checks.db[0]).toMatchObject({ fate: 'unknown', peers: { asked: 0 } });
  });

  it('queries no peers about a failure that only reflects this service itself', async () => {
    const { db, peers, clock, state } = await running();
    db.outcome = { status: 'fail', reason: 'loop' };
    await clock.advance(5000);
    expect(peers.asked).toEqual([]);
    expect(state()).toBe('pass');
  });

  it('does not stay shared longer than max age and interval after the last answers', async () => {
    let isHanging = false;
    const db = {
      kind: 'mine',
      interval: 5000,
      maxAge: 6000,
      timeout: 800,
      onShared: 'warn' as const,
      calls: 0,
      run() {
        this.calls++;
        if (this.calls === 1) return Promise.resolve({ status: 'pass' as const });
        return isHanging ? new Promise<never>(() => {}) : Promise.reject(new Error('down'));
      },
    };
    const peers = new ScriptedPeers();
    const { registry, clock } = registryOf({ db }, { peers });
    registry.start();
    await clock.advance(5000);
    peers.last.answer(tally(5, 5));
    isHanging = true;
    await clock.advance(5800);
    // The second run has timed out, and the peers do not answer.
    expect(peers.asked).toHaveLength(2);
    expect(registry.stateOf('readiness')).toBe('warn');
    await clock.advance(5201);
    expect(registry.stateOf('readiness')).toBe('fail');
  });

  it('stays shared between rounds while its runs time out and peers answer slowly', async () => {
    let isHanging = false;
    const db = {
      kind: 'mine',
      interval: 5000,
      maxAge: 1000,
      timeout: 1000,
      onShared: 'warn' as const,
      run: () => (isHanging ? new Promise<never>(() => {}) : Promise.resolve({ status: 'pass' as const })),
    };
    const peers = new ScriptedPeers();
    const { registry, clock } = registryOf({ db }, { peers });
    const states: string[] = [];
    registry.onTransition(({ of, name, to }) => of === 'group' && name === 'readiness' && states.push(to));
    registry.start();
    await clock.advance(1000);
    isHanging = true;
    for (let round = 1; round <= 3; round++) {
      while (peers.asked.length < round) await clock.advance(100);
      await clock.advance(300);
      peers.last.answer(tally(5, 5));
    }
    expect(states).toEqual(['pass', 'warn']);
    await registry.stop();
  });

  it('ignores answers that arrive after it was replaced or stopped', async () => {
    const { db, peers, registry, clock, state } = await running();
    db.outcome = new Error('down');
    await clock.advance(5000);
    const { answer } = peers.last;
    registry.reload({ checks: defined({ db: new SteadyCheck({ onShared: 'warn' }) }), peers });
    answer(tally(5, 0));
    await clock.advance(200);
    expect(state()).toBe('pass');
    await registry.stop();
  });

  it('affects neither liveness nor startup, nor a drain', async () => {
    const { db, peers, registry, clock, ask } = await running();
    db.outcome = new Error('down');
    await clock.advance(5000);
    peers.last.answer(tally(5, 5));
    expect(ask({ scope: 'liveness' }).state).toBe('pass');
    expect(ask({ scope: 'startup', timeout: 0 }).state).toBe('pass');
    registry.drain();
    expect(ask().state).toBe('draining');
  });

  it('notifies subscribers of a changed fate', async () => {
    const { db, peers, registry, clock } = await running();
    const states: string[] = [];
    const watch = registry.watch({ scope: 'readiness' }, () => states.push(watch.answer.state));
    db.outcome = new Error('down');
    for (const answers of [tally(5, 5), tally(5, 1), tally(5, 5), tally(5, 5)]) {
      await clock.advance(5000);
      peers.last.answer(answers);
    }
    expect(states).toEqual(['warn', 'fail', 'warn']);
  });
});
