/**
 * npm forwards signals that its process group has already received (Ctrl+C). Duplicates within this number of
 * milliseconds count as one.
 */
const DUPLICATE_MS = 300;

/**
 * The signals of `serve`. Their handlers are installed before any other module is loaded, because an unhandled signal,
 * including SIGHUP, ends the process.
 */
export class ServeSignals {
  private hangups = 0;
  private onHangup = () => {
    this.hangups++;
  };
  /** Before the start, there is nothing to stop. */
  private onEnd: (signal: NodeJS.Signals) => void = () => process.exit(0);

  constructor() {
    process.on('SIGHUP', () => this.onHangup());
    process.on('SIGTERM', this.end).on('SIGINT', this.end);
  }

  private readonly end = (signal: NodeJS.Signals): void => this.onEnd(signal);

  /** Calls `reload` on each SIGHUP, and immediately if one has already arrived. */
  reloadAtHangup(reload: () => void): void {
    this.onHangup = reload;
    if (this.hangups > 0) reload();
  }

  /**
   * Resolves with the next SIGTERM or SIGINT. A signal that follows more than 300 ms later ends the process
   * immediately.
   */
  firstEnd(): Promise<NodeJS.Signals> {
    return new Promise((resolve) => {
      this.onEnd = (signal) => {
        resolve(signal);
        setTimeout(() => process.off('SIGTERM', this.end).off('SIGINT', this.end), DUPLICATE_MS).unref();
      };
    });
  }
}

/** Undefined for other commands, which are ended by a signal. */
export const serveSignals = process.argv[2] === 'serve' ? new ServeSignals() : undefined;
