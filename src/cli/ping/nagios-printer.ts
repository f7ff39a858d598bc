import { type Address, hostAndPort } from '../../net/address.js';
import { checkLines } from '../report-lines.js';
import { nagiosLine } from './nagios-line.js';
import { marksOf, outcomeOf, statusOf } from './pong-text.js';
import type { PingPrinter } from './printer.js';

/** Prints one line about the last PING at the end. */
export function nagiosPrinter(address: Address): PingPrinter {
  const where = hostAndPort(address);
  let line = nagiosLine('not asked', `interrupted before ${where} answered`);
  return {
    begin() {},
    answer(_seq, pong) {
      const description = `${statusOf(pong)} from ${where}${marksOf(pong, checkLines(pong.report))}`;
      line = nagiosLine(outcomeOf(pong), description, pong.rtt);
    },
    failure(_seq, error) {
      line = nagiosLine(outcomeOf(error), error.message);
    },
    end: () => void process.stdout.write(`${line}\n`),
  };
}
