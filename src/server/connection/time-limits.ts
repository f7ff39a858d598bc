import type { TimeLimit } from '../../liveness/time-limit.js';
import type { LogOptions } from '../peer-log.js';
import { type Violation, violations } from './session.js';
import type { ConnectionState } from './state.js';

const NO_BYTES = Buffer.alloc(0);

/**
 * Returns the time limit that the connection exceeds at `now`, if any. The sweeper calls this twice, with a poll of the
 * event loop between the calls, and terminates the connection because of the second result (SPEC "Failure detection").
 */
export function expired(connection: ConnectionState, now: number): Violation | 'linger' | undefined {
  // A socket that was destroyed between the two calls is removed shortly afterwards.
  if (connection.socket.destroyed) return undefined;
  const { outbox, session, phase } = connection;
  const { limits } = connection.shared;
  if (phase === 'closing') {
    if (outbox.unsent === 0) connection.closingAt = Math.min(connection.closingAt, now);
    if (connection.closingAt <= now) return limits.linger.exceeded(connection.closingAt, now) ? 'linger' : undefined;
  }
  if (outbox.isStalled(limits.stall, now)) return 'stall';
  if (phase === 'closing') return undefined;
  if (connection.unauthorizedReason !== undefined && limits.handshake.exceeded(connection.connectedAt, now)) {
    return 'unauthenticated';
  }
  if (connection.paused !== 0 || phase !== 'open') return undefined;
  if (session?.hasPartial) return limits.frame.exceeded(connection.partialSince, now) ? 'frame' : undefined;
  const { hello } = connection;
  if (hello?.heartbeat?.due(now) === 'dead') return 'dead';
  // Silence during which output was waiting does not count, so that part is removed before the limit is checked.
  const waitedFrom = outbox.takeWait();
  if (waitedFrom !== undefined) connection.idleSince = now - Math.max(0, waitedFrom - connection.idleSince);
  if (outbox.unsent > 0 || connection.pending > 0) return undefined;
  if (hello?.silence.exceeded(connection.idleSince, now)) return 'dead';
  if (connection.isProtected) return undefined;
  return idleLimit(connection).exceeded(connection.idleSince, now) ? 'idle' : undefined;
}

/** Closes the connection because of the time limit that it exceeds. */
export function terminate(connection: ConnectionState, violation: Violation | 'linger'): void {
  switch (violation) {
    case 'linger':
      connection.socket.destroy();
      return;
    case 'stall':
      // No frame can be sent after FIN.
      if (connection.phase === 'closing') connection.report(violations.stall);
      else connection.socket.write(reportViolation(connection, 'stall') ?? NO_BYTES);
      return connection.reset();
    case 'unauthenticated':
      return connection.close('unauthenticated', reportViolation(connection, violation));
    case 'frame':
      return connection.close('protocol-error', reportViolation(connection, violation));
    // A silent peer is probably dead rather than hostile.
    case 'dead':
    case 'idle':
      return connection.close(violation, reportViolation(connection, violation, 'info'));
  }
}

/** Logs the violation. Returns the final frame for the violation, if the mode has one. */
function reportViolation(
  connection: ConnectionState,
  violation: Violation,
  level: LogOptions['level'] = 'warn',
): Buffer | undefined {
  connection.report(violations[violation], { level });
  return connection.session?.finalFrame(violation);
}

/**
 * Earliest time at which the sweeper must check the connection. Events that make it earlier call `wake`. Returns 0,
 * which requests a check in every sweep, for states that are rare among idle connections.
 */
export function nextCheckAt(connection: ConnectionState): number {
  if (
    connection.unauthorizedReason !== undefined ||
    connection.phase !== 'open' ||
    connection.paused !== 0 ||
    connection.outbox.unsent > 0 ||
    connection.session?.hasPartial
  ) {
    return 0;
  }
  const { hello, idleSince } = connection;
  const idle = idleLimit(connection).endsAt(idleSince);
  return hello ? Math.min(idle, hello.nextCheckAt(idleSince)) : idle;
}

/** The limit that was announced in HELLO remains in effect, because the client sends PINGs just often enough for it. */
function idleLimit(connection: ConnectionState): TimeLimit {
  return connection.hello?.idle ?? connection.shared.limits.idle;
}
