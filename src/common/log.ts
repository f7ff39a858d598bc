/** The methods that the library uses of a pino logger. Any compatible logger works. */
export interface Log {
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
  /**
   * Number of lines that could not be written; exposed as a metric.
   * @default 0
   */
  readonly droppedLines?: number;
}

function noop(): void {}

/** Discards all lines. The default of the library. */
export const silentLog: Log = { debug: noop, info: noop, warn: noop, error: noop };
