import { setTimeout as sleep } from 'node:timers/promises';
import { afterNextPoll } from '../../../server/sockets/after-next-poll.js';
import { ErrorFlag, FrameType, WireError } from '../../../wire/codes.js';
import type { ReceivedFrame } from '../dialogue.js';
import { difference } from '../match.js';
import type { Outcome, Verdict } from '../play.js';
import { Bell } from './bell.js';
import { type ClientEvent, Program } from './program.js';
import { type ClientConnection, ClientServer } from './server.js';
import {
  type Answers,
  bytesOf,
  type ClientDialogue,
  type ClientStep,
  type Refusal,
  type WantedEvent,
} from './vector.js';

/** Default step timeout. */
const STEP_TIMEOUT_MS = 5000;
/** A client may measure time with a timer that fires slightly early. */
const TIMER_SLACK_MS = 20;

/** Thrown if a step does not have the expected result. */
class StepFailure extends Error {
  constructor(
    message: string,
    readonly verdict: Verdict = 'failed',
  ) {
    super(message);
  }
}

/**
 * Runs one dialogue with a new process of the client under test. Never rejects. Takes no longer than the timeouts of
 * its steps.
 *
 * @param command command line in which `{address}` is replaced by the server's HOST:PORT
 */
export async function playClient(
  dialogue: ClientDialogue,
  command: string,
  stepTimeout = STEP_TIMEOUT_MS,
): Promise<Outcome> {
  const player = new Player(stepTimeout);
  try {
    await player.start(dialogue, command);
    for (const step of dialogue.steps) await player.run(step);
    player.requireNothingElse();
    return { session: dialogue, verdict: 'ok' };
  } catch (error) {
    const verdict = error instanceof StepFailure ? error.verdict : 'failed';
    return { session: dialogue, verdict, why: (error as Error).message };
  } finally {
    player.stop();
  }
}

class Player {
  private readonly bell = new Bell();
  private readonly servers: ClientServer[] = [];
  /** Set by `start`. */
  private program!: Program;
  private answers: Answers = {};
  /** Monotonic time in milliseconds at which the last `send` began. */
  private sentAt = performance.now();
  /** Connections in the order in which they were accepted. The last one is current. */
  private readonly accepted: ClientConnection[] = [];
  /** Ids of received frames by name. `ID` is the id of the last one. */
  private readonly ids: Record<string, string> = {};

  constructor(private readonly stepTimeout: number) {}

  async start({ steps }: ClientDialogue, command: string): Promise<void> {
    const count = Math.max(1, ...steps.map((step) => ('do' in step ? (step.addresses ?? 1) : 1)));
    for (let n = 0; n < count; n++) this.servers.push(await ClientServer.listen(() => this.answers, this.bell));
    this.program = new Program(command.replaceAll('{address}', this.servers[0]?.address as string), this.bell);
  }

  stop(): void {
    this.program?.kill();
    for (const server of this.servers) server.close();
  }

  async run(step: ClientStep): Promise<void> {
    if ('do' in step) return this.instruct(step);
    const within = 'within' in step ? (step.within ?? this.stepTimeout) : this.stepTimeout;
    if ('answer' in step) this.answers = step.answer;
    else if ('accept' in step) await this.accept(step.accept, within);
    else if ('receive' in step) await this.receive(step, within);
    else if ('send' in step) await this.send(step);
    else if ('event' in step) await this.expectEvents([step.event], within);
    else if ('events' in step) await this.expectEvents(step.events, within);
    else if ('noEvent' in step) await this.expectNoEvent(step.noEvent, step.for);
    else if ('noConnection' in step) await this.expectNoConnection(step.noConnection, step.for);
    else if ('connections' in step) await this.countConnections(step.connections, step.for);
    else if ('dies' in step) await this.expectDeath(step.dies, within);
    else if ('closed' in step) await this.expectClose(step, within);
    else if ('open' in step) await this.expectOpen(step);
    else (await this.current()).end('fin' in step ? 'fin' : 'rst');
  }

  /** Throws if the client sent or reported more than the dialogue expects. */
  requireNothingElse(): void {
    const event = this.program.events.find((one) => 'pong' in one || 'status' in one || 'hello' in one);
    if (event) throw new StepFailure(`unexpected event ${shown(event)}`);
    for (const connection of this.servers.flatMap(({ all }) => all)) {
      requireSound(connection);
      const frame = connection.frames.find(({ type }) => type === FrameType.PONG);
      if (frame) throw new StepFailure(`unexpected ${described(frame)}`);
    }
  }

  private instruct({ addresses, ...instruction }: Extract<ClientStep, { do: string }>): void {
    const listed = this.servers.slice(0, addresses).map(({ address }) => address);
    this.program.instruct({ ...instruction, ...(addresses !== undefined && { addresses: listed }) });
  }

  /**
   * Waits until `condition` returns true, and returns whether it does. Throws if the client has ended, or does not
   * support what the dialogue needs.
   */
  private async until(condition: () => boolean, within: number): Promise<boolean> {
    await this.bell.until(() => condition() || this.trouble !== undefined, within);
    // The end of a process may be detected before the last bytes that it sent are read.
    if (!condition()) await afterNextPoll();
    if (condition()) return true;
    if (this.trouble) throw this.trouble;
    return false;
  }

  private get trouble(): StepFailure | undefined {
    const { events, failure } = this.program;
    const refusal = events.find((event) => 'unsupported' in event);
    if (refusal) return new StepFailure(`the client does not support ${refusal.unsupported}`, 'not implemented');
    return failure === undefined ? undefined : new StepFailure(failure);
  }

  // -- connections -----------------------------------------------------------

  private async accept(index: number, within: number): Promise<ClientConnection> {
    const { arrivals } = this.servers[index] as ClientServer;
    if (!(await this.until(() => arrivals.length > 0, within)))
      throw new StepFailure(`expected a connection to address ${index + 1}`);
    const connection = arrivals.shift() as ClientConnection;
    this.accepted.push(connection);
    return connection;
  }

  /** The connection with this number, starting at 0. Default: the last accepted connection. */
  private async current(number?: number): Promise<ClientConnection> {
    if (number !== undefined) return this.accepted[number] as ClientConnection;
    return this.accepted.at(-1) ?? (await this.accept(0, this.stepTimeout));
  }

  /** The time is measured from the last `send`, no matter how late this process reaches this step. */
  private async expectNoConnection(index: number, ms: number): Promise<void> {
    const { arrivals } = this.servers[index] as ClientServer;
    const deadline = this.sentAt + ms - TIMER_SLACK_MS;
    await this.until(() => arrivals.length > 0, deadline - performance.now());
    const [first] = arrivals;
    if (first && first.openedAt < deadline)
      throw new StepFailure(
        `expected no connection for ${ms} ms, but one was opened after ${Math.round(first.openedAt - this.sentAt)} ms`,
      );
  }

  private async countConnections({ atLeast, atMost }: { atLeast: number; atMost: number }, ms: number): Promise<void> {
    const { arrivals } = this.servers[0] as ClientServer;
    if (await this.until(() => arrivals.length > atMost, ms))
      throw new StepFailure(`received more than ${atMost} connections within ${ms} ms`);
    if (!(await this.until(() => arrivals.length >= atLeast, this.stepTimeout)))
      throw new StepFailure(`received ${arrivals.length} connections, expected at least ${atLeast}`);
  }

  // -- frames ----------------------------------------------------------------

  private async receive({ receive, as }: Extract<ClientStep, { receive: object }>, within: number): Promise<void> {
    const connection = await this.current();
    const { frames } = connection;
    const what = nameOf(receive.type);
    await this.until(() => frames.length > 0 || connection.isOver, within);
    const frame = frames.shift();
    if (!frame) {
      requireSound(connection);
      throw new StepFailure(
        `expected ${what}, but ${connection.ending ? 'the client closed the connection' : 'received nothing'}`,
      );
    }
    const wrong = difference(receive, frame);
    if (wrong !== undefined) throw new StepFailure(`expected ${what}, received ${described(frame)}: ${wrong}`);
    this.ids.ID = frame.id;
    if (as !== undefined) this.ids[as] = frame.id;
  }

  private async send({
    send,
    split,
    every = 1,
    for: duration = 0,
  }: Extract<ClientStep, { send: unknown }>): Promise<void> {
    const connection = await this.current();
    const bytes = bytesOf(send, this.ids);
    const size = split === 'octets' ? 1 : (split ?? bytes.length);
    this.sentAt = performance.now();
    const until = this.sentAt + duration;
    do {
      for (let at = 0; at < bytes.length; at += size) {
        if (connection.isOver) return;
        connection.send(bytes.subarray(at, at + size));
        if (at + size < bytes.length || duration > 0) await sleep(every);
      }
    } while (performance.now() < until);
  }

  private async expectClose(
    { connection: number, error }: Extract<ClientStep, { closed: true }>,
    within: number,
  ): Promise<void> {
    const connection = await this.current(number);
    await this.untilEnd(connection, within);
    for (const frame of connection.frames.splice(0)) {
      if (frame.type === FrameType.ERROR) this.requireError(frame, error);
      else if (frame.type !== FrameType.PING) throw new StepFailure(`expected a close, received ${described(frame)}`);
    }
  }

  private async expectDeath({ pings, after }: { pings: number; after: number }, within: number): Promise<void> {
    const connection = await this.current();
    await this.untilEnd(connection, after + within);
    const elapsed = Math.round(connection.endedAt - connection.sentAt);
    if (elapsed < after - TIMER_SLACK_MS)
      throw new StepFailure(`the client closed the connection after ${elapsed} ms without data, expected ${after}`);
    const { pings: sent, crossedPings } = connection;
    if (sent < pings || sent - crossedPings > pings)
      throw new StepFailure(`the client closed the connection after ${sent} PINGs, expected ${pings}`);
    const error = connection.frames.splice(0).find(({ type }) => type === FrameType.ERROR);
    if (!error) throw new StepFailure('the client closed the connection without ERROR 13', 'not strict');
    this.requireError(error, { code: WireError.STALE_PEER });
  }

  private requireError({ flags, code, id }: ReceivedFrame, wanted: Refusal | undefined): void {
    if ((flags & ErrorFlag.FATAL) === 0)
      throw new StepFailure('the ERROR before the close does not have the FATAL flag');
    if (wanted === undefined) return;
    if (code !== wanted.code) throw new StepFailure(`the ERROR has code ${code}, expected ${wanted.code}`);
    const wantedId = wanted.id === 'ID' ? this.ids.ID : wanted.id;
    if (wantedId !== undefined && id !== wantedId)
      throw new StepFailure(`the ERROR has id ${id}, expected ${wantedId}`);
  }

  private async untilEnd(connection: ClientConnection, within: number): Promise<void> {
    await this.until(() => connection.isOver, within);
    requireSound(connection);
    if (!connection.ending) throw new StepFailure('expected a close, but the connection stays open');
  }

  private async expectOpen({ open, connection: number }: Extract<ClientStep, { open: number }>): Promise<void> {
    const connection = await this.current(number);
    if (!(await this.until(() => connection.isOver, open))) return;
    requireSound(connection);
    throw new StepFailure('expected the connection to stay open, but the client closed it');
  }

  // -- events ----------------------------------------------------------------

  /** The events may arrive in any order. */
  private async expectEvents(wanted: readonly WantedEvent[], within: number): Promise<void> {
    const left = [...wanted];
    while (left.length > 0) {
      const event = await this.nextEvent(left, within);
      const index = left.findIndex((one) => matches(one, event));
      if (index < 0) throw new StepFailure(`expected the event ${shown(left[0])}, received ${shown(event)}`);
      left.splice(index, 1);
    }
  }

  /** Returns the next event. Skips states between those that a dialogue names. */
  private async nextEvent(wanted: readonly WantedEvent[], within: number): Promise<ClientEvent> {
    const { events } = this.program;
    const isDue = (event: ClientEvent) =>
      wanted.some((one) => matches(one, event)) || !('state' in event || 'unsupported' in event);
    if (!(await this.until(() => events.some(isDue), within)))
      throw new StepFailure(`expected the event ${shown(wanted[0])}, but received none`);
    return events.splice(0, events.findIndex(isDue) + 1).at(-1) as ClientEvent;
  }

  private async expectNoEvent(unwanted: WantedEvent, ms: number): Promise<void> {
    const { events } = this.program;
    if (await this.until(() => events.some((event) => matches(unwanted, event)), ms))
      throw new StepFailure(`unexpected event ${shown(unwanted)}`);
  }
}

function requireSound({ fault }: ClientConnection): void {
  if (fault !== undefined) throw new StepFailure(`the client sent ${fault}`);
}

function matches(wanted: WantedEvent, event: ClientEvent): boolean {
  return Object.entries(wanted).every(([key, value]) =>
    Array.isArray(value) ? value.includes(event[key]) : event[key] === value,
  );
}

function shown(event: WantedEvent | undefined): string {
  return `${JSON.stringify(event)}`.slice(0, 200);
}

function described({ type, flags, code, id }: ReceivedFrame): string {
  return `${nameOf(type)} (flags ${flags}, code ${code}, id ${id})`;
}

function nameOf(type: number): string {
  return Object.entries(FrameType).find(([, value]) => value === type)?.[0] ?? `type ${type}`;
}
