import type { Server } from 'node:net';
import { afterNextPoll } from './after-next-poll.js';

/**
 * Accepts connections that clients have opened and that are queued in the kernel, because closing a listener would
 * reset them. Each poll of the event loop accepts one connection, so polls continue until one of them accepts none, or
 * until `isOver`.
 */
export async function acceptQueued(listener: Server, isOver: () => boolean): Promise<void> {
  let hasAccepted: boolean;
  const onConnection = () => {
    hasAccepted = true;
  };
  listener.on('connection', onConnection);
  do {
    hasAccepted = false;
    await afterNextPoll();
  } while (hasAccepted && !isOver());
  listener.off('connection', onConnection);
}
