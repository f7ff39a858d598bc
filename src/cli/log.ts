import { type Logger, pino } from 'pino';

/** The log of `serve`, on standard output: JSON, or lines for people on a terminal and where they are asked for. */
export async function openLog({ level, pretty }: { level: string; pretty?: boolean }): Promise<Logger> {
  const options = {
    level,
    base: null,
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label: string) => ({ level: label }) },
  };
  if (pretty ?? process.stdout.isTTY === true) {
    const prettyPrinter = await loadPrettyPrinter();
    if (prettyPrinter) return pino(options, prettyPrinter);
    const log = pino(options);
    if (pretty) log.warn('log.pretty needs the package pino-pretty, which is not installed; these lines stay JSON');
    return log;
  }
  return pino(options);
}

async function loadPrettyPrinter() {
  try {
    const { default: pretty } = await import('pino-pretty');
    return pretty({
      colorize: process.stdout.isTTY === true && !process.env.NO_COLOR && process.stdout.hasColors(),
      translateTime: 'SYS:HH:MM:ss.l',
      // What the sentences say already.
      ignore: 'check,group,from,to,reason,output,address,url,checks,signal',
      singleLine: true,
      sync: true,
    });
  } catch {
    return undefined;
  }
}
