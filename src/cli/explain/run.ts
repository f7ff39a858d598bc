import { type PingOptions, pingRequest } from '../../client/requests.js';
import { ping } from '../../client.js';
import { PongcheckError } from '../../common/errors.js';
import { type Explanation, explain, momentAgo } from '../../health/explain.js';
import { parseReport } from '../../health/report-view.js';
import { hostAndPort, parseAddress } from '../../net/address.js';
import { type FlagValues, UsageError } from '../parser.js';
import { peerOptions } from '../peer-flags.js';
import { printable, printableJson, stylesFor } from '../terminal.js';

const DEFAULT_ADDRESS = 'pong://127.0.0.1:7464';
const EXIT = { healthy: 0, unhealthy: 1, noAnswer: 2 } as const;
/** Two sentences of a check's own fit into one of ours. */
const MAX_LINE = 600;

/** Asks once, prints the answer in words, and resolves with the exit code. */
export async function explainOnce(flags: FlagValues, argument = DEFAULT_ADDRESS): Promise<number> {
  const question = questionOf(flags);
  const address = usage(() => parseAddress(argument));
  usage(() => pingRequest(question));
  const peer = peerOptions(flags);
  const where = hostAndPort(address);
  try {
    const { status, healthy, report } = await ping(address, { ...question, ...peer });
    const explanation = report
      ? explain(parseReport(report))
      : { headline: `${where} says ${status}.`, lines: ['It shows no more than that to this address.'] };
    print(explanation, flags, { address: where, status });
    return healthy ? EXIT.healthy : EXIT.unhealthy;
  } catch (error) {
    if (!(error instanceof PongcheckError)) throw error;
    const headline = `${where} gives no answer, so that nothing is known of it.`;
    print({ headline, lines: [error.message] }, flags, { address: where, code: error.code });
    return EXIT.noAnswer;
  }
}

function print({ headline, since, lines }: Explanation, flags: FlagValues, more: object): void {
  if (flags.json) {
    process.stdout.write(`${printableJson({ ...more, headline, ...(since && { since }), lines })}\n`);
    return;
  }
  const bold = stylesFor(process.stdout)('bold');
  process.stdout.write(`${bold(printable(headline, MAX_LINE))}\n`);
  if (since) process.stdout.write(`- Since ${momentAgo(since.getTime(), Date.now())}.\n`);
  for (const line of lines) process.stdout.write(`- ${printable(line, MAX_LINE)}\n`);
}

function questionOf({ check, group }: FlagValues): PingOptions {
  if (check !== undefined && group !== undefined) throw new UsageError('--check and --group cannot be given together');
  return {
    detail: true,
    ...(check !== undefined && { checks: check as string[] }),
    ...(group !== undefined && { group: group as string }),
  };
}

/** What the client refuses before it sends anything was wrong on the command line. */
function usage<T>(judge: () => T): T {
  try {
    return judge();
  } catch (error) {
    throw error instanceof PongcheckError ? new UsageError(error.message.replace(/^The option /, '--')) : error;
  }
}
