import type { ClientRequest, IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import { CheckFailure } from '../../health/reason.js';

/** What may come of an answer besides its body, in octets: its head, those of any answers of 1xx before it, its trailers. */
const MAX_HEAD_BYTES = 65_536;
/** What an octet of the body may cost, in octets: six in a chunk of its own. */
const MAX_BYTES_PER_BODY_BYTE = 8;

/** The head of the answer; the answer ends with `protocol` where it takes more octets than one with such a body can need. */
export function head(request: ClientRequest, maxBody: number): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    let remaining = MAX_HEAD_BYTES;
    let answer: IncomingMessage | undefined;
    const countBytes = (chunk: Buffer) => {
      remaining -= chunk.length;
      if (remaining >= 0) return;
      const error = new CheckFailure('protocol', 'the answer is larger than its body and its headers can be');
      (answer ?? request).destroy(error);
    };
    request.once('socket', (socket) => {
      socket.off('data', destroyUnused).on('data', countBytes);
      request.once('close', () => socket.off('data', countBytes).on('data', destroyUnused));
    });
    request.once('response', (response) => {
      answer = response;
      remaining += maxBody * MAX_BYTES_PER_BODY_BYTE;
      // What breaks before the body is read is told when it is.
      response.on('error', () => {});
      resolve(response);
    });
    request.on('error', (error) => {
      reject(error);
      // What broke an answer that has begun is said here alone.
      if (answer?.complete === false) answer.destroy(error);
    });
    request.end();
  });
}

/** Ends a kept connection on which something comes before it is used again. */
function destroyUnused(this: Socket): void {
  this.destroy();
}
