import { promises } from 'node:dns';
import { closeSync, openSync } from 'node:fs';
import { systemClock } from '../../common/clock.js';
import type { CheckDefinition, CheckResult, CheckSettings } from '../../health/check.js';
import { CheckFailure, reasonOf, toCheckFailure } from '../../health/reason.js';
import { formatValue } from '../../options/format-value.js';
import { invalidOption, parseCheckOptions } from '../parse-options.js';
import { orAbort } from '../shared/deadline.js';
import { type Match, readPattern } from '../shared/match.js';
import { PatternWorker } from '../shared/pattern-worker.js';
import { dnsOptions } from './options.js';
import { queryRecords, type RecordType } from './records.js';

const KIND = 'dns';
/** Attempts per server. Each attempt waits twice as long as the previous one. */
const TRIES = 3;
/**
 * First attempt as a fraction of the time available. All attempts for one server take at most 7 times as long as the
 * first.
 */
const FIRST_TRY = 1 / 8;
/** A fully qualified name of at most 253 characters, with labels of at most 63. */
const dnsName = /^(?!.{254})(?:[\x21-\x2d\x2f-\x7e]{1,63}\.)*[\x21-\x2d\x2f-\x7e]{1,63}\.?$/;

/** Options of the `dns` check. */
export interface DnsOptions extends CheckSettings {
  /** Fully qualified name to query. Neither search domains nor `/etc/hosts` are used. */
  name: string;
  /** @default 'A' */
  type?: RecordType;
  /** Name server, `IP` or `IP:PORT`. Default: the servers in `/etc/resolv.conf`, which is read on each run. */
  server?: string;
  /**
   * Minimum number of records.
   * @default 1
   */
  minRecords?: number;
  /**
   * Text that one of the records must contain, or regular expression (also as `/text/`) that one must match. Default:
   * any record is accepted.
   */
  expect?: string | RegExp;
}

/**
 * Queries a name server over UDP, or over TCP if the answer is truncated. The observed value is the number of records.
 *
 * @throws PongcheckError `PONGCHECK_CONFIG` for invalid options.
 */
export function dnsCheck(given: DnsOptions): CheckDefinition {
  const { settings, options } = parseCheckOptions<DnsOptions>(KIND, dnsOptions, given);
  const { name, type = 'A', server, minRecords = 1, expect } = options;
  if (!dnsName.test(name)) {
    throw invalidOption(KIND, ['name'], formatValue(name), 'a name of labels of 1 to 63 characters, in ASCII');
  }
  if (server !== undefined) validateServer(server);
  const worker = new PatternWorker();
  const isExpected = expect === undefined ? undefined : readPattern(KIND, 'expect', expect, worker);
  return {
    componentType: 'component',
    ...settings,
    kind: KIND,
    nonBlocking: true,
    target: `${type} ${name}${server === undefined ? '' : ` at ${server}`}`,
    load: () => worker.load(),
    async run(signal, deadline): Promise<CheckResult> {
      const records = await query(name, type, server, signal, deadline);
      const observed = { observedValue: records.length, observedUnit: 'records' };
      if (records.length < minRecords) {
        const output = `${name} has ${records.length} ${type} records, minimum: ${minRecords}`;
        return { status: 'fail', reason: 'threshold', output, ...observed };
      }
      if (isExpected && !(await matchesSome(records, isExpected, signal, deadline))) {
        const output = `none of the ${records.length} ${type} records of ${name} matches`;
        return { status: 'fail', reason: 'bad-body', output, ...observed };
      }
      return { status: 'pass', ...observed };
    },
    close: () => worker.close(),
  };
}

function validateServer(server: string): void {
  try {
    new promises.Resolver().setServers([server]);
  } catch {
    throw invalidOption(KIND, ['server'], formatValue(server), 'IP or IP:PORT, such as 10.0.0.53:53 or "[::1]:53"');
  }
}

/** Creates a resolver for each run, because a new one re-reads the system configuration and has no cached answers. */
async function query(
  name: string,
  type: RecordType,
  server: string | undefined,
  signal: AbortSignal,
  deadline: number,
): Promise<string[]> {
  const timeout = Math.max(1, Math.floor((deadline - systemClock.now()) * FIRST_TRY));
  const resolver = new promises.Resolver({ timeout, tries: TRIES });
  if (server !== undefined) resolver.setServers([server]);
  const onAbort = () => resolver.cancel();
  signal.addEventListener('abort', onAbort, { once: true });
  try {
    return await orAbort(queryRecords(resolver, name, type), signal);
  } catch (error) {
    if (signal.aborted) throw signal.reason;
    throw failureOf(error as NodeJS.ErrnoException, name, type);
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}

const descriptions: Readonly<Record<string, (name: string, type: RecordType) => string>> = {
  ENOTFOUND: (name) => `${name} does not exist`,
  ENODATA: (name, type) => `${name} has no ${type} records`,
  ESERVFAIL: (name) => `the name server failed to resolve ${name}`,
  EREFUSED: (name) => `the name server refused the query for ${name}`,
  ECONNREFUSED: () => 'the name server refused the connection',
  ETIMEOUT: () => 'the name server did not answer',
  EBADRESP: () => 'the answer of the name server is malformed',
};

function failureOf(error: NodeJS.ErrnoException, name: string, type: RecordType): CheckFailure {
  const { code = 'no code' } = error;
  const shortage = code === 'ECONNREFUSED' ? openFileError() : undefined;
  if (shortage) return toCheckFailure(reasonOf(shortage), shortage);
  const description = descriptions[code]?.(name, type) ?? `the query for ${name} failed`;
  return new CheckFailure(reasonOf(error), `${description} (${code})`);
}

/** The resolver reports a refused connection even if the actual cause is that this process cannot open a socket. */
function openFileError(): unknown {
  try {
    closeSync(openSync('/dev/null', 'r'));
    return undefined;
  } catch (error) {
    return error;
  }
}

async function matchesSome(
  records: readonly string[],
  isExpected: Match,
  signal: AbortSignal,
  deadline: number,
): Promise<boolean> {
  for (const record of records) if (await isExpected(record, signal, deadline)) return true;
  return false;
}
