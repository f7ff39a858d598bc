import { callSafely } from '../../common/call-safely.js';
import type { Clock, Timer } from '../../common/clock.js';
import type { Answer, Query, Withdraw } from '../health.js';
import type { Monitor, Waiter } from '../runs/monitor.js';
import type { Group } from './group.js';

/** A pending that came through so many responders starts no run at yet another one. */
const MAX_HOPS = 4;

function nothing(): void {}

/**
 * Asks what `group` knows: at once where it is fresh enough, otherwise when the
 * runs that it takes have ended, at the latest after the caller's own timeout.
 * The runs go on whatever becomes of the pending.
 */
export function ask(group: Group, query: Query, clock: Clock, answer: (answer: Answer) => void): Withdraw {
  const now = clock.now();
  const { freshUntil } = group.current();
  if (freshUntil === Number.POSITIVE_INFINITY || (query.maxAge === undefined && now <= freshUntil)) {
    answer(group.answer(false));
    return nothing;
  }
  let pending: PendingQuery | undefined;
  for (const monitor of group.checks) {
    const maxAge = monitor.maxAge(query.maxAge);
    if (monitor.isFresh(maxAge, now)) continue;
    pending ??= new PendingQuery(group, clock, answer);
    // A pending that came through another responder may have come through that very one: waiting for it could isAwaited for itself.
    const remote = query.hops > 0 && monitor.check.kind === 'pingpong';
    const run = monitor.requestRun(maxAge, now, query.hops, !remote || query.hops < MAX_HOPS);
    pending.addRun(monitor, run, !remote);
  }
  if (!pending) {
    answer(group.answer(false));
    return nothing;
  }
  return pending.start(query.timeout);
}

/** A pending that waits for runs. */
class PendingQuery implements Waiter {
  private readonly runs: { monitor: Monitor; run: number; isAwaited: boolean }[] = [];
  private pendingRuns = 0;
  private timer: Timer;
  private open = true;

  constructor(
    private readonly group: Group,
    private readonly clock: Clock,
    private readonly answer: (answer: Answer) => void,
  ) {}

  /** Run number `run` of `monitor` is wanted; without `wait` it only decides whether the answer is stale. */
  addRun(monitor: Monitor, run: number, isAwaited: boolean): void {
    this.runs.push({ monitor, run, isAwaited });
  }

  start(timeout: number): Withdraw {
    if (timeout > 0) {
      for (const { monitor, run, isAwaited } of this.runs) {
        if (!isAwaited || monitor.hasEnded(run)) continue;
        monitor.addWaiter(run, this);
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

  private finish(isDeadline = false): void {
    this.close();
    // Where no run could change the answer any more, as while draining, none is missed.
    const final = this.group.current().freshUntil === Number.POSITIVE_INFINITY;
    // A check that a reload has taken away is missed by nobody.
    const isPending = ({ monitor, run }: { monitor: Monitor; run: number }) =>
      !monitor.hasEnded(run) && this.group.checks.includes(monitor);
    const stale = !final && this.runs.some(isPending);
    callSafely(() => this.answer(this.group.answer(stale, stale && isDeadline)));
  }

  private close(): void {
    this.open = false;
    this.clock.clear(this.timer);
    for (const { monitor } of this.runs) monitor.removeWaiter(this);
  }
}
