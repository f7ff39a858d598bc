/** The part of a pino logger that the library uses; any logger of that shape will do. */
export interface Log {
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
  /** Lines that could not be written so far, for the metric. Default: 0. */
  readonly droppedLines?: number;
}

function nothing(): void {}

/** Says nothing: the default of a library. */
export const silentLog: Log = { debug: nothing, info: nothing, warn: nothing, error: nothing };
