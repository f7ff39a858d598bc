import { readdirSync, readFileSync } from 'node:fs';

/** An expected frame; fields that are absent may have any value. */
export interface WantedFrame {
  readonly type: number;
  readonly flags?: number;
  /** A list: any of these. */
  readonly code?: number | readonly number[];
  /** 16 hexadecimal digits. */
  readonly id?: string;
  /**
   * null: no body. An object: the body has these keys with these values; `*` matches any value, `1..5` a number from 1 to 5,
   * `1..` one from 1 on, null an absent key, and nested objects match in the same way.
   */
  readonly body?: Readonly<Record<string, unknown>> | null;
}

/** One step of a session, as `protocol/vectors/README.md` describes them. Times in milliseconds. */
export type Step =
  | { readonly send: string; readonly head?: string; readonly split?: 'octets'; readonly times?: number }
  | { readonly read: boolean }
  | { readonly fin: true }
  | { readonly wait: number }
  | { readonly silence: number }
  | { readonly expect: WantedFrame; readonly within?: number }
  | { readonly expectAll: readonly WantedFrame[]; readonly within?: number }
  | { readonly skip: WantedFrame }
  | { readonly expectLast: WantedFrame }
  | { readonly expectText: string; readonly within?: number }
  | { readonly expectEnd: 'fin' | 'any'; readonly within?: number; readonly drop?: true }
  | { readonly barrier: true }
  | { readonly operator: 'drain' | 'stop' | 'block' | 'unblock' }
  | { readonly operator: 'reload'; readonly responder: Wanted }
  | { readonly set: Readonly<Record<string, string>> };

export type SetStep = Extract<Step, { set: object }>;
export type OperatorStep = Extract<Step, { operator: string }> | SetStep;

/** A session with a server, and the rules of the specification that it tests. */
export interface Session {
  readonly name: string;
  readonly rules: readonly string[];
  /** Required settings of the server; absent: any server. */
  readonly responder?: Wanted;
  /** Connections opened before the session: the number of silent ones, or the bytes that each one sends, in hexadecimal. */
  readonly beside?: number | readonly string[];
  readonly steps: readonly Step[];
}

/** Settings of the responder for a session. Times in milliseconds. */
export interface Wanted {
  /** Behaviour of each check by name; `WORD*N`: N checks. */
  readonly checks?: Readonly<Record<string, string>>;
  /** Groups of a check by its name; of all others: readiness. */
  readonly groups?: Readonly<Record<string, readonly string[]>>;
  readonly detail?: 'always' | 'never';
  readonly ping?: Readonly<Record<string, number>>;
  /** Threads that answer PINGs: a session that blocks the event loop requires one. */
  readonly threads?: number;
  readonly loop?: Readonly<Record<'readinessStall' | 'livenessStall', number>>;
  readonly heartbeat?: Readonly<Record<string, number>>;
  readonly limits?: Readonly<Record<string, number>>;
  readonly tokens?: readonly string[];
  readonly requireToken?: boolean;
  readonly proxyProtocol?: { readonly from: readonly string[] };
}

const folder = new URL('../../../protocol/vectors/sessions/', import.meta.url);

/** Reads the sessions of this package. */
export function readSessions(): Session[] {
  const files = readdirSync(folder).filter((name) => name.endsWith('.json'));
  return files.sort().flatMap((name) => JSON.parse(readFileSync(new URL(name, folder), 'utf8')) as Session[]);
}
