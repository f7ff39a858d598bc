/** Codes of the errors that this package throws. docs/embed.md contains this table. */
export const errorCodes = {
  PONGCHECK_CONFIG: 'The configuration has an unknown key, a wrong type or a value out of range.',
  PONGCHECK_ADDRESS: 'An address is not valid.',
  PONGCHECK_LISTEN: 'A listener could not be opened.',
  PONGCHECK_THREAD: 'A PING thread could not be started, or has exited.',
  PONGCHECK_CONNECT: 'The connection to a responder could not be established.',
  PONGCHECK_TLS: 'A TLS handshake failed, or one side rejected the certificate of the other.',
  PONGCHECK_TIMEOUT: 'No answer arrived in time.',
  PONGCHECK_CLOSED: 'The connection was closed before the answer arrived.',
  PONGCHECK_BUSY: 'A client has reached its limit on outstanding requests. Retry once some are answered.',
  PONGCHECK_PROTOCOL: 'The peer violated the protocol.',
  PONGCHECK_REFUSED: 'The peer responded with an ERROR frame.',
  PONGCHECK_CHECK: 'A check definition is invalid, or its module cannot be loaded.',
  PONGCHECK_METRICS: 'The metrics registry already contains the metrics of another service.',
  PONGCHECK_STARTED: 'The service was already started or stopped. A service can be started only once.',
  PONGCHECK_NOT_RUNNING: 'The service is not running, or is draining, so its options cannot be changed.',
} as const;

export type ErrorCode = keyof typeof errorCodes;

/** An error thrown by this package. `code` is stable; `message` states what is wrong and what is allowed. */
export class PongcheckError extends Error {
  override readonly name = 'PongcheckError';
  readonly code: ErrorCode;

  constructor(code: ErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}
