import { setTimeout as sleep } from 'node:timers/promises';
import { FrameType, WireError } from '../../wire/codes.js';
import { type CameFrame, Dialogue } from './dialogue.js';
import { difference } from './match.js';
import type { OperatorStep, Session, Step, WantedFrame } from './session.js';

export const verdicts = ['ok', 'not strict', 'failed', 'not implemented', 'not tried'] as const;
export type Verdict = (typeof verdicts)[number];

export interface Outcome {
  readonly session: Session;
  readonly verdict: Verdict;
  /** Why it is not ok. */
  readonly why?: string;
  /** How the server ended the connection where it had to. */
  readonly close?: 'fin' | 'rst' | 'none';
}

/** A server under trial, and what whoever runs it can make it do. */
export interface Subject {
  readonly host: string;
  readonly port: number;
  operate?(step: OperatorStep): void;
}

/** How long a step may take, in milliseconds, where nothing else is said. */
const WITHIN = 4000;
/** The silence behind a frame that was the last, in milliseconds. */
const LAST = 300;
const BARRIER_ID = 'feedfacefeedface';
const barrier = Buffer.from(`0000000c01010001${BARRIER_ID}`, 'hex');

type Sending = Extract<Step, { send: string }>;
type Ending = Extract<Step, { expectEnd: string }>;

/** A step that went otherwise than it should. */
class Wrong extends Error {
  constructor(
    readonly verdict: Verdict,
    message: string,
    readonly close?: Outcome['close'],
  ) {
    super(message);
  }
}

/**
 * Plays one session. Never rejects; takes as long as its steps may take, and no longer.
 *
 * @param limit how long a step may take that has no time of its own, in milliseconds
 */
export async function play(session: Session, subject: Subject, limit = WITHIN): Promise<Outcome> {
  const beside: Dialogue[] = [];
  let dialogue: Dialogue | undefined;
  let close: Outcome['close'];
  try {
    const { beside: others = [] } = session;
    for (const octets of typeof others === 'number' ? Array<string>(others).fill('') : others) {
      const other = await Dialogue.open(subject.host, subject.port, limit);
      beside.push(other);
      if (octets) other.send(Buffer.from(octets, 'hex'));
    }
    // What is counted at accept has to be counted before the next one comes.
    for (const other of beside) await other.isSilent(50);
    dialogue = await Dialogue.open(subject.host, subject.port, limit);
    for (const step of session.steps) close = (await take(step, dialogue, subject, limit)) ?? close;
    return {
      session,
      verdict: close === 'rst' ? 'not strict' : 'ok',
      ...(close && { close }),
      ...(close === 'rst' && { why: 'it ended by RST, not by FIN' }),
    };
  } catch (error) {
    if (!(error instanceof Wrong)) return { session, verdict: 'failed', why: (error as Error).message };
    return { session, verdict: error.verdict, why: error.message, ...(error.close && { close: error.close }) };
  } finally {
    for (const open of [...beside, dialogue]) open?.destroy();
  }
}

/** How the server ended, where the step is about that. */
async function take(step: Step, dialogue: Dialogue, subject: Subject, limit: number): Promise<Outcome['close']> {
  const within = 'within' in step ? (step.within ?? limit) : limit;
  if ('send' in step) await send(step, dialogue);
  else if ('read' in step) dialogue.read(step.read);
  else if ('fin' in step) dialogue.fin();
  else if ('wait' in step) await sleep(step.wait);
  else if ('silence' in step) {
    if (!(await dialogue.isSilent(step.silence)))
      throw new Wrong('failed', `silence was wanted, and ${came(dialogue)}`);
  } else if ('expect' in step) compare(step.expect, await dialogue.frame(within), dialogue);
  else if ('expectAll' in step) await compareAll(step.expectAll, dialogue, within);
  else if ('skip' in step) await skip(step.skip, dialogue, within);
  else if ('expectLast' in step) await compareLast(step.expectLast, dialogue, within);
  else if ('expectText' in step) await compareText(new RegExp(step.expectText), dialogue, within);
  else if ('expectEnd' in step) return end(step, dialogue, within);
  else if ('barrier' in step) {
    dialogue.send(barrier);
    compare(
      { type: FrameType.PONG, flags: 0, code: 1, id: BARRIER_ID, body: null },
      await dialogue.frame(within),
      dialogue,
    );
  } else {
    if (!subject.operate) throw new Wrong('not tried', `nobody here can make it ${step.operator}`);
    subject.operate(step);
  }
  return undefined;
}

async function send({ send: hex, split, times = 1 }: Sending, dialogue: Dialogue): Promise<void> {
  const octets = Buffer.from(hex.repeat(times), 'hex');
  if (split === undefined) return dialogue.send(octets);
  for (const octet of octets) {
    dialogue.send(Buffer.from([octet]));
    await sleep(1);
  }
}

function compare(wanted: WantedFrame, frame: CameFrame | undefined, dialogue: Dialogue): void {
  if (!frame) throw new Wrong('failed', `${nameOf(wanted.type)} was wanted, and ${came(dialogue)}`);
  const isRefusal = frame.type === FrameType.ERROR && frame.code === WireError.FORBIDDEN;
  if (wanted.type === FrameType.STATUS && isRefusal) throw new Wrong('not implemented', 'it allows no WATCH');
  const wrong = difference(wanted, frame);
  if (wrong !== undefined) throw new Wrong('failed', `${nameOf(wanted.type)} was wanted: ${wrong}`);
}

async function compareAll(wanted: readonly WantedFrame[], dialogue: Dialogue, within: number): Promise<void> {
  const missing = [...wanted];
  while (missing.length > 0) {
    const frame = await dialogue.frame(within);
    const found = frame ? missing.findIndex((one) => difference(one, frame) === undefined) : -1;
    if (found < 0) compare(missing[0] as WantedFrame, frame, dialogue);
    missing.splice(Math.max(0, found), 1);
  }
}

/** Takes frames until this one has come and no other follows it. */
async function compareLast(wanted: WantedFrame, dialogue: Dialogue, within: number): Promise<void> {
  let last: CameFrame | undefined;
  let next = await dialogue.frame(within);
  while (next) {
    last = next;
    next = await dialogue.frame(difference(wanted, last) === undefined ? LAST : within);
  }
  compare(wanted, last, dialogue);
}

/** Takes frames like this, as many as there are, until another one is next. */
async function skip(wanted: WantedFrame, dialogue: Dialogue, within: number): Promise<void> {
  while ((await dialogue.nextType(within)) === wanted.type) await dialogue.frame(within);
}

async function compareText(wanted: RegExp, dialogue: Dialogue, within: number): Promise<void> {
  const text = await dialogue.text((read) => wanted.test(read), within);
  if (!wanted.test(text))
    throw new Wrong(
      'failed',
      `${wanted} was wanted, and ${text ? JSON.stringify(text.slice(0, 100)) : came(dialogue)}`,
    );
}

async function end({ expectEnd: wanted, drop }: Ending, dialogue: Dialogue, within: number): Promise<Outcome['close']> {
  const ending = await dialogue.end(within);
  if (drop) dialogue.drop();
  if (dialogue.left.length > 0) throw new Wrong('failed', `the end was wanted, and ${came(dialogue)}`);
  if (ending === undefined) throw new Wrong('failed', 'the end was wanted, and the connection stays', 'none');
  return wanted === 'any' ? 'fin' : ending;
}

function came(dialogue: Dialogue): string {
  const { left } = dialogue;
  return left.length > 0 ? `octets came: ${left.toString('hex', 0, 32)}` : 'nothing came';
}

function nameOf(type: number): string {
  return Object.entries(FrameType).find(([, value]) => value === type)?.[0] ?? `type ${type}`;
}
