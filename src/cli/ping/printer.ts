import type { Pong } from '../../client/responses.js';
import type { PongcheckError } from '../../common/errors.js';
import { failureText } from '../../health/reported-fate.js';
import type { State } from '../../health/state.js';
import { type Address, hostAndPort } from '../../net/address.js';
import { type CheckLine, checkLines } from '../report-lines.js';
import { milliseconds, printable, printableJson, type Style, type StyleName, stylesFor } from '../terminal.js';
import { marksOf, statusOf } from './pong-text.js';
import type { PingStatistics } from './statistics.js';

/** Prints the output of `ping`. */
export interface PingPrinter {
  begin(): void;
  answer(seq: number, pong: Pong): void;
  failure(seq: number, error: PongcheckError): void;
  end(statistics: PingStatistics, elapsed: number): void;
}

const stateStyles: Readonly<Record<State, StyleName>> = {
  pass: 'green',
  warn: 'yellow',
  fail: 'red',
  unknown: 'magenta',
  draining: 'cyan',
  starting: 'cyan',
  'not-found': 'magenta',
};

/**
 * Prints text lines. Each one lists the checks that do not pass, if the report is available.
 *
 * @param withResults also prints the result of each check when any of them changes.
 */
export function textPrinter(address: Address, withResults: boolean): PingPrinter {
  const style = stylesFor(process.stdout);
  const where = hostAndPort(address);
  let lastDetails = '';

  /** Prints the results of the checks if they changed. */
  function printDetails(lines: readonly CheckLine[]): void {
    const details = lines.map((line) => `${line.name} ${line.state} ${failureText(line)}`).join('\n');
    if (details === lastDetails) return;
    lastDetails = details;
    const width = Math.max(...lines.map(({ name }) => name.length));
    for (const line of lines) {
      const { name, state, durationMs } = line;
      const why = failureText(line);
      const text = why === '' && durationMs !== undefined ? `${durationMs} ms` : why;
      print(`    ${name.padEnd(width)}  ${stateStyle(style, state)(state.padEnd(7))}  ${style('dim')(text)}`);
    }
  }

  return {
    begin: () => print(`PING ${where}`),
    answer(seq, pong) {
      const lines = checkLines(pong.report);
      const status = stateStyle(style, pong.status)(statusOf(pong));
      // A truncated report still contains all causes, and only `withResults` shows more than the causes.
      const marks = marksOf({ ...pong, truncated: withResults && pong.truncated }, lines);
      print(`${status} from ${where}: seq=${seq} time=${milliseconds(pong.rtt)} ms${marks}`);
      if (withResults && lines.length > 0) printDetails(lines);
    },
    failure(seq, error) {
      lastDetails = '';
      print(
        `${style('red')('no answer')} from ${where}: seq=${seq} ${printable(withoutAddress(where, error.message))}`,
      );
    },
    end(statistics, elapsed) {
      const { sent, received, loss, statuses, roundTrips } = statistics;
      const counts = [...statuses].map(([status, times]) => `, ${times} ${status}`).join('');
      print(`\n--- ${where} ping statistics ---`);
      print(`${sent} sent, ${received} received, ${percent(loss)}% loss${counts}, time ${Math.round(elapsed)} ms`);
      if (!roundTrips) return;
      const { min, avg, max, mdev } = roundTrips;
      print(`rtt min/avg/max/mdev = ${[min, avg, max, mdev].map((ms) => ms.toFixed(3)).join('/')} ms`);
    },
  };
}

/** Prints one JSON object per line; `type` is `pong`, `failure` or `summary`. */
export function jsonPrinter(address: Address): PingPrinter {
  const where = hostAndPort(address);
  const write = (line: object) => print(printableJson(line));
  return {
    begin() {},
    answer(seq, { status, code, healthy, stale, truncated, rtt, report }) {
      const rttMs = rounded(rtt);
      write({
        type: 'pong',
        address: where,
        seq,
        status,
        code,
        healthy,
        stale,
        truncated,
        rttMs,
        ...(report && { report }),
      });
    },
    failure: (seq, { code, message }) => write({ type: 'failure', address: where, seq, code, message }),
    end(statistics, elapsed) {
      const { sent, received, loss, statuses, roundTrips } = statistics;
      write({
        type: 'summary',
        address: where,
        sent,
        received,
        lossPercent: rounded(loss),
        statuses: Object.fromEntries(statuses),
        elapsedMs: Math.round(elapsed),
        ...(roundTrips && {
          rttMs: Object.fromEntries(Object.entries(roundTrips).map(([name, ms]) => [name, rounded(ms)])),
        }),
      });
    },
  };
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}

function stateStyle(style: (name: StyleName) => Style, state: string): Style {
  return style(stateStyles[state as State] ?? 'magenta');
}

/** Removes the address, which the line already contains. */
function withoutAddress(where: string, description: string): string {
  if (description.startsWith(`${where} `)) return description.slice(where.length + 1);
  return description.replace(`The connection to ${where}`, 'the connection');
}

function percent(share: number): string {
  return String(Number(share.toFixed(share < 1 ? 3 : 1)));
}

function rounded(value: number): number {
  return Math.round(value * 1000) / 1000;
}
