import { type AddressInfo, createServer, type Socket } from 'node:net';
import { FrameType, Status } from '../../src/wire/codes.js';
import { Decoder, FRAME } from '../../src/wire/decoder.js';
import { encodeFrame } from '../../src/wire/encode.js';

/** A responder whose answer to a WATCH is determined by a test. */
export interface Rogue {
  readonly address: string;
  close(): Promise<unknown>;
}

/** @param watched called for a WATCH, with a function that encodes a STATUS with the state fail. */
export async function rogue(watched: (socket: Socket, status: (report: object) => Buffer) => void): Promise<Rogue> {
  const sockets: Socket[] = [];
  const server = createServer((socket) => {
    sockets.push(socket.on('error', () => {}));
    const decoder = new Decoder('server');
    socket.on('data', (chunk) => {
      decoder.push(chunk);
      while (decoder.next() === FRAME) {
        const { type, idHigh, idLow } = decoder;
        const send = (frame: { type: number; code?: number; body?: object }) =>
          socket.write(encodeFrame({ ...frame, idHigh, idLow }));
        if (type === FrameType.HELLO) send({ type, body: { instance: 'rogue' } });
        if (type === FrameType.PING) send({ type: FrameType.PONG, code: Status.FAIL });
        if (type === FrameType.WATCH) {
          watched(socket, (body) => encodeFrame({ type: FrameType.STATUS, code: Status.FAIL, idHigh, idLow, body }));
        }
      }
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    address: `pong://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: () => {
      for (const socket of sockets) socket.destroy();
      return new Promise((resolve) => server.close(resolve));
    },
  };
}
