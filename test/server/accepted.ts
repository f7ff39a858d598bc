import { connect } from 'node:net';
import { afterEach } from '@jest/globals';
import { hasBun, listenOnBun } from '../../src/server/sockets/bun-socket.js';
import { attach, type ConnectionSocket, type SocketOwner } from '../../src/server/sockets/connection-socket.js';
import { hasHandles } from '../../src/server/sockets/handle-socket.js';
import { listenOnNet } from '../../src/server/sockets/net-listener.js';
import { portOf } from './harness.js';

/** The implementations of `ConnectionSocket` that run here. */
export type Kind = 'handle' | 'stream' | 'bun';
export const kinds: Kind[] = hasBun ? ['bun'] : hasHandles ? ['handle', 'stream'] : ['stream'];

/** An owner that records its events. */
class Recorder implements SocketOwner {
  readonly events: string[] = [];
  received = '';

  receive(chunk: Buffer): void {
    this.received += chunk;
  }

  onFin(): void {
    this.events.push('fin');
  }

  onProgress(): void {
    this.events.push('progress');
  }

  onError(code: string | undefined): void {
    this.events.push(`${code}`);
  }

  onClosed(): void {
    this.events.push('closed');
  }

  has(event: string): boolean {
    return this.events.includes(event);
  }
}

const closing: (() => void)[] = [];
afterEach(() => {
  for (const close of closing.splice(0)) close();
});

/** Opens a listener. Returns a function that opens a connection to it. */
export async function listening(kind: Kind, isWanted = (_address: string | undefined) => true) {
  const accepted: ((socket: ConnectionSocket) => void)[] = [];
  const address = await (kind === 'bun' ? listenOnBun : listenOnNet)(
    { kind: 'tcp', host: '127.0.0.1', port: 0 },
    { where: '', reusePort: false },
    ({ close }) => {
      closing.push(close);
      return {
        allowsDirect: kind === 'stream' ? undefined : isWanted,
        accept: (socket) => accepted.shift()?.(socket),
        onError: () => {},
      };
    },
  );
  return async () => {
    const owner = new Recorder();
    const socket = new Promise<ConnectionSocket>((resolve) =>
      accepted.push((socket) => {
        attach(socket, owner);
        resolve(socket);
      }),
    );
    const client = connect({ host: '127.0.0.1', port: portOf(address), allowHalfOpen: true });
    closing.push(async () => {
      client.destroy();
      (await socket).destroy();
    });
    return { client, socket: await socket, owner };
  };
}
