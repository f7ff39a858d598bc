import type { Transition } from './registry.js';

/** A transition and when it was, in wall time. */
export interface PastTransition extends Transition {
  readonly time: Date;
}

/** The most transitions that are remembered. */
const MAX_TRANSITIONS = 100;

/** The latest transitions, the newest first: what changed before the trouble that is there now. */
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
    // The group of everything says nothing that the check and its own groups have not said.
    if (transition.of === 'group' && transition.name === 'all') return;
    this.past.unshift({ ...transition, time: new Date(this.wall()) });
    if (this.past.length > MAX_TRANSITIONS) this.past.pop();
  }
}
