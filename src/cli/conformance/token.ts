import { FrameType } from '../../wire/codes.js';
import { frameOf } from './frame.js';
import type { Session, Step } from './session.js';

const HEADER = 16;
const HELLO_ID = 0xfeed_face_0000_0001n;

/** A HELLO with the token, in hexadecimal. */
export function helloWith(token: string): string {
  return frameOf(FrameType.HELLO, HELLO_ID, { token }).toString('hex');
}

/** Whether the first bytes that the session sends select line mode, which does not support tokens. */
export function isLineMode({ steps }: Session): boolean {
  return /^(4[1-9a-f]|5[0-9a]|6[1-9a-f]|7[0-9a])/.test(firstSend(steps)?.send ?? '');
}

/**
 * Returns a session whose first frame is a HELLO with the token: its own HELLO, or one inserted before its first frame.
 * The session is unchanged if it sends no frame, or another byte first.
 */
export function withToken(session: Session, token: string): Session {
  const { steps } = session;
  const first = firstSend(steps);
  if (!first?.send.startsWith('00')) return session;
  const own = helloOf(first.send);
  if (own) {
    const frame = frameOf(FrameType.HELLO, own.id, { ...own.body, token }).toString('hex');
    return replaced(session, first, { ...first, send: frame + first.send.slice(own.end) });
  }
  const sendsHello = steps.some((step) => 'send' in step && /^.{8}0105/.test(step.send));
  if (sendsHello) return session;
  const hello: Step = { send: helloWith(token) };
  const answer: Step = { expect: { type: FrameType.HELLO } };
  return replaced(session, first, hello, answer, first);
}

function firstSend(steps: readonly Step[]): Extract<Step, { send: string }> | undefined {
  return steps.find((step) => 'send' in step);
}

function replaced(session: Session, step: Step, ...steps: readonly Step[]): Session {
  return { ...session, steps: session.steps.flatMap((one) => (one === step ? steps : [one])) };
}

/** Returns the first frame if it is a valid HELLO. `end` is its number of hexadecimal digits. */
function helloOf(hex: string): { id: bigint; body: object; end: number } | undefined {
  const octets = Buffer.from(hex, 'hex');
  if (octets.length < HEADER || octets[4] !== 1 || octets[5] !== FrameType.HELLO || octets[6] !== 0) return undefined;
  const length = octets.readUInt32BE(0) + 4;
  if (length < HEADER || length > octets.length) return undefined;
  try {
    const body: unknown = JSON.parse(octets.toString('utf8', HEADER, length) || '{}');
    if (typeof body !== 'object' || body === null || Array.isArray(body)) return undefined;
    return { id: octets.readBigUInt64BE(8), body, end: 2 * length };
  } catch {
    return undefined;
  }
}
