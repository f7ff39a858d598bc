import { readdirSync, readFileSync } from 'node:fs';

/** An expected frame. Absent fields may have any value. */
export interface WantedFrame {
  readonly type: number;
  readonly flags?: number;
  /** A list matches any of its elements. */
  readonly code?: number | readonly number[];
  /** 16 hexadecimal digits. */
  readonly id?: string;
  /**
   * null: the frame must have no body. An object: the body must contain these keys with these values. `*` matches any
   * value, `1..5` a number from 1 to 5, `1..` any number from 1, `=NAME` the value that this name first had in the
   * session, and null an absent key. Nested objects match in the same way.
   */
  readonly body?: Readonly<Record<string, unknown>> | null;
}

/** One step of a session, as described in `protocol/vectors/README.md`. Times are in milliseconds. */
export type Step =
  | { readonly send: string; readonly head?: string; readonly split?: 'octets'; readonly times?: number }
  | { readonly read: boolean }
  | { readonly fin: true }
  | { readonly wait: number }
  | { readonly silence: number }
  | { readonly expect: WantedFrame; readonly within?: number }
  | { readonly expectAll: readonly WantedFrame[]; readonly within?: number }
  | { readonly skip: WantedFrame }
  | { readonly expectLast: WantedFrame; readonly atMost?: number }
  | { readonly expectText: string; readonly within?: number }
  | { readonly expectEnd: 'fin' | 'any'; readonly within?: number; readonly drop?: true }
  | { readonly expectReset: true; readonly within: number }
  | { readonly barrier: true }
  | { readonly operator: 'drain' | 'stop' | 'block' | 'unblock' }
  | { readonly operator: 'reload'; readonly responder: Wanted }
  | { readonly set: Readonly<Record<string, string>> };

export type SetStep = Extract<Step, { set: object }>;
export type OperatorStep = Extract<Step, { operator: string }> | SetStep;

/** A session with a server, and the specification rules that it tests. */
export interface Session {
  readonly name: string;
  readonly rules: readonly string[];
  /** Settings that the server must have; absent: any server is suitable. */
  readonly responder?: Wanted;
  /**
   * Connections to open before the session: the number of silent ones, or the hexadecimal bytes that each one sends.
   */
  readonly beside?: number | readonly string[];
  readonly steps: readonly Step[];
}

/** Responder settings for a session. Times are in milliseconds. */
export interface Wanted {
  /** Behavior of each check by name. `WORD*N` stands for N checks. */
  readonly checks?: Readonly<Record<string, string>>;
  /** Groups of a check by check name. All other checks are in readiness. */
  readonly groups?: Readonly<Record<string, readonly string[]>>;
  readonly detail?: 'always' | 'never';
  readonly ping?: Readonly<Record<string, number>>;
  /** Number of threads that answer PINGs. A session that blocks the event loop requires one. */
  readonly threads?: number;
  readonly loop?: Readonly<Record<'readinessStall' | 'livenessStall', number>>;
  readonly heartbeat?: Readonly<Record<string, number>>;
  readonly limits?: Readonly<Record<string, number>>;
  readonly tokens?: readonly string[];
  readonly requireToken?: boolean;
  readonly proxyProtocol?: { readonly from: readonly string[] };
}

const folder = new URL('../../../protocol/vectors/sessions/', import.meta.url);

/** Reads the sessions in this package. */
export function readSessions(): Session[] {
  const files = readdirSync(folder).filter((name) => name.endsWith('.json'));
  return files.sort().flatMap((name) => JSON.parse(readFileSync(new URL(name, folder), 'utf8')) as Session[]);
}
