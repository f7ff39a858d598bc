import type { EventEmitter } from 'node:events';

/**
 * Resolves when a socket has closed, also by an error: a peer that closes with unread input sends a reset. `events.once`
 * rejects then, even if the error has another listener.
 */
export function whenClosed(socket: EventEmitter): Promise<void> {
  return new Promise((resolve) => {
    socket.on('error', () => {}).once('close', () => resolve());
  });
}
