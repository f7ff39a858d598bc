import { readdirSync, readFileSync } from 'node:fs';

/** A frame as it has to be: what is not said may be anything. */
export interface WantedFrame {
  readonly type: number;
  readonly flags?: number;
  readonly code?: number;
  /** 16 hexadecimal digits. */
  readonly id?: string;
  /**
   * null: there is none. An object: these keys stand there, with these values; `*` is any value, null is that the key
   * is absent, an object is looked into in the same way.
   */
  readonly body?: Readonly<Record<string, unknown>> | null;
}

/** One step of a dialogue, as `protocol/vectors/README.md` tells them. Times in milliseconds. */
export type Step =
  | { readonly send: string; readonly split?: 'octets'; readonly times?: number }
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
  | { readonly operator: 'drain' | 'stop' }
  | { readonly operator: 'reload'; readonly responder: Wanted };

export type OperatorStep = Extract<Step, { operator: string }>;

/** A dialogue with a server, and the rules of the specification that it shows. */
export interface Session {
  readonly name: string;
  readonly rules: readonly string[];
  /** What the server has to be; absent: any will do. */
  readonly responder?: Wanted;
  /** Connections opened before the session: a number of silent ones, or for each the octets that it sends, in hexadecimal. */
  readonly beside?: number | readonly string[];
  readonly steps: readonly Step[];
}

/** A responder as a session wants it. Times in milliseconds. */
export interface Wanted {
  /** By name what each check does; `WORD*N`: so many of them. */
  readonly checks?: Readonly<Record<string, string>>;
  readonly detail?: 'always' | 'never';
  readonly heartbeat?: Readonly<Record<string, number>>;
  readonly limits?: Readonly<Record<string, number>>;
  readonly tokens?: readonly string[];
  readonly requireToken?: boolean;
  readonly proxyProtocol?: { readonly from: readonly string[] };
}

const folder = new URL('../../../protocol/vectors/sessions/', import.meta.url);

/** The sessions that this package brings. */
export function readSessions(): Session[] {
  const files = readdirSync(folder).filter((name) => name.endsWith('.json'));
  return files.sort().flatMap((name) => JSON.parse(readFileSync(new URL(name, folder), 'utf8')) as Session[]);
}
