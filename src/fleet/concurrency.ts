/** Runs at most `max` attempts concurrently. Further attempts wait in order. */
export class ConcurrencyLimit {
  private inProgress = 0;
  private readonly waiting: (() => void)[] = [];

  constructor(private readonly max: number) {}

  async run<T>(attempt: () => Promise<T>): Promise<T> {
    if (this.inProgress < this.max) this.inProgress++;
    else await new Promise<void>((resolve) => this.waiting.push(resolve));
    try {
      return await attempt();
    } finally {
      const next = this.waiting.shift();
      if (next) next();
      else this.inProgress--;
    }
  }
}
