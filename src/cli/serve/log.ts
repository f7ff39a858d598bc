import { type Logger, pino } from 'pino';
import type { Log } from '../../common/log.js';
import { LogOutput } from './log-output.js';

/**
 * Opens the log of `serve` on standard output. It writes JSON, or readable lines on a terminal or with `pretty`.
 * Writing never blocks. `droppedLines` counts the lines that could not be written.
 */
export async function openLog({ level, pretty }: { level: string; pretty?: boolean }): Promise<Logger & Log> {
  const print = (pretty ?? process.stdout.isTTY === true) ? await loadPrettyPrinter() : undefined;
  const format = print ?? ((line: string) => line);
  const output = new LogOutput(process.stdout, (dropped) => format(droppedLine(dropped)));
  const log = pino(
    {
      level,
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label: string) => ({ level: label }) },
    },
    { write: (line: string) => output.write(format(line)) },
  );
  if (pretty && !print) {
    log.warn('log.pretty requires the package pino-pretty, which is not installed; logging JSON');
  }
  return Object.defineProperty(log, 'droppedLines', { get: () => output.dropped });
}

function droppedLine(dropped: number): string {
  const msg = `${dropped} log lines could not be written and were dropped`;
  return `${JSON.stringify({ level: 'warn', time: new Date().toISOString(), dropped, msg })}\n`;
}

async function loadPrettyPrinter(): Promise<((line: string) => string) | undefined> {
  try {
    const { prettyFactory } = await import('pino-pretty');
    return prettyFactory({
      colorize: process.stdout.isTTY === true && !process.env.NO_COLOR && process.stdout.hasColors(),
      translateTime: 'SYS:HH:MM:ss.l',
      // These fields are already part of the messages.
      ignore: 'check,group,from,to,reason,output,address,url,checks,signal',
      singleLine: true,
    });
  } catch {
    return undefined;
  }
}
