import { PongcheckError } from '../common/errors.js';

const descriptions: Readonly<Record<string, string>> = {
  EADDRINUSE: 'another process is listening on it',
  EACCES: 'permission denied',
  EADDRNOTAVAIL: 'the address does not belong to this host',
};

/** Returns a PONGCHECK_LISTEN error for a failed `listen` on `address`. */
export function cannotListen(address: string, error: NodeJS.ErrnoException): PongcheckError {
  const why = descriptions[error.code ?? ''] ?? error.message;
  return new PongcheckError('PONGCHECK_LISTEN', `cannot listen on ${address}: ${why}`, { cause: error });
}
