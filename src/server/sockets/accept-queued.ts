import type { Server } from 'node:net';
import { afterNextPoll } from './after-next-poll.js';

/**
 * Accepts the connections that clients have opened and that still wait in the kernel; `close` of a listener would reset
 * them. Each poll of the event loop accepts one connection of a listener, so polls continue until one accepts none, or
 * until `isOver`.
 */
export async function acceptQueued(listeners: readonly Server[], isOver: () => boolean): Promise<void> {
  if (listeners.length === 0) return;
  let hasAccepted: boolean;
  const onConnection = () => {
    hasAccepted = true;
  };
  for (const listener of listeners) listener.on('connection', onConnection);
  do {
    hasAccepted = false;
    await afterNextPoll();
  } while (hasAccepted && !isOver());
  for (const listener of listeners) listener.off('connection', onConnection);
}
