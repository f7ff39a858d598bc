import type { NegotiatedHello } from '../protocol/negotiated.js';
import type { ConnectionSocket } from '../sockets/connection-socket.js';
import type { Outbox } from './outbox.js';
import type { Session, SessionHost } from './session.js';

/**
 * `open`: input is processed. `finishing`: no input is processed any more, pending PINGs are still answered.
 * `closing`: the last byte is written and FIN is sent or queued; input is discarded.
 */
export type Phase = 'open' | 'finishing' | 'closing';

/**
 * The fields of a connection that its time limits and its flow control share. They are fields of one object, not of
 * sub-objects, because the memory of an idle connection counts. All times are monotonic milliseconds.
 */
export interface ConnectionState extends SessionHost {
  readonly socket: ConnectionSocket;
  readonly outbox: Outbox;
  /** Undefined until the first byte has selected the mode. */
  readonly session: Session | undefined;
  readonly hello: NegotiatedHello | undefined;
  readonly phase: Phase;
  readonly connectedAt: number;
  /** Exempt from the idle timeout. */
  readonly isProtected: boolean;
  /** Start of the silence that counts towards the idle timeout. */
  idleSince: number;
  /** When the partial frame or line began. */
  partialSince: number;
  /** When FIN was sent; Infinity while it is queued behind data that the peer has not read. */
  closingAt: number;
  /** The reasons why reading is paused, as bits; 0: it is not. */
  paused: number;
  pausedAt: number;
  /** PINGs that wait for an answer. */
  pending: number;
  /** Bytes set aside for the reports of pending PINGs. */
  reserved: number;
  /** Reading was paused for `ms` and continues. */
  onResume(ms: number, now: number): void;
  /** Destroys the connection with RST where the transport has one. */
  reset(): void;
}
