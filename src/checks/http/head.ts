import type { ClientRequest, IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import { CheckFailure } from '../../health/reason.js';

/** Maximum size of everything except the body, in bytes: headers, 1xx responses and trailers. */
const MAX_HEAD_BYTES = 65_536;
/** Maximum number of bytes received per body byte. A one-byte chunk takes six. */
const MAX_BYTES_PER_BODY_BYTE = 8;

/**
 * Resolves with the head of the response. Rejects with `protocol` if the response takes more bytes than its limits
 * allow.
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
      // An error that occurs before the body is read is reported when the body is read.
      response.on('error', () => {});
      resolve(response);
    });
    request.on('error', (error) => {
      reject(error);
      // Errors that occur after the head are reported only here.
      if (answer?.complete === false) answer.destroy(error);
    });
    request.end();
  });
}

/** Closes a kept connection that receives data while it is idle. */
function destroyUnused(this: Socket): void {
  this.destroy();
}
