import type { EventEmitter } from 'node:events';

/**
 * Resolves when a socket has closed, including after an error: a peer that closes with unread input sends a reset.
 * `events.once` would reject on an error, even if the error has another listener.
 */
export function whenClosed(socket: EventEmitter): Promise<void> {
  return new Promise((resolve) => {
    socket.on('error', () => {}).once('close', () => resolve());
  });
}
