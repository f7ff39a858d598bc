import { PongcheckError } from '../common/errors.js';

const descriptions: Readonly<Record<string, string>> = {
  EADDRINUSE: 'another process listens there',
  EACCES: 'this user may not listen on that port',
  EADDRNOTAVAIL: 'that address is not one of this machine',
};

/** PONGCHECK_LISTEN: nobody can listen on `address`, in one sentence that says why. */
export function cannotListen(address: string, error: NodeJS.ErrnoException): PongcheckError {
  const why = descriptions[error.code ?? ''] ?? error.message;
  return new PongcheckError('PONGCHECK_LISTEN', `cannot listen on ${address}: ${why}`, { cause: error });
}
