import { spawn } from 'node:child_process';
import type { Log } from '../../common/log.js';

/** The watchdog is fed three times within its limit, so one late notification is not a failure. */
const FEEDS_PER_LIMIT = 3;

type Fields = Readonly<Record<string, string>>;

/**
 * Notifies systemd (`Type=notify`) by the program systemd-notify, because Node.js has no Unix datagram sockets. Its
 * notifications come from a child process, so the unit needs `NotifyAccess=all`.
 */
export class SystemdNotifier {
  /** Fields of the next notification. */
  private next: Record<string, string> = {};
  private isSending = false;
  private hasWarned = false;
  private feeding: NodeJS.Timeout | undefined;

  /** @param env `NOTIFY_SOCKET`; without it nothing is ever sent. `WATCHDOG_USEC` and `WATCHDOG_PID`, as set by systemd. */
  constructor(
    private readonly env: NodeJS.ProcessEnv,
    private readonly log: Log,
  ) {}

  /** Sends READY, and starts to feed the watchdog if the unit has one. */
  ready(status: string): void {
    this.send({ READY: '1', STATUS: status });
    const { WATCHDOG_USEC, WATCHDOG_PID = String(process.pid) } = this.env;
    const limit = Number(WATCHDOG_USEC) / 1000;
    if (!(limit > 0) || Number(WATCHDOG_PID) !== process.pid) return;
    // A timer of the main thread: a blocked event loop does not feed the watchdog.
    this.feeding ??= setInterval(() => this.send({ WATCHDOG: '1' }), limit / FEEDS_PER_LIMIT).unref();
  }

  /** Sets the line that `systemctl status` shows. */
  status(status: string): void {
    this.send({ STATUS: status });
  }

  stopping(): void {
    this.send({ STOPPING: '1' });
  }

  /** One notification at a time; fields that change meanwhile are sent together by the next one. */
  private send(fields: Fields): void {
    if (!this.env.NOTIFY_SOCKET) return;
    Object.assign(this.next, fields);
    if (this.isSending) return;
    this.isSending = true;
    const assignments = Object.entries(this.next).map(([name, value]) => `${name}=${value}`);
    this.next = {};
    const { NOTIFY_SOCKET, PATH } = this.env;
    try {
      const child = spawn('systemd-notify', assignments, { env: { NOTIFY_SOCKET, PATH }, stdio: 'ignore' });
      // Must not delay the exit of this process.
      child.unref();
      child.once('error', (error) => this.sent(error.message));
      child.once('exit', (code, signal) =>
        this.sent(code === 0 ? undefined : `ended with ${signal ?? `code ${code}`}`),
      );
    } catch (error) {
      // Some errors are thrown, such as ENOMEM.
      setImmediate(() => this.sent((error as Error).message));
    }
  }

  private sent(problem: string | undefined): void {
    this.isSending = false;
    if (problem !== undefined && !this.hasWarned) {
      this.hasWarned = true;
      this.log.warn({ problem }, `systemd was not notified: systemd-notify: ${problem}`);
    }
    if (Object.keys(this.next).length > 0) this.send({});
  }
}
