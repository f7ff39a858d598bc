import { callSafely } from '../../common/call-safely.js';
import type { Clock, Timer } from '../../common/clock.js';
import type { Answer, Query, Withdraw } from '../health.js';
import type { Monitor, Waiter } from '../runs/monitor.js';
import type { View } from './group.js';

/** A question that came through so many responders starts no run at yet another one. */
const MAX_HOPS = 4;

function nothing(): void {}

/**
 * Asks what `view` knows: at once where it is fresh enough, otherwise when the
 * runs that it takes have ended, at the latest after the caller's own timeout.
 * The runs go on whatever becomes of the question.
 */
export function ask(view: View, query: Query, clock: Clock, answer: (answer: Answer) => void): Withdraw {
  const now = clock.now();
  const { freshUntil } = view.current();
  if (freshUntil === Number.POSITIVE_INFINITY || (query.maxAge === undefined && now <= freshUntil)) {
    answer(view.answer(false));
    return nothing;
  }
  let question: Request | undefined;
  for (const monitor of view.checks) {
    const maxAge = monitor.maxAge(query.maxAge);
    if (monitor.isFresh(maxAge, now)) continue;
    question ??= new Request(view, clock, answer);
    // A question that came through another responder may have come through that very one: waiting for it could wait for itself.
    const remote = query.hops > 0 && monitor.check.kind === 'pingpong';
    const run = monitor.needed(maxAge, now, query.hops, !remote || query.hops < MAX_HOPS);
    question.need(monitor, run, !remote);
  }
  if (!question) {
    answer(view.answer(false));
    return nothing;
  }
  return question.begin(query.timeout);
}

/** A question that waits for runs. */
class Request implements Waiter {
  private readonly needs: { monitor: Monitor; run: number; wait: boolean }[] = [];
  private missing = 0;
  private timer: Timer;
  private open = true;

  constructor(
    private readonly view: View,
    private readonly clock: Clock,
    private readonly answer: (answer: Answer) => void,
  ) {}

  /** Run number `run` of `monitor` is wanted; without `wait` it only decides whether the answer is stale. */
  need(monitor: Monitor, run: number, wait: boolean): void {
    this.needs.push({ monitor, run, wait });
  }

  begin(timeout: number): Withdraw {
    if (timeout > 0) {
      for (const { monitor, run, wait } of this.needs) {
        if (!wait || monitor.hasEnded(run)) continue;
        monitor.wait(run, this);
        this.missing++;
      }
    }
    if (this.missing === 0) {
      this.finish();
      return nothing;
    }
    this.timer = this.clock.after(timeout, () => this.finish(true));
    return () => this.close();
  }

  arrived(): void {
    this.missing--;
    if (this.open && this.missing === 0) this.finish();
  }

  private finish(isDeadline = false): void {
    this.close();
    // Where no run could change the answer any more, as while draining, none is missed.
    const final = this.view.current().freshUntil === Number.POSITIVE_INFINITY;
    // A check that a reload has taken away is missed by nobody.
    const isMissed = ({ monitor, run }: { monitor: Monitor; run: number }) =>
      !monitor.hasEnded(run) && this.view.checks.includes(monitor);
    const stale = !final && this.needs.some(isMissed);
    callSafely(() => this.answer(this.view.answer(stale, stale && isDeadline)));
  }

  private close(): void {
    this.open = false;
    this.clock.clear(this.timer);
    for (const { monitor } of this.needs) monitor.forget(this);
  }
}
