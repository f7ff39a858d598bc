import type { Outcome, Verdict } from './play.js';

export interface RuleScore {
  readonly rule: string;
  readonly verdict: Verdict;
  readonly outcomes: readonly Outcome[];
}

/** Verdicts in order of precedence. A rule gets the first one that any of its sessions received. */
const order: readonly Verdict[] = ['failed', 'not strict', 'ok', 'not implemented', 'not tried'];

/** Aggregates the outcomes of sessions by rule, in rule order. */
export function scoreRules(outcomes: readonly Outcome[]): RuleScore[] {
  const rules = [...new Set(outcomes.flatMap(({ session }) => session.rules))];
  return rules
    .sort((a, b) => Number(a.slice(1)) - Number(b.slice(1)))
    .map((rule) => {
      const own = outcomes.filter(({ session }) => session.rules.includes(rule));
      const verdict = order.find((one) => own.some((outcome) => outcome.verdict === one)) as Verdict;
      return { rule, verdict, outcomes: own };
    });
}

/** Counts how the server closed connections in sessions that expect a close. */
export function scoreCloses(outcomes: readonly Outcome[]): Readonly<Record<'fin' | 'rst' | 'none', number>> {
  const counts = { fin: 0, rst: 0, none: 0 };
  for (const { close } of outcomes) if (close) counts[close]++;
  return counts;
}

/** Formats a JUnit XML report. */
export function junit(outcomes: readonly Outcome[]): string {
  const failed = outcomes.filter(({ verdict }) => verdict === 'failed' || verdict === 'not strict').length;
  const skipped = outcomes.filter(({ verdict }) => verdict === 'not tried' || verdict === 'not implemented').length;
  const cases = outcomes.map(({ session, verdict, why = '' }) => {
    const name = `<testcase classname="${session.rules.join(' ')}" name="${escaped(session.name)}">`;
    const message = `message="${escaped(`${verdict}: ${why}`)}"`;
    const inside =
      verdict === 'ok'
        ? ''
        : verdict.startsWith('not i') || verdict === 'not tried'
          ? `<skipped ${message}/>`
          : `<failure ${message}/>`;
    return `  ${name}${inside}</testcase>`;
  });
  const head = `<testsuite name="pongcheck conformance" tests="${outcomes.length}" failures="${failed}" skipped="${skipped}">`;
  return `<?xml version="1.0" encoding="UTF-8"?>\n${head}\n${cases.join('\n')}\n</testsuite>\n`;
}

function escaped(text: string): string {
  return text.replace(/[&<>"'\p{Cc}]/gu, (character) => `&#${character.codePointAt(0)};`);
}
