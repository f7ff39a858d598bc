import { ping } from '../../client.js';
import { PongcheckError } from '../../common/errors.js';
import { type Explanation, explain, explanationLines, momentAgo } from '../../health/explain.js';
import { parseReport } from '../../health/report-view.js';
import { hostAndPort } from '../../net/address.js';
import type { FlagValues } from '../parser.js';
import { peerOptions } from '../peer-flags.js';
import { addressOf, DEFAULT_ADDRESS, selectionOf } from '../request-flags.js';
import { printable, printableJson, stylesFor } from '../terminal.js';

const EXIT = { healthy: 0, unhealthy: 1, noAnswer: 2 } as const;
/** Maximum length of a printed line, in characters. */
const MAX_LINE = 600;

/** Sends one PING, prints the explanation, and resolves with the exit code. */
export async function explainOnce(flags: FlagValues, argument = DEFAULT_ADDRESS): Promise<number> {
  const selection = selectionOf(flags);
  const address = addressOf(argument);
  const peer = peerOptions(flags);
  const where = hostAndPort(address);
  try {
    const { status, healthy, report } = await ping(address, { ...selection, detail: true, ...peer });
    const explanation = report
      ? explain(parseReport(report))
      : withoutReport(`${where} is ${status}.`, 'Details are hidden from this client.');
    print(explanation, flags, { address: where, status });
    return healthy ? EXIT.healthy : EXIT.unhealthy;
  } catch (error) {
    if (!(error instanceof PongcheckError)) throw error;
    const headline = `No answer from ${where}: its status is unknown.`;
    print(withoutReport(headline, error.message), flags, { address: where, code: error.code });
    return EXIT.noAnswer;
  }
}

function withoutReport(headline: string, note: string): Explanation {
  return { headline, causes: [], degraded: [], notes: [note] };
}

function print(explanation: Explanation, flags: FlagValues, more: object): void {
  if (flags.json) {
    process.stdout.write(`${printableJson({ ...more, ...explanation })}\n`);
    return;
  }
  const { headline, since } = explanation;
  const bold = stylesFor(process.stdout)('bold');
  process.stdout.write(`${bold(printable(headline, MAX_LINE))}\n`);
  if (since) process.stdout.write(`- Since ${momentAgo(since.getTime(), Date.now())}.\n`);
  for (const line of explanationLines(explanation)) process.stdout.write(`- ${printable(line, MAX_LINE)}\n`);
}
