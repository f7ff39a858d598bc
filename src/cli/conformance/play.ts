import { setTimeout as sleep } from 'node:timers/promises';
import { FrameType, Status, WireError } from '../../wire/codes.js';
import { Dialogue, type ReceivedFrame } from './dialogue.js';
import { difference } from './match.js';
import type { OperatorStep, Session, Step, WantedFrame } from './session.js';

export const verdicts = ['ok', 'not strict', 'failed', 'not implemented', 'not tried'] as const;
export type Verdict = (typeof verdicts)[number];

export interface Outcome {
  readonly session: Pick<Session, 'name' | 'rules'>;
  readonly verdict: Verdict;
  /** Reason for a verdict other than ok. */
  readonly why?: string;
  /** How the server closed the connection, if the session expects it. */
  readonly close?: 'fin' | 'rst' | 'none';
  /** Set if the session failed and the last frame from the server was ERROR 6. */
  readonly isUnauthenticated?: true;
}

/** The server under test. */
export interface Subject {
  readonly host: string;
  readonly port: number;
  /** HELLO frame in hexadecimal with which each connection must begin; absent: none. */
  readonly hello?: string;
  /** Maximum time to wait for the server to close, in milliseconds. Default: the timeout of the step. */
  readonly closeTimeout?: number;
  /**
   * Performs an operator step. Resolves when the step is done. A drain, stop or reload may only have begun by then.
   *
   * @throws CannotOperate if the server does not support it
   */
  operate?(step: OperatorStep): void | Promise<void>;
}

/** The server does not support an operator step. The message gives the reason. */
export class CannotOperate extends Error {}

/** No server is available. The message gives the reason. */
export class NoResponder extends Error {}
/** Added to `within`, in milliseconds, for the network and busy machines. */
export const SLACK_MS = 500;
/** Default step timeout, in milliseconds. */
const STEP_TIMEOUT_MS = 4000;
/** Silence in milliseconds after which a frame is considered the last one. */
const LAST_FRAME_SILENCE_MS = 300;
const RESET_INTERVAL_MS = 20;
const NEWLINE = Buffer.from('\n');
const BARRIER_ID = 'feedfacefeedface';
const barrier = Buffer.from(`0000000c01010001${BARRIER_ID}`, 'hex');
const bareWatch = Buffer.from(`0000000c01030000${BARRIER_ID}`, 'hex');

type Sending = Extract<Step, { send: string }>;
type Ending = Extract<Step, { expectEnd: string }>;
type Last = Extract<Step, { expectLast: object }>;

/** Thrown if a step does not have the expected result. */
class StepFailure extends Error {
  constructor(
    readonly verdict: Verdict,
    message: string,
    readonly close?: Outcome['close'],
  ) {
    super(message);
  }
}

/**
 * Runs one session. Never rejects. Takes no longer than the timeouts of its steps.
 *
 * @param stepTimeout timeout of a step without `within`, in milliseconds
 * @param slack added to each `within`, in milliseconds
 */
export async function play(
  session: Session,
  subject: Subject,
  stepTimeout = STEP_TIMEOUT_MS,
  slack = SLACK_MS,
): Promise<Outcome> {
  const beside: Dialogue[] = [];
  let dialogue: Dialogue | undefined;
  let close: Outcome['close'];
  try {
    const { beside: others = [] } = session;
    for (const octets of typeof others === 'number' ? Array<string>(others).fill('') : others) {
      const other = await Dialogue.open(subject.host, subject.port, stepTimeout);
      beside.push(other);
      if (octets) other.send(Buffer.from(octets, 'hex'));
    }
    // The server must have accepted these connections before the next one is opened.
    for (const other of beside) await other.isSilent(50);
    dialogue = await Dialogue.open(subject.host, subject.port, stepTimeout);
    let actedAt = performance.now();
    for (const step of session.steps) {
      if ('within' in step) {
        const deadline = actedAt + (step.within as number) + slack;
        close = (await runStep(step, dialogue, subject, Math.max(1, deadline - performance.now()))) ?? close;
        if (dialogue.arrivedAt > deadline)
          throw new StepFailure('failed', `received too late, after ${Math.round(dialogue.arrivedAt - actedAt)} ms`);
      } else close = (await runStep(step, dialogue, subject, stepTimeout)) ?? close;
      if (isAction(step)) actedAt = performance.now();
    }
    return {
      session,
      verdict: close === 'rst' ? 'not strict' : 'ok',
      ...(close && { close }),
      ...(close === 'rst' && { why: 'closed by RST instead of FIN' }),
    };
  } catch (error) {
    const { message } = error as Error;
    if (error instanceof CannotOperate) return { session, verdict: 'not tried', why: message };
    const unauthenticated = dialogue?.lastError === WireError.UNAUTHENTICATED && { isUnauthenticated: true as const };
    if (!(error instanceof StepFailure)) return { session, verdict: 'failed', why: message, ...unauthenticated };
    if (error.verdict === 'not implemented' && (await offersWatch(subject, stepTimeout)))
      return { session, verdict: 'failed', why: `${message}, although a WATCH without a body is answered` };
    return {
      session,
      verdict: error.verdict,
      why: message,
      ...(error.close && { close: error.close }),
      ...unauthenticated,
    };
  } finally {
    for (const open of [...beside, dialogue]) open?.destroy();
  }
}

/** Whether the server supports WATCH. A server without WATCH answers every WATCH with ERROR 7 (M30). */
async function offersWatch({ host, port, hello }: Subject, within: number): Promise<boolean> {
  const dialogue = await Dialogue.open(host, port, within).catch(() => undefined);
  if (!dialogue) return false;
  try {
    if (hello !== undefined) {
      dialogue.send(Buffer.from(hello, 'hex'));
      await dialogue.frame(within);
    }
    dialogue.send(bareWatch);
    return (await dialogue.frame(within))?.type === FrameType.STATUS;
  } catch {
    return false;
  } finally {
    dialogue.destroy();
  }
}

/** Whether `within` of the following steps is measured from this step. */
function isAction(step: Step): boolean {
  return ['send', 'fin', 'read', 'operator', 'set'].some((key) => key in step);
}

/** Runs one step. Returns how the server closed the connection, if the step expects that. */
async function runStep(step: Step, dialogue: Dialogue, subject: Subject, within: number): Promise<Outcome['close']> {
  if ('send' in step) await send(step, dialogue);
  else if ('read' in step) dialogue.read(step.read);
  else if ('fin' in step) dialogue.fin();
  else if ('wait' in step) await sleep(step.wait);
  else if ('silence' in step) {
    if (!(await dialogue.isSilent(step.silence)))
      throw new StepFailure('failed', `expected silence, but ${received(dialogue)}`);
  } else if ('expect' in step) compare(step.expect, await dialogue.frame(within), dialogue);
  else if ('expectAll' in step) await compareAll(step.expectAll, dialogue, within);
  else if ('skip' in step) await skip(step.skip, dialogue, within);
  else if ('expectLast' in step) await compareLast(step, dialogue, within);
  else if ('expectText' in step) await compareText(new RegExp(step.expectText), dialogue, within);
  else if ('expectReset' in step) await reset(dialogue, within);
  else if ('expectEnd' in step) return end(step, dialogue, Math.min(within, subject.closeTimeout ?? within));
  else if ('barrier' in step) {
    dialogue.send(barrier);
    compare(
      { type: FrameType.PONG, flags: 0, code: Status.PASS, id: BARRIER_ID, body: null },
      await dialogue.frame(within),
      dialogue,
    );
  } else {
    const name = 'set' in step ? 'set' : `operator ${step.operator}`;
    if (!subject.operate) throw new StepFailure('not tried', `the responder does not support the step ${name}`);
    await subject.operate(step);
  }
  return undefined;
}

async function send({ send: hex, head = '', split, times = 1 }: Sending, dialogue: Dialogue): Promise<void> {
  const octets = Buffer.from(head + hex.repeat(times), 'hex');
  if (split === undefined) return dialogue.send(octets);
  for (const octet of octets) {
    dialogue.send(Buffer.from([octet]));
    await sleep(1);
  }
}

function compare(wanted: WantedFrame, frame: ReceivedFrame | undefined, dialogue: Dialogue): void {
  if (!frame) throw new StepFailure('failed', `expected ${nameOf(wanted.type)}, but ${received(dialogue)}`);
  const isRefusal = frame.type === FrameType.ERROR && frame.code === WireError.FORBIDDEN;
  if (wanted.type === FrameType.STATUS && isRefusal)
    throw new StepFailure('not implemented', 'WATCH is refused with ERROR 7');
  const wrong = difference(wanted, frame, dialogue.named);
  if (wrong !== undefined) throw new StepFailure('failed', `expected ${nameOf(wanted.type)}: ${wrong}`);
}

async function compareAll(wanted: readonly WantedFrame[], dialogue: Dialogue, within: number): Promise<void> {
  const missing = [...wanted];
  while (missing.length > 0) {
    const frame = await dialogue.frame(within);
    const found = frame ? missing.findIndex((one) => difference(one, frame, dialogue.named) === undefined) : -1;
    if (found < 0) compare(missing[0] as WantedFrame, frame, dialogue);
    missing.splice(Math.max(0, found), 1);
  }
}

/** Reads frames until the wanted frame has been received and no other frame follows. */
async function compareLast({ expectLast: wanted, atMost }: Last, dialogue: Dialogue, within: number): Promise<void> {
  let frames = 0;
  let last: ReceivedFrame | undefined;
  let next = await dialogue.frame(within);
  while (next) {
    last = next;
    frames++;
    next = await dialogue.frame(difference(wanted, last) === undefined ? LAST_FRAME_SILENCE_MS : within);
  }
  compare(wanted, last, dialogue);
  if (atMost !== undefined && frames > atMost)
    throw new StepFailure('failed', `received ${frames} frames, expected at most ${atMost}`);
}

/** Skips frames of the wanted type. */
async function skip(wanted: WantedFrame, dialogue: Dialogue, within: number): Promise<void> {
  while ((await dialogue.nextType(within)) === wanted.type) await dialogue.frame(within);
}

async function compareText(wanted: RegExp, dialogue: Dialogue, within: number): Promise<void> {
  const text = await dialogue.text((read) => wanted.test(read), within);
  if (!wanted.test(text))
    throw new StepFailure(
      'failed',
      `expected ${wanted}, but ${text ? `received ${JSON.stringify(text.slice(0, 100))}` : received(dialogue)}`,
    );
}

async function end({ expectEnd: wanted, drop }: Ending, dialogue: Dialogue, within: number): Promise<Outcome['close']> {
  const ending = await dialogue.end(within);
  if (drop) dialogue.drop();
  if (dialogue.left.length > 0) throw new StepFailure('failed', `expected a close, but ${received(dialogue)}`);
  if (ending === undefined) throw new StepFailure('failed', 'expected a close, but the connection stays open', 'none');
  return wanted === 'any' ? 'fin' : ending;
}

/** A server that has closed the connection resets it when it receives more data. */
async function reset(dialogue: Dialogue, within: number): Promise<void> {
  const until = performance.now() + within;
  while (!dialogue.isReset && performance.now() < until) {
    dialogue.send(NEWLINE);
    await sleep(RESET_INTERVAL_MS);
  }
  if (!dialogue.isReset) throw new StepFailure('failed', 'expected a reset, but the server still reads', 'none');
}

function received(dialogue: Dialogue): string {
  const { left } = dialogue;
  return left.length > 0 ? `received ${left.toString('hex', 0, 32)}` : 'received nothing';
}

function nameOf(type: number): string {
  return Object.entries(FrameType).find(([, value]) => value === type)?.[0] ?? `type ${type}`;
}
