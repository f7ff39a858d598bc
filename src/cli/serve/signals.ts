/** npm forwards signals that its process group already received (Ctrl+C); duplicates within this time count as one. */
const DUPLICATE_MS = 300;

/**
 * The signals of `serve`. The handlers are installed before any other module is loaded, because an unhandled signal ends
 * the process, also SIGHUP.
 */
export class ServeSignals {
  private hangups = 0;
  private onHangup = () => {
    this.hangups++;
  };
  /** Before the start there is nothing to stop. */
  private onEnd: (signal: NodeJS.Signals) => void = () => process.exit(0);

  constructor() {
    process.on('SIGHUP', () => this.onHangup());
    process.on('SIGTERM', this.end).on('SIGINT', this.end);
  }

  private readonly end = (signal: NodeJS.Signals): void => this.onEnd(signal);

  /** Calls `reload` at each SIGHUP, and immediately if one has already arrived. */
  reloadAtHangup(reload: () => void): void {
    this.onHangup = reload;
    if (this.hangups > 0) reload();
  }

  /** Resolves with the next SIGTERM or SIGINT. From 300 ms after it, another one ends the process immediately. */
  firstEnd(): Promise<NodeJS.Signals> {
    return new Promise((resolve) => {
      this.onEnd = (signal) => {
        resolve(signal);
        setTimeout(() => process.off('SIGTERM', this.end).off('SIGINT', this.end), DUPLICATE_MS).unref();
      };
    });
  }
}

/** Undefined for other commands, which a signal ends. */
export const serveSignals = process.argv[2] === 'serve' ? new ServeSignals() : undefined;
