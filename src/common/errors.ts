/** Codes of the errors that this package throws. docs/embed.md contains this table. */
export const errorCodes = {
  PONGCHECK_CONFIG: 'The configuration has an unknown key, a wrong type or a value out of range.',
  PONGCHECK_ADDRESS: 'An address is not valid.',
  PONGCHECK_LISTEN: 'A listener could not be opened.',
  PONGCHECK_THREAD: 'A PING thread could not be started, or has ended.',
  PONGCHECK_CONNECT: 'The connection to a responder could not be established.',
  PONGCHECK_TLS: 'A TLS handshake failed, or one side rejected the certificate of the other.',
  PONGCHECK_TIMEOUT: 'No answer arrived in time.',
  PONGCHECK_CLOSED: 'The connection was closed before the answer arrived.',
  PONGCHECK_BUSY: 'A client has reached its limit of pending requests; retry when some are answered.',
  PONGCHECK_PROTOCOL: 'The peer violated the protocol.',
  PONGCHECK_REFUSED: 'The peer answered with an ERROR frame.',
  PONGCHECK_CHECK: 'The definition of a check is invalid, or its module cannot be loaded.',
  PONGCHECK_METRICS: 'The metrics registry already has the metrics of another service.',
  PONGCHECK_STARTED: 'A service can be started once, and was already started or stopped.',
  PONGCHECK_NOT_RUNNING: 'Options can be changed only while a service runs and is not draining.',
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
