import { FrameType, WireError } from '../../wire/codes.js';
import { Dialogue, type ReceivedFrame } from './dialogue.js';
import { NoResponder, type Outcome, play, type Subject } from './play.js';
import { missing } from './requirements.js';
import type { Session, Wanted } from './session.js';
import { helloWith, isLineMode, withToken } from './token.js';

const TIMEOUT_MS = 5000;
const NEEDS_TOKEN = 'requires the responder token (--token)';
const NEEDS_NO_TOKEN = 'requires a responder without a token';
const livenessPing = '0000000c010100010000000000000001';

/** A running responder. */
export interface RunningResponder {
  readonly subject: Subject;
  readonly has: Wanted;
  /** Token that is sent in a HELLO if `has.requireToken` is set. */
  readonly token: string | undefined;
}

/**
 * Determines whether a responder requires a token.
 *
 * @throws NoResponder if it does not accept a connection, or refuses the token
 */
export async function findRunning(subject: Subject, has: Wanted, token: string | undefined): Promise<RunningResponder> {
  const requireToken = isUnauthenticated(await answerTo(subject, livenessPing));
  if (!requireToken) return { subject, has, token };
  const hello = token === undefined ? undefined : helloWith(token);
  if (hello !== undefined && isUnauthenticated(await answerTo(subject, hello)))
    throw new NoResponder('the responder rejected the token');
  return { subject: { ...subject, ...(hello && { hello }) }, has: { ...has, requireToken }, token };
}

/** Plays a session if the responder meets its requirements. */
export async function playRunning(
  session: Session,
  { subject, has, token }: RunningResponder,
  slack?: number,
): Promise<Outcome> {
  // Sessions for a responder with tokens send a token themselves.
  const isRefused = has.requireToken && !session.responder?.tokens;
  const why = missing(session, has) ?? (isRefused ? reasonOfRefusal(session, token) : undefined);
  if (why !== undefined) return { session, verdict: 'not tried', why };
  const played = isRefused && token !== undefined ? withToken(session, token) : session;
  const outcome = await play(played, subject, undefined, slack);
  if (!has.requireToken || session.responder?.requireToken || !outcome.isUnauthenticated) return outcome;
  return { session, verdict: 'not tried', why: token === undefined ? NEEDS_TOKEN : NEEDS_NO_TOKEN };
}

/** Why a session cannot be played against a responder that requires a token. */
function reasonOfRefusal(session: Session, token: string | undefined): string | undefined {
  if (isLineMode(session)) return `${NEEDS_NO_TOKEN}, because line mode has none`;
  // M37 concerns clients that have not sent a HELLO, which contains the token.
  return token !== undefined && session.rules.includes('M37') ? NEEDS_NO_TOKEN : undefined;
}

async function answerTo({ host, port }: Subject, frame: string): Promise<ReceivedFrame | undefined> {
  const dialogue = await Dialogue.open(host, port, TIMEOUT_MS).catch(({ message }) => {
    throw new NoResponder(`could not connect to ${host}:${port}: ${message}`);
  });
  try {
    dialogue.send(Buffer.from(frame, 'hex'));
    return await dialogue.frame(TIMEOUT_MS);
  } catch {
    return undefined;
  } finally {
    dialogue.destroy();
  }
}

function isUnauthenticated(frame: ReceivedFrame | undefined): boolean {
  return frame?.type === FrameType.ERROR && frame.code === WireError.UNAUTHENTICATED;
}
