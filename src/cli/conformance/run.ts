import { writeFile } from 'node:fs/promises';
import { parseAddress } from '../../net/address.js';
import { type FlagValues, UsageError } from '../parser.js';
import { printable, printableJson, stylesFor } from '../terminal.js';
import { Dialogue } from './dialogue.js';
import { type Outcome, play, type Subject, type Verdict } from './play.js';
import { startResponder } from './responder.js';
import { junit, type RuleScore, scoreCloses, scoreRules } from './score.js';
import { readSessions, type Session } from './session.js';

const EXIT = { holds: 0, broken: 1, nobody: 2 } as const;
const PATIENCE = 5000;

export async function conformance(flags: FlagValues, address?: string): Promise<number> {
  const only = flags.rule as string[] | undefined;
  const sessions = readSessions().filter(({ rules }) => !only || rules.some((rule) => only.includes(rule)));
  if (sessions.length === 0) throw new UsageError(`no dialogue is about ${only?.join(', ')}`);
  const subject = address === undefined ? undefined : targetOf(address);
  if (subject && !(await isThere(subject))) {
    process.stderr.write(`pongcheck: nobody accepts a connection at ${address}\n`);
    return EXIT.nobody;
  }
  if (typeof flags.junit === 'string') await mustBeWritable(flags.junit);
  const outcomes: Outcome[] = [];
  // Timers of a responder keep no process alive, and between two dialogues there is nothing else.
  const alive = setInterval(() => {}, PATIENCE);
  for (const session of sessions) outcomes.push(subject ? await playThere(session, subject) : await playHere(session));
  clearInterval(alive);
  const scores = scoreRules(outcomes);
  if (typeof flags.junit === 'string') await writeFile(flags.junit, junit(outcomes));
  process.stdout.write(flags.json ? `${printableJson(asJson(scores, outcomes))}\n` : asText(scores, outcomes));
  return scores.some(({ verdict }) => verdict === 'failed' || verdict === 'not strict') ? EXIT.broken : EXIT.holds;
}

/** Before half a minute of dialogues is played in vain. */
async function mustBeWritable(path: string): Promise<void> {
  await writeFile(path, '').catch(({ message }) => {
    throw new UsageError(`--junit cannot be written: ${message}`);
  });
}

function targetOf(text: string): Subject {
  const address = parseAddress(text);
  if (address.kind !== 'tcp') throw new UsageError('conformance speaks plain TCP: HOST:PORT');
  return address;
}

async function isThere({ host, port }: Subject): Promise<boolean> {
  return Dialogue.open(host, port, PATIENCE).then(
    (dialogue) => {
      dialogue.destroy();
      return true;
    },
    () => false,
  );
}

async function playThere(session: Session, subject: Subject): Promise<Outcome> {
  const { responder } = session;
  if (!responder || Object.keys(responder).length === 0) return play(session, subject);
  return { session, verdict: 'not tried', why: `it needs a responder with ${JSON.stringify(responder)}` };
}

/** With a responder of our own for each, because a limit is used up by who reaches it. */
async function playHere(session: Session): Promise<Outcome> {
  const subject = await startResponder(session.responder ?? {});
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
    `closes that were wanted: ${fin} by FIN, ${rst} by RST, ${none} not at all`,
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
