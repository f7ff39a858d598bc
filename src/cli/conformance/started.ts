import { availableParallelism } from 'node:os';
import { type Outcome, play } from './play.js';
import type { Session } from './session.js';
import { type StartedResponder, StartFailure, startCommand } from './start.js';

/** Limited by the number of CPUs, because sessions mostly wait, but starting a responder does not. */
const CONCURRENT_RESPONDERS = 2 * Math.min(4, availableParallelism());

/** Time in milliseconds by which the end of a process may be detected after the end of its connections. */
const ENDING_MS = 200;

/**
 * Plays the sessions against responders started by a command: one for all sessions with the same settings, and an
 * additional one for each session that exhausts a limit or changes the responder.
 *
 * @throws StartFailure if the first responder does not start, unless its settings are not supported
 */
export async function playStarted(command: string, sessions: readonly Session[], slack?: number): Promise<Outcome[]> {
  const outcomes = new Map<Session, Outcome>();
  const left = groupsOf(sessions);
  const next = async (mustStart: boolean) => {
    const group = left.shift() as Session[];
    for (const [index, outcome] of (await playGroup(command, group, mustStart, slack)).entries())
      outcomes.set(group[index] as Session, outcome);
  };
  await next(true);
  const work = async () => {
    while (left.length > 0) await next(false);
  };
  await Promise.all(Array.from({ length: CONCURRENT_RESPONDERS }, work));
  return sessions.map((session) => outcomes.get(session) as Outcome);
}

/** Groups sessions that can use the same responder one after another. */
function groupsOf(sessions: readonly Session[]): Session[][] {
  const groups = new Map<unknown, Session[]>();
  for (const session of sessions) {
    const key = needsOwnResponder(session) ? session : JSON.stringify(session.responder ?? {});
    groups.set(key, [...(groups.get(key) ?? []), session]);
  }
  return [...groups.values()];
}

function needsOwnResponder({ responder: { checks = {}, limits } = {}, beside, steps }: Session): boolean {
  const changesOnce = Object.values(checks).some((word) => /^(once|settles)/.test(word));
  return (
    limits !== undefined ||
    beside !== undefined ||
    changesOnce ||
    steps.some((step) => 'operator' in step || 'set' in step)
  );
}

/**
 * Plays sessions in order, and returns their outcomes in the same order. If a responder ends in the meantime, it is
 * restarted for the next session.
 */
async function playGroup(
  command: string,
  sessions: readonly Session[],
  mustStart: boolean,
  slack?: number,
): Promise<Outcome[]> {
  const outcomes: Outcome[] = [];
  let responder: StartedResponder | undefined;
  try {
    for (const session of sessions) {
      responder ??= await startCommand(command, session.responder ?? {});
      const outcome = await play(session, responder, undefined, slack);
      const ended = await responder.endsWithin(outcome.verdict === 'failed' ? ENDING_MS : 0);
      if (ended === undefined || outcome.verdict === 'ok') outcomes.push(outcome);
      else outcomes.push({ ...outcome, why: `${outcome.why}; the responder has ended: ${ended}` });
      if (ended === undefined) continue;
      await responder.stop();
      responder = undefined;
    }
  } catch (error) {
    if (!(error instanceof StartFailure) || (mustStart && !error.isUnsupported && outcomes.length === 0)) throw error;
    const verdict = error.isUnsupported ? 'not tried' : 'failed';
    const why = error.isUnsupported
      ? `requires settings that the command does not support: ${error.message}`
      : error.message;
    for (const session of sessions.slice(outcomes.length)) outcomes.push({ session, verdict, why });
  } finally {
    await responder?.stop();
  }
  return outcomes;
}
