import type { EventEmitter } from 'node:events';
import type { Duplex } from 'node:stream';
import { CheckFailure } from '../../health/reason.js';

/** A query of one or more statements. */
export interface PgQuery {
  readonly text: string;
  readonly rowMode: 'array';
  readonly types: { getTypeParser(): (text: string) => string };
}

/** The result of one statement, with its values as text. */
export interface PgResult {
  readonly rows: readonly (readonly (string | null)[])[];
}

/**
 * The members of a pg client that are used here. Declared here so that compiling with this package does not require the
 * types of pg.
 */
export interface PgClient extends EventEmitter {
  /** Its members are undocumented, but the same in every version 8 of pg. `stream` is replaced when TLS starts. */
  readonly connection: EventEmitter & { readonly stream: Duplex; readonly ssl: unknown };
  connect(): Promise<unknown>;
  /** Several statements return a list of results. */
  query(query: PgQuery): Promise<PgResult | readonly PgResult[]>;
  end(): Promise<void>;
}

export type PgClientClass = new (config: Readonly<Record<string, unknown>>) => PgClient;

/**
 * Imports the driver, an optional peer dependency. `load` and all runs use this function, because Node resolves a
 * module name once per importing file.
 *
 * @throws CheckFailure (rejects) `internal` if pg is not installed.
 */
export async function importDriver(): Promise<PgClientClass> {
  try {
    return (await import('pg')).default.Client as unknown as PgClientClass;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ERR_MODULE_NOT_FOUND') throw error;
    const message =
      'the kind postgres requires the package pg, 8.11 or later, which is not installed; run: npm install pg';
    throw new CheckFailure('internal', message);
  }
}
