import type { NegotiatedHello } from '../protocol/negotiated.js';
import type { ConnectionSocket } from '../sockets/connection-socket.js';
import type { Outbox } from './outbox.js';
import type { Session, SessionHost } from './session.js';

/**
 * `open`: input is processed. `finishing`: no more input is processed, but pending PINGs are still answered. `closing`:
 * the last byte is written, FIN is sent or queued, and input is discarded.
 */
export type Phase = 'open' | 'finishing' | 'closing';

/**
 * The fields of a connection that its time limits and its flow control share. They are fields of one object instead of
 * several, because the memory of an idle connection matters. All times are in monotonic milliseconds.
 */
export interface ConnectionState extends SessionHost {
  readonly socket: ConnectionSocket;
  readonly outbox: Outbox;
  /** Undefined until the first byte has selected the mode. */
  readonly session: Session | undefined;
  readonly hello: NegotiatedHello | undefined;
  readonly phase: Phase;
  readonly connectedAt: number;
  /** Whether the connection is exempt from the idle timeout. */
  readonly isProtected: boolean;
  /** Start of the silence that counts toward the idle timeout and the time limit for missing PINGs. */
  idleSince: number;
  /** Time at which the partial frame or line began. */
  partialSince: number;
  /** Time at which FIN was sent; Infinity while FIN is queued behind data that the peer has not read. */
  closingAt: number;
  /** The reasons for which reading is paused, as bits; 0 if reading is not paused. */
  paused: number;
  pausedAt: number;
  /** Number of unanswered PINGs. */
  pending: number;
  /** Number of bytes reserved for the reports of pending PINGs. */
  reserved: number;
  /** Called when reading continues after a pause of `ms` milliseconds. */
  onResume(ms: number, now: number): void;
  /** Destroys the connection, with RST if the transport supports it. */
  reset(): void;
}
