import type { Clock, Timer } from '../../common/clock.js';
import { PongcheckError } from '../../common/errors.js';
import type { Log } from '../../common/log.js';
import type { LiveCertificate } from './live-certificate.js';

/** Interval at which the files are read, in milliseconds. Certificates are renewed days before they expire. */
const RELOAD_INTERVAL_MS = 60_000;

/**
 * Reloads the certificates of listeners when their files change. It compares the contents, because file watchers miss
 * changes by tools that replace links and directories.
 */
export class Certificates {
  private readonly live = new Map<string, LiveCertificate>();
  /** The last error of each listener, so that it is logged once. */
  private readonly errors = new Map<string, string>();
  private timer: Timer | undefined;
  private closed = false;

  constructor(
    private readonly clock: Clock,
    private readonly log: Log,
  ) {}

  add(listener: string, certificate: LiveCertificate): void {
    this.live.set(listener, certificate);
    if (this.timer === undefined) this.arm();
  }

  /** Expiry of each certificate in milliseconds since 1970, by listener. */
  expiries(): [listener: string, at: number][] {
    return [...this.live].map(([listener, certificate]) => [listener, certificate.expiry]);
  }

  /**
   * Reads all files again. If new files are invalid, an error is logged and the old certificate is kept. Never rejects.
   */
  async reload(): Promise<void> {
    for (const [listener, certificate] of this.live) {
      try {
        if (await certificate.reload()) {
          const expires = new Date(certificate.expiry).toISOString();
          this.log.info({ listener, expires }, `certificate of ${listener} reloaded, valid until ${expires}`);
        }
        this.errors.delete(listener);
      } catch (error) {
        const why = error instanceof PongcheckError ? error.message : 'internal error';
        if (this.errors.get(listener) === why) continue;
        this.errors.set(listener, why);
        this.log.error({ listener }, `certificate of ${listener} not reloaded, the old one remains in use: ${why}`);
      }
    }
  }

  close(): void {
    this.closed = true;
    this.clock.clear(this.timer);
  }

  private arm(): void {
    this.timer = this.clock.after(RELOAD_INTERVAL_MS, () => {
      void this.reload().then(() => {
        if (!this.closed) this.arm();
      });
    });
  }
}
