import type { Clock, Timer } from '../../common/clock.js';
import { PongcheckError } from '../../common/errors.js';
import type { Log } from '../../common/log.js';
import type { LiveCertificate } from './live-certificate.js';

/** Between two looks at the files, in milliseconds: who renews certificates does so days before they expire. */
const LOOK = 60_000;

/**
 * Replaces the certificates of listeners when their files change. It looks at what stands in them, because tools that
 * renew certificates move links and folders, of which no notice is certain.
 */
export class Certificates {
  private readonly live = new Map<string, LiveCertificate>();
  /** What was wrong with the files of a listener, so that it is said once. */
  private readonly wrong = new Map<string, string>();
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

  /** When each certificate runs out, in milliseconds since 1970, by listener. */
  expiries(): [listener: string, at: number][] {
    return [...this.live].map(([listener, certificate]) => [listener, certificate.expiry]);
  }

  /** Reads all files; what cannot be used is told, and the certificate before goes on. Never rejects. */
  async look(): Promise<void> {
    for (const [listener, certificate] of this.live) {
      try {
        if (await certificate.reload()) {
          const expires = new Date(certificate.expiry).toISOString();
          this.log.info({ listener, expires }, `${listener} has a new certificate, until ${expires}`);
        }
        this.wrong.delete(listener);
      } catch (error) {
        const why = error instanceof PongcheckError ? error.message : 'internal error';
        if (this.wrong.get(listener) === why) continue;
        this.wrong.set(listener, why);
        this.log.error({ listener }, `${listener} keeps its certificate, the new one cannot be used: ${why}`);
      }
    }
  }

  close(): void {
    this.closed = true;
    this.clock.clear(this.timer);
  }

  private arm(): void {
    this.timer = this.clock.after(LOOK, () => {
      void this.look().then(() => {
        if (!this.closed) this.arm();
      });
    });
  }
}
