import type { Transition } from './registry.js';

/** A transition and its wall-clock time. */
export interface PastTransition extends Transition {
  readonly time: Date;
}

/** Maximum number of transitions kept. */
const MAX_TRANSITIONS = 100;

/** The latest transitions, newest first. */
export class History {
  private readonly past: PastTransition[] = [];

  constructor(
    health: { onTransition(listener: (transition: Transition) => void): () => void },
    private readonly wall: () => number,
  ) {
    health.onTransition((transition) => this.add(transition));
  }

  get transitions(): readonly PastTransition[] {
    return this.past;
  }

  private add(transition: Transition): void {
    // Transitions of the group `all` repeat those of the checks and of their own groups.
    if (transition.of === 'group' && transition.name === 'all') return;
    this.past.unshift({ ...transition, time: new Date(this.wall()) });
    if (this.past.length > MAX_TRANSITIONS) this.past.pop();
  }
}
