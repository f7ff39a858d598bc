/** Every error that this package throws on purpose has one of these codes; the table in docs/embed.md is this one. */
export const errorCodes = {
  PONGCHECK_CONFIG: 'The configuration has an unknown key, a wrong type or a value out of range.',
  PONGCHECK_ADDRESS: 'An address is not of a form that is understood.',
  PONGCHECK_LISTEN: 'A listener could not be opened.',
  PONGCHECK_CONNECT: 'The connection to a responder could not be made.',
  PONGCHECK_TLS: 'A TLS handshake failed, or one side does not accept the certificate of the other.',
  PONGCHECK_TIMEOUT: 'No answer came in time.',
  PONGCHECK_CLOSED: 'The connection ended before the answer came.',
  PONGCHECK_BUSY: 'A client has as many questions waiting as it may; try again when some are answered.',
  PONGCHECK_PROTOCOL: 'The peer sent what the protocol does not allow.',
  PONGCHECK_REFUSED: 'The peer answered with an ERROR frame.',
  PONGCHECK_CHECK: 'A check was defined or loaded wrongly.',
  PONGCHECK_METRICS: 'A registry of metrics has metrics of another service already.',
  PONGCHECK_STARTED: 'A service starts once, and was started or stopped already.',
  PONGCHECK_NOT_RUNNING: 'Only a service that runs, and does not drain, takes other options.',
} as const;

export type ErrorCode = keyof typeof errorCodes;

/** An error of this package: `code` says which, `message` says what was found and what is allowed. */
export class PongcheckError extends Error {
  override readonly name = 'PongcheckError';
  readonly code: ErrorCode;

  constructor(code: ErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}
