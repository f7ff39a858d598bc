import type { Transition } from './registry.js';

/** A transition with its wall-clock time. */
export interface PastTransition extends Transition {
  readonly time: Date;
}

/** Maximum number of transitions kept. */
const MAX_TRANSITIONS = 100;

/** The latest transitions, newest first. */
export class RecentTransitions {
  private readonly past: PastTransition[] = [];

  constructor(
    health: { onTransition(listener: (transition: Transition) => void): () => void },
    private readonly wall: () => number,
  ) {
    health.onTransition((transition) => {
      // Transitions of the `all` group repeat those of the checks and of their other groups.
      if (transition.of === 'group' && transition.name === 'all') return;
      this.past.unshift({ ...transition, time: new Date(this.wall()) });
      this.trim();
    });
  }

  get all(): readonly PastTransition[] {
    return this.past;
  }

  /** Inserts a transition that this process learned about late before those that followed it. */
  insert(transition: PastTransition): void {
    const at = this.past.findIndex(({ time }) => time <= transition.time);
    this.past.splice(at === -1 ? this.past.length : at, 0, transition);
    this.trim();
  }

  private trim(): void {
    if (this.past.length > MAX_TRANSITIONS) this.past.pop();
  }
}
