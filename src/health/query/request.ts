import { callSafely } from '../../common/call-safely.js';
import type { Clock, Timer } from '../../common/clock.js';
import type { Answer, Query, Withdraw } from '../health.js';
import type { Member, Waiter } from '../member.js';
import type { Group } from './group.js';

/** A request that came through at least this many responders starts no run that queries another one. */
const MAX_HOPS = 4;

function nothing(): void {}

/**
 * Answers a query: immediately if the status of `group` is fresh enough, otherwise when the required runs have
 * finished, but no later than after the timeout of the query. The runs continue if the request is withdrawn.
 */
export function ask(group: Group, query: Query, clock: Clock, answer: (answer: Answer) => void): Withdraw {
  const now = clock.now();
  const { freshUntil } = group.current();
  if (freshUntil === Number.POSITIVE_INFINITY || (query.maxAge === undefined && now <= freshUntil)) {
    answer(group.answer(false));
    return nothing;
  }
  let pending: PendingQuery | undefined;
  for (const member of group.checks) {
    const maxAge = member.maxAge(query.maxAge);
    if (member.isFresh(maxAge, now)) continue;
    pending ??= new PendingQuery(group, clock, answer);
    // A request from another responder may originate from the responder that this check queries, so waiting for the
    // check could be a circular wait.
    const remote = query.hops > 0 && member.check.kind === 'pingpong';
    const run = member.requestRun(maxAge, now, query.hops, !remote || query.hops < MAX_HOPS);
    pending.addRun(member, run, !remote);
  }
  if (!pending) {
    answer(group.answer(false));
    return nothing;
  }
  return pending.start(query.timeout);
}

/** A query that waits for runs. */
class PendingQuery implements Waiter {
  private readonly runs: { member: Member; run: number; isAwaited: boolean }[] = [];
  private pendingRuns = 0;
  private timer: Timer;
  private open = true;

  constructor(
    private readonly group: Group,
    private readonly clock: Clock,
    private readonly answer: (answer: Answer) => void,
  ) {}

  /**
   * Requires run number `run` of `member`. If `isAwaited` is false, the answer does not wait for the run and is only
   * marked stale.
   */
  addRun(member: Member, run: number, isAwaited: boolean): void {
    this.runs.push({ member, run, isAwaited });
  }

  start(timeout: number): Withdraw {
    if (timeout > 0) {
      for (const { member, run, isAwaited } of this.runs) {
        if (!isAwaited || member.hasEnded(run)) continue;
        member.addWaiter(run, this);
        this.pendingRuns++;
      }
    }
    if (this.pendingRuns === 0) {
      this.finish();
      return nothing;
    }
    this.timer = this.clock.after(timeout, () => this.finish(true));
    return () => this.close();
  }

  onRunEnded(): void {
    this.pendingRuns--;
    if (this.open && this.pendingRuns === 0) this.finish();
  }

  reconsider(): void {
    if (this.open && this.isFinal) this.finish();
  }

  /** Whether no run can change the answer, for example while draining. */
  private get isFinal(): boolean {
    return this.group.current().freshUntil === Number.POSITIVE_INFINITY;
  }

  private finish(isDeadline = false): void {
    this.close();
    // Checks that a reload has removed are not missing.
    const isPending = ({ member, run }: { member: Member; run: number }) =>
      !member.hasEnded(run) && this.group.checks.includes(member);
    const stale = !this.isFinal && this.runs.some(isPending);
    callSafely(() => this.answer(this.group.answer(stale, stale && isDeadline)));
  }

  private close(): void {
    this.open = false;
    this.clock.clear(this.timer);
    for (const { member } of this.runs) member.removeWaiter(this);
  }
}
