import type { ClientRequest, IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import { CheckFailure } from '../../health/reason.js';

/** What may come of an answer besides its body, in octets: its head, those of any answers of 1xx before it, its trailers. */
const MAX_HEADS = 65_536;
/** What an octet of the body may cost, in octets: six in a chunk of its own. */
const MAX_FRAMING = 8;

/** The head of the answer; the answer ends with `protocol` where it takes more octets than one with such a body can need. */
export function head(request: ClientRequest, maxBody: number): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    let left = MAX_HEADS;
    let answer: IncomingMessage | undefined;
    const count = (chunk: Buffer) => {
      left -= chunk.length;
      if (left >= 0) return;
      const error = new CheckFailure('protocol', 'the answer is larger than its body and its headers can be');
      (answer ?? request).destroy(error);
    };
    request.once('socket', (socket) => {
      socket.off('data', unasked).on('data', count);
      request.once('close', () => socket.off('data', count).on('data', unasked));
    });
    request.once('response', (response) => {
      answer = response;
      left += maxBody * MAX_FRAMING;
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
function unasked(this: Socket): void {
  this.destroy();
}
