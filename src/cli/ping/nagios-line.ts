import { printable } from '../terminal.js';
import { exitCode, type Outcome } from './exit-dialects.js';

const WORDS = ['OK', 'WARNING', 'CRITICAL', 'UNKNOWN'];
/** Maximum length in characters. Nagios reads 4 KiB, including the performance data. */
const MAX_TEXT = 1000;

/**
 * For example `PONG OK - pass from HOST | rtt=0.812ms;;;0`. The text must not contain a bar, which separates the
 * performance data. `U` is the Nagios value for an unknown measurement.
 */
export function nagiosLine(outcome: Outcome, description: string, rtt?: number): string {
  const text = printable(description.replaceAll('|', '/'), MAX_TEXT);
  const measured = rtt === undefined ? 'U' : `${rtt.toFixed(3)}ms`;
  return `PONG ${WORDS[exitCode('nagios', outcome)]} - ${text} | rtt=${measured};;;0`;
}
