import { callSafely } from './call-safely.js';

/** Functions to call at an event. An exception in one affects neither the others nor the code that reports the event. */
export class Listeners<Args extends readonly unknown[]> {
  private readonly all = new Set<(...args: Args) => void>();

  /** @returns a function that removes the listener. */
  add(listener: (...args: Args) => void): () => void {
    this.all.add(listener);
    return () => this.all.delete(listener);
  }

  call(...args: Args): void {
    for (const listener of this.all) callSafely(() => listener(...args));
  }
}
