import { readdirSync, readFileSync } from 'node:fs';
import type { WantedFrame } from '../session.js';

/**
 * Bytes in hexadecimal or as segments. In hexadecimal, `ID` is the id of the last received frame and `{NAME}` that of a
 * named one.
 */
export type Octets = string | readonly Segment[];
type Segment = string | { readonly text: string } | { readonly repeat: string; readonly times: number };

/** An event expected from the client: it must have these keys with these values. A list matches any of its elements. */
export type WantedEvent = Readonly<Record<string, unknown>>;

/** Frames that the server answers automatically. Frames without a key here wait for `receive`. */
export interface Answers {
  /** Status in each PONG. */
  readonly ping?: number;
  /** Body of the HELLO. */
  readonly hello?: object;
  /** Ends each new connection immediately. */
  readonly end?: 'fin' | 'rst';
}

/** The ERROR that a client may send before it closes a connection. `ID` may be used as its id. */
export interface Refusal {
  readonly code: number;
  readonly id?: string;
}

/** One step of a dialogue, as described in `protocol/vectors/README.md`. Times are in milliseconds. */
export type ClientStep =
  | { readonly do: string; readonly addresses?: number; readonly [option: string]: unknown }
  | { readonly answer: Answers }
  | { readonly accept: number; readonly within?: number }
  | { readonly receive: WantedFrame; readonly as?: string; readonly within?: number }
  | { readonly send: Octets; readonly split?: 'octets' | number; readonly every?: number; readonly for?: number }
  | { readonly event: WantedEvent; readonly within?: number }
  | { readonly events: readonly WantedEvent[]; readonly within?: number }
  | { readonly noEvent: WantedEvent; readonly for: number }
  | { readonly noConnection: number; readonly for: number }
  | { readonly connections: { readonly atLeast: number; readonly atMost: number }; readonly for: number }
  | { readonly dies: { readonly pings: number; readonly after: number }; readonly within?: number }
  | { readonly closed: true; readonly error?: Refusal; readonly connection?: number; readonly within?: number }
  | { readonly open: number; readonly connection?: number }
  | { readonly fin: true }
  | { readonly rst: true };

/** A dialogue with a client, and the specification rules that it tests. */
export interface ClientDialogue {
  readonly name: string;
  readonly rules: readonly string[];
  readonly steps: readonly ClientStep[];
}

/** A dialogue with one PING and the data received in response. */
interface ShortDialogue {
  readonly name: string;
  readonly rules: readonly string[];
  /** Whether HELLOs are exchanged first. */
  readonly hello?: boolean;
  readonly answer: Octets;
  readonly split?: 'octets' | number;
  /** How the server ends the connection after the answer. */
  readonly end?: 'fin' | 'rst';
  readonly outcome: { readonly status?: string; readonly healthy?: boolean; readonly error?: unknown };
  /** One frame in hexadecimal that the client sends after the answer. */
  readonly sends?: string;
  readonly stays: boolean;
  /** The ERROR that the client may send because of a fault. */
  readonly refusal?: Refusal;
}

const folder = new URL('../../../../protocol/vectors/client/', import.meta.url);

/** Reads the dialogues in this package. */
export function readDialogues(): ClientDialogue[] {
  const files = readdirSync(folder).filter((name) => name.endsWith('.json'));
  const read = (name: string) => JSON.parse(readFileSync(new URL(name, folder), 'utf8'));
  return files.sort().flatMap((name) => (read(name) as (ClientDialogue | ShortDialogue)[]).map(expanded));
}

/** Expands a short dialogue to its steps. */
function expanded(dialogue: ClientDialogue | ShortDialogue): ClientDialogue {
  if ('steps' in dialogue) return dialogue;
  const { name, rules, hello, answer, split, end, outcome, sends, stays, refusal } = dialogue;
  const { status, ...rest } = outcome;
  const steps: ClientStep[] = [
    ...(hello ? HELLO_STEPS : []),
    { do: 'ping' },
    { receive: { type: 0x01, code: 0 } },
    { send: answer, ...(split && { split }) },
    ...(end ? [end === 'fin' ? ({ fin: true } as const) : ({ rst: true } as const)] : []),
    ...(sends ? [{ receive: frameOf(sends) }] : []),
    { event: { ...(status !== undefined && { pong: status }), ...rest } },
    ...(stays ? STAYS_STEPS : [{ closed: true as const, ...(refusal && { error: refusal }) }]),
  ];
  return { name, rules, steps };
}

const HELLO_STEPS: readonly ClientStep[] = [
  { do: 'hello' },
  { receive: { type: 0x05 } },
  { send: '0000000e01050000ID7b7d' },
  { event: { hello: true } },
];
/** Sends another PING on the same connection. */
const STAYS_STEPS: readonly ClientStep[] = [
  { do: 'ping' },
  { receive: { type: 0x01 } },
  { send: '0000000c01020001ID' },
  { event: { pong: 'pass', healthy: true } },
];

function frameOf(hex: string): WantedFrame {
  const [type, flags, code] = Buffer.from(hex, 'hex').subarray(5, 8) as unknown as [number, number, number];
  return { type, flags, code, id: hex.slice(16, 32), body: null };
}

/**
 * Converts `octets` to bytes.
 * @param ids ids by name; `ID` is the last one.
 */
export function bytesOf(octets: Octets, ids: Readonly<Record<string, string>>): Buffer {
  const hex = (text: string) =>
    Buffer.from(
      text.replace(/ID|\{(\w+)\}/g, (_, name = 'ID') => ids[name] ?? ''),
      'hex',
    );
  const segments = typeof octets === 'string' ? [octets] : octets;
  return Buffer.concat(
    segments.map((segment) => {
      if (typeof segment === 'string') return hex(segment);
      if ('text' in segment) return Buffer.from(segment.text);
      return Buffer.concat(Array<Buffer>(segment.times).fill(hex(segment.repeat)));
    }),
  );
}
