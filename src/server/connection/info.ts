/** What is known of one connection, for people and programs that look after them. */
export interface ConnectionInfo {
  /** Rises with each connection; unique for the life of the process. */
  id: number;
  remoteAddress: string | undefined;
  remotePort: number | undefined;
  /** The proxy that it came through, whose word the remote address is. */
  proxyAddress?: string | undefined;
  /** Where it was accepted, as `pong://HOST:PORT`. */
  listener: string;
  mode: 'undecided' | 'binary' | 'line';
  /** From HELLO, as the peer sent it: escape it where it is shown. */
  name?: string;
  connectedAt: Date;
  /** When the last octet came; of one that never spoke, when it connected. */
  lastReceivedAt: Date;
  lastSentAt: Date;
  bytesIn: number;
  bytesOut: number;
  /** Frames, or lines in line mode. */
  framesIn: number;
  framesOut: number;
  /** PINGs of this server since the peer last gave a sign of life. */
  pingsOut: number;
  /** Round-trip times of this server's PINGs, in milliseconds. */
  roundTrip: { last: number; smoothed: number; min: number } | undefined;
  /** Octets that wait for the peer to read them. */
  queuedOctets: number;
  /** PINGs that wait for their answer. */
  waiting: number;
  /** WATCHes that are open. */
  watches: number;
  /** It is exempt from the idle timeout. */
  protected: boolean;
}
