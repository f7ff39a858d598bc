import type { ClientRequest, IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import { CheckFailure } from '../../health/reason.js';

/** Limit for everything except the body, in bytes: headers, 1xx responses, trailers. */
const MAX_HEAD_BYTES = 65_536;
/** Maximum bytes on the wire per byte of the body: six for a chunk of one byte. */
const MAX_BYTES_PER_BODY_BYTE = 8;

/**
 * Resolves with the head of the response. Fails with `protocol` if the response takes more bytes than its limits allow.
 */
export function head(request: ClientRequest, maxBody: number): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    let remaining = MAX_HEAD_BYTES;
    let answer: IncomingMessage | undefined;
    const countBytes = (chunk: Buffer) => {
      remaining -= chunk.length;
      if (remaining >= 0) return;
      const error = new CheckFailure('protocol', 'the response exceeds the limits of its headers and body');
      (answer ?? request).destroy(error);
    };
    request.once('socket', (socket) => {
      socket.off('data', destroyUnused).on('data', countBytes);
      request.once('close', () => socket.off('data', countBytes).on('data', destroyUnused));
    });
    request.once('response', (response) => {
      answer = response;
      remaining += maxBody * MAX_BYTES_PER_BODY_BYTE;
      // An error before the body is read is reported when it is read.
      response.on('error', () => {});
      resolve(response);
    });
    request.on('error', (error) => {
      reject(error);
      // Errors after the head are reported only here.
      if (answer?.complete === false) answer.destroy(error);
    });
    request.end();
  });
}

/** Closes a kept connection that receives data while unused. */
function destroyUnused(this: Socket): void {
  this.destroy();
}
