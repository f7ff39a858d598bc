import { printable } from '../terminal.js';
import { exitCode, type Outcome } from './exit-dialects.js';

const WORDS = ['OK', 'WARNING', 'CRITICAL', 'UNKNOWN'];
/** Nagios reads 4 KiB, the performance data among them. */
const MAX_SENTENCE = 1000;

/**
 * `PONG OK - pass from HOST | rtt=0.812ms;;;0`. The bar begins the performance data, so none may stand before it;
 * `rtt` is in milliseconds, and `U` there is Nagios' word for what could not be measured.
 */
export function nagiosLine(outcome: Outcome, description: string, rtt?: number): string {
  const said = printable(description.replaceAll('|', '/'), MAX_SENTENCE);
  const measured = rtt === undefined ? 'U' : `${rtt.toFixed(3)}ms`;
  return `PONG ${WORDS[exitCode('nagios', outcome)]} - ${said} | rtt=${measured};;;0`;
}
