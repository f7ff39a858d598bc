import type { Pause } from '../stats.js';
import type { ConnectionState } from './state.js';

/**
 * Maximum number of bytes of updates gathered per turn of the event loop. Further updates wait until the peer has read
 * these.
 */
const PUSH_BYTES = 65_536;
const NO_BYTES = Buffer.alloc(0);

/** The bit of each reason in `paused`. Reading continues when no bit is set. */
const PAUSE_BIT: Readonly<Record<Pause, number>> = {
  'max-pending': 1,
  'max-queued-bytes': 2,
  'turn-budget': 4,
  'line-order': 8,
};

/** Pauses that are logged: a peer sends requests faster than the limits allow. */
const pauseMessages: Readonly<Partial<Record<Pause, string>>> = {
  'max-pending': 'reading paused: the pending PING limit is reached',
  'max-queued-bytes': 'reading paused: the peer sends requests faster than it reads the answers',
};

/** A closing connection continues to read, because it waits for the peer's FIN. */
export function pauseReading(connection: ConnectionState, why: Pause): void {
  const bit = PAUSE_BIT[why];
  if ((connection.paused & bit) !== 0 || connection.phase === 'closing') return;
  connection.shared.stats.paused[why]++;
  const message = pauseMessages[why];
  if (message) connection.report(message, { level: 'info' });
  if (connection.paused === 0) {
    connection.pausedAt = connection.shared.clock.now();
    connection.socket.pause();
  }
  connection.paused |= bit;
}

function resumeReading(connection: ConnectionState, why: Pause): void {
  const bit = PAUSE_BIT[why];
  if ((connection.paused & bit) === 0) return;
  connection.paused &= ~bit;
  if (connection.paused !== 0 || connection.phase === 'closing' || connection.socket.destroyed) return;
  const now = connection.shared.clock.now();
  const ms = now - connection.pausedAt;
  // Not later than `now`, because the last answer may have been sent during the pause.
  connection.idleSince = Math.min(now, connection.idleSince + ms);
  connection.partialSince += ms;
  connection.onResume(ms, now);
}

/** Ends the pauses whose limits are no longer reached. Reading resumes when no pause is left. */
export function resumeWithinLimits(connection: ConnectionState): void {
  const { limits } = connection.shared.settings;
  if (connection.pending < limits.maxPending) resumeReading(connection, 'max-pending');
  if (connection.pending === 0) resumeReading(connection, 'line-order');
  if (connection.reserved + connection.queued <= limits.maxQueuedBytes) resumeReading(connection, 'max-queued-bytes');
}

/** Pauses reading until the next turn of the event loop, so that other connections are served. */
export function yieldTurn(connection: ConnectionState): void {
  if ((connection.paused & PAUSE_BIT['turn-budget']) !== 0) return;
  pauseReading(connection, 'turn-budget');
  setImmediate(() => resumeReading(connection, 'turn-budget'));
}

export function addPending(connection: ConnectionState, count: number, bytes: number): void {
  const { settings, stats } = connection.shared;
  const { maxPending, maxQueuedBytes } = settings.limits;
  connection.pending += count;
  stats.waiting += count;
  connection.reserved += bytes;
  if (connection.pending >= maxPending) pauseReading(connection, 'max-pending');
  if (connection.reserved + connection.outbox.gathered > maxQueuedBytes) pauseReading(connection, 'max-queued-bytes');
}

export function removePending(connection: ConnectionState, count: number, bytes: number): void {
  connection.pending -= count;
  connection.shared.stats.waiting -= count;
  connection.reserved -= bytes;
  if (connection.pending === 0) connection.idleSince = connection.shared.clock.now();
}

export function mayPush({ phase, outbox }: ConnectionState): boolean {
  return phase === 'open' && outbox.unsent === 0 && outbox.gathered < PUSH_BYTES;
}

/** Calls `sent` when the kernel has accepted everything that was written. Not called if the connection closes first. */
export function whenSent(connection: ConnectionState, sent: () => void): void {
  const { socket } = connection;
  // The callback of an empty write runs after all earlier writes. 'drain' is emitted only after a full buffer.
  setImmediate(() => {
    if (connection.phase === 'open' && socket.writable) socket.write(NO_BYTES, () => sent());
  });
}
