import type { Member } from '../health/member.js';
import type { QuerySource } from '../health/query/queries.js';
import type { UpdateListener } from '../health/query/registry.js';
import { Batches } from './batches.js';
import type { CheckSnapshot, Demand, Structure, Update } from './messages.js';

/** The part of the main thread's health that a thread mirrors. */
export interface PublishedHealth {
  readonly source: QuerySource;
  groups(): readonly string[];
  onUpdate(listener: UpdateListener): () => void;
}

/** Runs on the main thread. Keeps the mirror on one thread up to date, and starts the runs that its queries need. */
export class Publisher {
  private isStructureDue = true;
  private readonly due = new Set<Member>();
  private readonly batches: Batches<Update>;
  private readonly unsubscribe: () => void;
  /** Checks that have subscribers on the thread. */
  private readonly watched = new Map<string, Member>();

  constructor(
    private readonly health: PublishedHealth,
    send: (update: Update) => void,
  ) {
    this.batches = new Batches(() => this.take(), send);
    this.unsubscribe = health.onUpdate((member) => {
      if (member) this.due.add(member);
      else this.isStructureDue = true;
      this.batches.schedule();
    });
    // Sent before the thread opens listeners, because it must not answer without health data.
    this.batches.sendNow();
  }

  onTaken(): void {
    this.batches.onTaken();
  }

  /** Sends the pending changes immediately. */
  sendNow(): void {
    this.batches.sendNow();
  }

  onDemand({ runs, watches }: Demand): void {
    const { clock, members } = this.health.source;
    for (const { check, since, hops } of runs) {
      const member = members.get(check);
      const now = clock.now();
      if (member && member.startedAt < since) member.requestRun(Math.max(0, now - since), now, hops, true);
    }
    for (const { check, isWatched } of watches) this.setWatched(check, isWatched);
  }

  /** Called when the thread has ended. */
  close(): void {
    this.unsubscribe();
    for (const check of [...this.watched.keys()]) this.setWatched(check, false);
  }

  private setWatched(check: string, isWatched: boolean): void {
    this.watched.get(check)?.cancelWatches();
    this.watched.delete(check);
    const member = isWatched ? this.health.source.members.get(check) : undefined;
    if (!member) return;
    this.watched.set(check, member);
    member.watch();
  }

  private take(): Update | undefined {
    if (!this.isStructureDue && this.due.size === 0) return undefined;
    const update = this.isStructureDue
      ? { structure: this.structure(), checks: [] }
      : { checks: [...this.due].map(snapshotOf) };
    this.isStructureDue = false;
    this.due.clear();
    return update;
  }

  private structure(): Structure {
    const { source } = this.health;
    // A check that was removed and added again since the last update is a different member.
    for (const [check, member] of [...this.watched]) {
      if (source.members.get(check) !== member) this.setWatched(check, true);
    }
    const names = (members: readonly Member[]) => members.map(({ name }) => name);
    const startup = source.startup()?.state;
    return {
      identity: source.identity,
      isDraining: source.readiness()?.state === 'draining',
      checks: [...source.members.values()].map(snapshotOf),
      startup: {
        checks: names(source.startupChecks()),
        state: startup === 'pass' || startup === 'starting' ? startup : undefined,
      },
      groups: Object.fromEntries(
        this.health
          .groups()
          .map((group) => [group, { checks: names(source.membersOf(group)), heldState: source.heldState(group) }]),
      ),
    };
  }
}

function snapshotOf(member: Member): CheckSnapshot {
  const { name, check, hysteresis, raw, startedAt, duration, limit, verdictLimit, output } = member;
  const { kind, componentType, target, maxAge, critical, groups, rise, fall } = check;
  const optional = { ...(componentType !== undefined && { componentType }), ...(target !== undefined && { target }) };
  const { result, since, passes, fails } = hysteresis;
  return {
    check: { name, kind, ...optional, maxAge, critical, groups, rise, fall },
    hysteresis: { result, since, passes, fails },
    raw,
    startedAt,
    duration,
    limit,
    verdictLimit,
    output: result ? result.output : output,
  };
}
