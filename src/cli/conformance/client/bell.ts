import { afterNextPoll } from '../../../server/sockets/after-next-poll.js';

/** Wakes the player of a dialogue on any event. */
export class Bell {
  private wake: () => void = () => {};

  ring(): void {
    this.wake();
  }

  /**
   * Waits until `condition` returns true, for at most `within` milliseconds. Returns the final result of `condition`.
   */
  async until(condition: () => boolean, within: number): Promise<boolean> {
    const deadline = performance.now() + within;
    while (!condition()) {
      const left = deadline - performance.now();
      if (left <= 0) {
        // After a stall of this process, timers fire before received bytes are read.
        await afterNextPoll();
        return condition();
      }
      let timer: NodeJS.Timeout | undefined;
      await new Promise<void>((resolve) => {
        this.wake = resolve;
        timer = setTimeout(resolve, left);
      });
      clearTimeout(timer);
    }
    return true;
  }
}
