import { writeFile } from 'node:fs/promises';
import { parseAddress } from '../../net/address.js';
import { type FlagValues, UsageError } from '../parser.js';
import { printable, printableJson, stylesFor } from '../terminal.js';
import { Dialogue } from './dialogue.js';
import { startIsolated } from './isolated.js';
import { type Outcome, play, type Subject, type Verdict } from './play.js';
import { startResponder } from './responder.js';
import { junit, type RuleScore, scoreCloses, scoreRules } from './score.js';
import { readSessions, type Session } from './session.js';

const EXIT = { met: 0, notMet: 1, noConnection: 2 } as const;
const CONNECT_TIMEOUT_MS = 5000;

export async function conformance(flags: FlagValues, address?: string): Promise<number> {
  const only = flags.rule as string[] | undefined;
  const sessions = readSessions().filter(({ rules }) => !only || rules.some((rule) => only.includes(rule)));
  if (sessions.length === 0)
    throw new UsageError(`--rule is ${only?.join(', ')}; allowed: a rule of the specification that has a session`);
  const subject = address === undefined ? undefined : targetOf(address);
  if (subject && !(await isReachable(subject))) {
    process.stderr.write(`pongcheck: could not connect to ${address}\n`);
    return EXIT.noConnection;
  }
  if (typeof flags.junit === 'string') await requireWritable(flags.junit);
  const outcomes: Outcome[] = [];
  // Keeps the process alive between two sessions; the timers of a responder do not.
  const alive = setInterval(() => {}, CONNECT_TIMEOUT_MS);
  for (const session of sessions)
    outcomes.push(subject ? await playRemote(session, subject) : await playLocal(session));
  clearInterval(alive);
  return report(flags, outcomes);
}

/** Prints the outcomes by rule, in the requested formats. Returns the exit code. */
export async function report(flags: FlagValues, outcomes: readonly Outcome[]): Promise<number> {
  const scores = scoreRules(outcomes);
  if (typeof flags.junit === 'string') await writeFile(flags.junit, junit(outcomes));
  process.stdout.write(flags.json ? `${printableJson(asJson(scores, outcomes))}\n` : asText(scores, outcomes));
  return scores.some(({ verdict }) => verdict === 'failed' || verdict === 'not strict') ? EXIT.notMet : EXIT.met;
}

/** Fails early: the sessions take half a minute. */
export async function requireWritable(path: string): Promise<void> {
  await writeFile(path, '').catch(({ message }) => {
    throw new UsageError(`--junit cannot be written: ${message}`);
  });
}

function targetOf(text: string): Subject {
  const address = parseAddress(text);
  if (address.kind !== 'tcp') throw new UsageError('the address is not plain TCP; allowed: HOST:PORT');
  return address;
}

async function isReachable({ host, port }: Subject): Promise<boolean> {
  return Dialogue.open(host, port, CONNECT_TIMEOUT_MS).then(
    (dialogue) => {
      dialogue.destroy();
      return true;
    },
    () => false,
  );
}

async function playRemote(session: Session, subject: Subject): Promise<Outcome> {
  const { responder } = session;
  if (!responder || Object.keys(responder).length === 0) return play(session, subject);
  return { session, verdict: 'not tried', why: `requires a responder with ${JSON.stringify(responder)}` };
}

/** Runs a session with a new responder, because a session can exhaust a limit. */
async function playLocal(session: Session): Promise<Outcome> {
  const { responder = {} } = session;
  const subject = await (responder.threads ? startIsolated(responder) : startResponder(responder));
  try {
    return await play(session, subject);
  } finally {
    await subject.stop();
  }
}

function asText(scores: readonly RuleScore[], outcomes: readonly Outcome[]): string {
  const style = stylesFor(process.stdout);
  const colours = {
    ok: 'green',
    'not strict': 'yellow',
    failed: 'red',
    'not implemented': 'magenta',
    'not tried': 'dim',
  } as const;
  const lines = scores.flatMap(({ rule, verdict, outcomes: own }) => [
    `${rule.padEnd(4)} ${style(colours[verdict])(verdict)}`,
    ...own
      .filter((outcome) => outcome.verdict === verdict && verdict !== 'ok')
      .map(({ session, why = '' }) => `       ${printable(session.name)}: ${printable(why, 300)}`),
  ]);
  const count = (verdict: Verdict) => scores.filter((score) => score.verdict === verdict).length;
  const { fin, rst, none } = scoreCloses(outcomes);
  return [
    ...lines,
    '',
    `${scores.length} rules: ${(['ok', 'not strict', 'failed', 'not implemented', 'not tried'] as const).map((verdict) => `${count(verdict)} ${verdict}`).join(', ')}`,
    ...(fin + rst + none > 0 ? [`expected closes: ${fin} by FIN, ${rst} by RST, ${none} missing`] : []),
    '',
  ].join('\n');
}

function asJson(scores: readonly RuleScore[], outcomes: readonly Outcome[]): object {
  return {
    rules: Object.fromEntries(scores.map(({ rule, verdict }) => [rule, verdict])),
    closes: scoreCloses(outcomes),
    sessions: outcomes.map(({ session, verdict, why }) => ({
      name: session.name,
      rules: session.rules,
      verdict,
      ...(why && { why }),
    })),
  };
}
