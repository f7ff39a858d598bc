import { printable } from '../terminal.js';
import { exitCode, type Outcome } from './exit-dialects.js';

const WORDS = ['OK', 'WARNING', 'CRITICAL', 'UNKNOWN'];
/** In characters. Nagios reads 4 KiB, including the performance data. */
const MAX_TEXT = 1000;

/**
 * `PONG OK - pass from HOST | rtt=0.812ms;;;0`. A bar separates the performance data, so the text must not contain
 * one. `U` is the Nagios value for an unknown measurement.
 */
export function nagiosLine(outcome: Outcome, description: string, rtt?: number): string {
  const text = printable(description.replaceAll('|', '/'), MAX_TEXT);
  const measured = rtt === undefined ? 'U' : `${rtt.toFixed(3)}ms`;
  return `PONG ${WORDS[exitCode('nagios', outcome)]} - ${text} | rtt=${measured};;;0`;
}
