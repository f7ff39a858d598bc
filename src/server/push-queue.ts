/** Those that are served in one turn of the loop. */
const TURN_BUDGET = 256;

/** Something that has news for its peer. */
export interface Pushing {
  push(): void;
}

/**
 * Who has something to push, so many in each turn of the loop: a change that
 * ten thousand watch does not hold up those who ask.
 */
export class PushQueue {
  private readonly waiting = new Set<Pushing>();
  private isDue = false;

  add(pushing: Pushing): void {
    this.waiting.add(pushing);
    if (this.isDue) return;
    this.isDue = true;
    setImmediate(this.turn);
  }

  delete(pushing: Pushing): void {
    this.waiting.delete(pushing);
  }

  private readonly turn = (): void => {
    let left = TURN_BUDGET;
    for (const pushing of this.waiting) {
      if (left-- === 0) break;
      this.waiting.delete(pushing);
      pushing.push();
    }
    this.isDue = this.waiting.size > 0;
    if (this.isDue) setImmediate(this.turn);
  };
}
