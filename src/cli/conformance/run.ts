import { writeFile } from 'node:fs/promises';
import { parseAddress } from '../../net/address.js';
import { TOKEN_VARIABLE } from '../../options/variable-names.js';
import { type FlagValues, UsageError } from '../parser.js';
import { durationOf } from '../request-flags.js';
import { printable, printableJson, stylesFor } from '../terminal.js';
import { startIsolated } from './isolated.js';
import { NoResponder, type Outcome, play, type Verdict } from './play.js';
import { findRunning, playRunning } from './remote.js';
import { parseSettings } from './requirements.js';
import { startResponder } from './responder.js';
import { junit, type RuleScore, scoreCloses, scoreRules } from './score.js';
import { readSessions, type Session } from './session.js';
import { endWithThisProcess } from './start.js';
import { playStarted } from './started.js';

const EXIT = { met: 0, notMet: 1, noResponder: 2 } as const;
const KEEP_ALIVE_MS = 5000;
/**
 * Number of connections not closed by a running responder, after which further closes are awaited for a shorter time.
 */
const MAX_NOT_CLOSED = 5;
const SHORT_CLOSE_TIMEOUT_MS = 500;

export async function conformance(flags: FlagValues, address?: string): Promise<number> {
  const only = flags.rule as string[] | undefined;
  const sessions = readSessions().filter(({ rules }) => !only || rules.some((rule) => only.includes(rule)));
  if (sessions.length === 0) throw new UsageError(`--rule is ${only?.join(', ')}; allowed: a rule that has a session`);
  const playAll = playerOf(flags, address);
  if (typeof flags.junit === 'string') await requireWritable(flags.junit);
  // Keeps the process alive between two sessions, which the timers of a responder do not.
  const alive = setInterval(() => {}, KEEP_ALIVE_MS);
  try {
    return await report(flags, await playAll(sessions));
  } catch (error) {
    if (!(error instanceof NoResponder)) throw error;
    process.stderr.write(`pongcheck: ${printable(error.message, 1000)}\n`);
    return EXIT.noResponder;
  } finally {
    clearInterval(alive);
  }
}

/** Prints the outcomes by rule in the requested formats. Returns the exit code. */
export async function report(flags: FlagValues, outcomes: readonly Outcome[]): Promise<number> {
  const scores = scoreRules(outcomes);
  if (typeof flags.junit === 'string') await writeFile(flags.junit, junit(outcomes));
  process.stdout.write(flags.json ? `${printableJson(asJson(scores, outcomes))}\n` : asText(scores, outcomes));
  return scores.some(({ verdict }) => verdict === 'failed' || verdict === 'not strict') ? EXIT.notMet : EXIT.met;
}

/** Fails before the sessions start, because they take half a minute. */
export async function requireWritable(path: string): Promise<void> {
  await writeFile(path, '').catch(({ message }) => {
    throw new UsageError(`--junit cannot be written: ${message}`);
  });
}

type Player = (sessions: readonly Session[]) => Promise<readonly Outcome[]>;

/** Selects how sessions are played: against a started command, a running responder, or this package's responder. */
function playerOf(flags: FlagValues, address: string | undefined): Player {
  const slack = durationOf(flags, 'slack');
  if (flags.start !== undefined) {
    if (address !== undefined) throw new UsageError('an address and --start are mutually exclusive');
    for (const flag of ['with', 'token'])
      if (flags[flag] !== undefined) throw new UsageError(`--${flag} is for a running responder: specify its address`);
    return started(String(flags.start), slack);
  }
  if (address !== undefined) return running(flags, address, slack);
  for (const flag of ['with', 'token'])
    if (flags[flag] !== undefined) throw new UsageError(`--${flag} requires the address of a responder`);
  return (sessions) => inOrder(sessions, (session) => playLocal(session, slack));
}

function started(command: string, slack: number | undefined): Player {
  const absent = ['{settings}', '{port}'].find((placeholder) => !command.includes(placeholder));
  if (absent !== undefined) throw new UsageError(`--start does not contain ${absent}`);
  endWithThisProcess();
  return (sessions) => playStarted(command, sessions, slack);
}

function running(flags: FlagValues, text: string, slack: number | undefined): Player {
  const address = parseAddress(text);
  if (address.kind !== 'tcp') throw new UsageError('the address is not plain TCP; allowed: HOST:PORT');
  const has = flags.with === undefined ? {} : parseSettings(String(flags.with), readSessions());
  const token = flags.token === undefined ? process.env[TOKEN_VARIABLE] : String(flags.token);
  return async (sessions) => {
    const responder = await findRunning(address, has, token);
    let notClosed = 0;
    return inOrder(sessions, async (session) => {
      const closeTimeout = notClosed < MAX_NOT_CLOSED ? undefined : SHORT_CLOSE_TIMEOUT_MS;
      const subject = { ...responder.subject, ...(closeTimeout && { closeTimeout }) };
      const outcome = await playRunning(session, { ...responder, subject }, slack);
      if (outcome.close === 'none') notClosed++;
      return outcome;
    });
  };
}

async function inOrder(
  sessions: readonly Session[],
  playOne: (session: Session) => Promise<Outcome>,
): Promise<Outcome[]> {
  const outcomes: Outcome[] = [];
  for (const session of sessions) outcomes.push(await playOne(session));
  return outcomes;
}

/** Runs a session against a new responder, because a session can exhaust a limit. */
async function playLocal(session: Session, slack: number | undefined): Promise<Outcome> {
  const { responder = {} } = session;
  const subject = await (responder.threads ? startIsolated(responder) : startResponder(responder));
  try {
    return await play(session, subject, undefined, slack);
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
    ...reasonsOf(own).map((reason) => `       ${printable(reason, 400)}`),
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

/** Lists why sessions of a rule were not ok. Sessions that were not tried are grouped by their requirements. */
function reasonsOf(outcomes: readonly Outcome[]): string[] {
  const tried = outcomes.filter(({ verdict }) => verdict !== 'ok' && verdict !== 'not tried');
  const requirements = new Map<string, string[]>();
  for (const { session, verdict, why = '' } of outcomes)
    if (verdict === 'not tried') requirements.set(why, [...(requirements.get(why) ?? []), session.name]);
  return [
    ...tried.map(({ session, why = '' }) => `${session.name}: ${why}`),
    ...[...requirements].map(
      ([why, [name, ...others]]) =>
        `not tried: ${others.length === 0 ? name : `${others.length + 1} sessions`}: ${why}`,
    ),
  ];
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
