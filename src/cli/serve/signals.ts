/** npm passes on a signal that its whole group got already, as Ctrl+C does: both are one wish. */
const SAME_WISH_MS = 300;

/**
 * The signals of `serve`. They are handled from the first moment on, before anything else is loaded: until then each of
 * them would end the process, a SIGHUP too.
 */
export class ServeSignals {
  private hangups = 0;
  private onHangup = () => {
    this.hangups++;
  };
  /** Nothing is open yet, so there is nothing to stop. */
  private onEnd: (signal: NodeJS.Signals) => void = () => process.exit(0);

  constructor() {
    process.on('SIGHUP', () => this.onHangup());
    process.on('SIGTERM', this.end).on('SIGINT', this.end);
  }

  private readonly end = (signal: NodeJS.Signals): void => this.onEnd(signal);

  /** Calls `reload` at each SIGHUP from now on, and at once if one has come already. */
  reloadAtHangup(reload: () => void): void {
    this.onHangup = reload;
    if (this.hangups > 0) reload();
  }

  /** Resolves with the first SIGTERM or SIGINT from now on; soon after it, another one ends the process at once. */
  firstEnd(): Promise<NodeJS.Signals> {
    return new Promise((resolve) => {
      this.onEnd = (signal) => {
        resolve(signal);
        setTimeout(() => process.off('SIGTERM', this.end).off('SIGINT', this.end), SAME_WISH_MS).unref();
      };
    });
  }
}

/** Undefined for the commands that signals end. */
export const serveSignals = process.argv[2] === 'serve' ? new ServeSignals() : undefined;
