import { spawn } from 'node:child_process';
import type { Log } from '../../common/log.js';

/** The watchdog is notified three times per limit, so that one late notification is not a failure. */
const FEEDS_PER_LIMIT = 3;

type Fields = Readonly<Record<string, string>>;

/**
 * Notifies systemd (`Type=notify`) with the program systemd-notify, because Node.js does not support Unix datagram
 * sockets. Notifications come from a child process, so the unit needs `NotifyAccess=all`.
 */
export class SystemdNotifier {
  /** Fields of the next notification. */
  private next: Record<string, string> = {};
  private isSending = false;
  private hasWarned = false;
  private feeding: NodeJS.Timeout | undefined;

  /**
   * @param env `NOTIFY_SOCKET`, without which nothing is ever sent, and `WATCHDOG_USEC` and `WATCHDOG_PID`, as set by
   * systemd.
   */
  constructor(
    private readonly env: NodeJS.ProcessEnv,
    private readonly log: Log,
  ) {}

  /** Sends READY. Starts to notify the watchdog if the unit has one. */
  ready(status: string): void {
    this.send({ READY: '1', STATUS: status });
    const { WATCHDOG_USEC, WATCHDOG_PID = String(process.pid) } = this.env;
    const limit = Number(WATCHDOG_USEC) / 1000;
    if (!(limit > 0) || Number(WATCHDOG_PID) !== process.pid) return;
    // The timer runs on the main thread, so that the watchdog is not notified while the event loop is blocked.
    this.feeding ??= setInterval(() => this.send({ WATCHDOG: '1' }), limit / FEEDS_PER_LIMIT).unref();
  }

  /** Sets the line that `systemctl status` shows. */
  status(status: string): void {
    this.send({ STATUS: status });
  }

  stopping(): void {
    this.send({ STOPPING: '1' });
  }

  /** Sends one notification at a time. Fields that change in the meantime are sent together in the next one. */
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
      // The child must not delay the exit of this process.
      child.unref();
      child.once('error', (error) => this.sent(error.message));
      child.once('exit', (code, signal) =>
        this.sent(code === 0 ? undefined : `ended with ${signal ?? `code ${code}`}`),
      );
    } catch (error) {
      // Some errors, such as ENOMEM, are thrown.
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
