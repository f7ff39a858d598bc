import { FrameType, Status } from '../../wire/codes.js';
import { Dialogue } from './dialogue.js';
import { frameOf } from './frame.js';
import type { Subject } from './play.js';
import type { Wanted } from './session.js';

const TIMEOUT_MS = 1000;
/** PROXY protocol version 2 header with command LOCAL, for connections that the proxy itself opens. */
const LOCAL_HEADER = Buffer.from('0d0a0d0a000d0a515549540a20000000', 'hex');
/** Requests what is known now, regardless of its age, so that no second run starts. */
const AS_KNOWN = { timeoutMs: 0, maxAgeMs: 2_147_483_647 };
/** Behaviors of checks that never return a result. */
const endless: readonly string[] = ['hang', 'remote'];

/**
 * Determines whether the checks of a responder with these settings have their first results.
 *
 * @returns `closed`: nothing is listening; `unknown`: the responder is listening, but a result is missing or it did not
 * answer
 */
export async function firstResults(address: Subject, wanted: Wanted): Promise<'closed' | 'unknown' | 'known'> {
  const dialogue = await Dialogue.open(address.host, address.port, TIMEOUT_MS).catch(() => undefined);
  if (!dialogue) return 'closed';
  try {
    const questions = questionsOf(wanted.checks ?? {});
    if (wanted.proxyProtocol) dialogue.send(LOCAL_HEADER);
    if (wanted.requireToken) {
      dialogue.send(frameOf(FrameType.HELLO, 1n, { token: wanted.tokens?.[0] }));
      await dialogue.frame(TIMEOUT_MS);
    }
    dialogue.send(Buffer.concat(questions));
    for (const _ of questions) {
      const answer = await dialogue.frame(TIMEOUT_MS);
      if (answer?.type !== FrameType.PONG || answer.code === Status.UNKNOWN) return 'unknown';
    }
    return 'known';
  } catch {
    return 'unknown';
  } finally {
    // The connection must be closed, so that it does not count toward a limit when the session begins.
    dialogue.fin();
    await dialogue.end(TIMEOUT_MS);
    dialogue.destroy();
  }
}

/** One PING per check that returns a result. A single readiness PING if names are generated. */
function questionsOf(checks: Readonly<Record<string, string>>): Buffer[] {
  const names = Object.keys(checks).filter((name) => !endless.includes(checks[name] as string));
  const bodies = names.map((name) => (checks[name]?.includes('*') ? AS_KNOWN : { ...AS_KNOWN, checks: [name] }));
  return bodies.map((body, index) => frameOf(FrameType.PING, BigInt(index), body));
}
