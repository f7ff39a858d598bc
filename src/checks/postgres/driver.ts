import type { EventEmitter } from 'node:events';
import type { Duplex } from 'node:stream';
import { CheckFailure } from '../../health/reason.js';

/** A query of one or more statements. */
export interface PgQuery {
  readonly text: string;
  readonly rowMode: 'array';
  readonly types: { getTypeParser(): (text: string) => string };
}

/** The answer to one statement, with its values as text. */
export interface PgResult {
  readonly rows: readonly (readonly (string | null)[])[];
}

/** A client of pg, with the members that are used. The types of pg are not needed to compile with this package. */
export interface PgClient extends EventEmitter {
  /** The members are undocumented, and the same in every pg 8. `stream` is replaced when TLS starts. */
  readonly connection: EventEmitter & { readonly stream: Duplex; readonly ssl: unknown };
  connect(): Promise<unknown>;
  /** Several statements have a list of results. */
  query(query: PgQuery): Promise<PgResult | readonly PgResult[]>;
  end(): Promise<void>;
}

export type PgClientClass = new (config: Readonly<Record<string, unknown>>) => PgClient;

/**
 * Imports the driver, an optional peer dependency. Used by `load` and by runs: Node resolves the name of a module once
 * per importing file.
 *
 * @throws CheckFailure (rejects) `internal` if it is not installed.
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
