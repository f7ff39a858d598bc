import type { DefinedCheck } from '../health/defined-check.js';
import type { Member } from '../health/member.js';
import type { Identity } from '../health/report.js';
import type { NormalizedResult } from '../health/result.js';
import type { CheckState } from '../health/state.js';
import type { Address } from '../net/address.js';
import type { GrpcSettings, LoopLimits } from '../options/settings.js';
import type { ConnectionInfo } from '../server/connection/info.js';
import type { ServerEvents } from '../server/connection/session.js';
import type { Listen, ListenerSettings } from '../server/listener.js';
import type { ListenOptions } from '../server/server.js';
import type { ServerSettings } from '../server/settings.js';
import type { Stall } from './loop-monitor.js';

/**
 * Everything that queries need to know about one check. A plain object, because it is cloned. Times are monotonic
 * milliseconds of the main thread.
 */
export interface CheckSnapshot
  extends Pick<Member, 'raw' | 'startedAt' | 'duration' | 'limit' | 'verdictLimit' | 'output'> {
  readonly check: Member['check'] & Pick<DefinedCheck, 'name'>;
  readonly hysteresis: {
    result: NormalizedResult | undefined;
    since: number;
    readonly passes: number;
    readonly fails: number;
  };
}

/** The checks, groups and lifecycle of a service. */
export interface Structure {
  readonly identity: Identity;
  readonly isDraining: boolean;
  /** All checks, in configuration order. */
  readonly checks: readonly CheckSnapshot[];
  /** `state` is undefined if the state of the checks applies. */
  readonly startup: { readonly checks: readonly string[]; readonly state: 'pass' | 'starting' | undefined };
  readonly groups: Readonly<Record<string, { readonly checks: readonly string[]; readonly heldState: CheckState }>>;
}

/** The changes since the previous update. */
export interface Update {
  /** The whole structure, if more than individual results changed. */
  readonly structure?: Structure;
  readonly checks: readonly CheckSnapshot[];
}

/** The runs that the queries on a thread need, and the checks that have subscribers on it. */
export interface Demand {
  /** `since`: earliest start of the required run, in monotonic milliseconds. */
  readonly runs: readonly { readonly check: string; readonly since: number; readonly hops: number }[];
  readonly watches: readonly { readonly check: string; readonly isWatched: boolean }[];
}

/** The methods of a thread. Each resolves, or rejects with a PongcheckError. */
export interface ThreadMethods {
  listen(address: Address, settings: ListenerSettings, options: ListenOptions): Promise<Address>;
  /** Opens the listener of the gRPC health service. Returns its address with the actual port. */
  openGrpc(grpc: GrpcSettings): Promise<string>;
  reload(
    settings: ServerSettings,
    listen: readonly Listen[],
    loop: LoopLimits,
    grpc: GrpcSettings | undefined,
  ): Promise<void>;
  infos(after: number, limit: number): ConnectionInfo[];
  heartbeat(idle: number, close: boolean): ConnectionInfo[];
  protect(id: number, isProtected: boolean): boolean;
  disconnect(id: number): boolean;
  goaway(graceMs: number): Promise<void>;
  reloadCertificates(): Promise<void>;
  close(): Promise<void>;
}

/** Names of the events that have listeners on the main thread. */
export type Interest = readonly (keyof ServerEvents)[];

export type ToThread =
  | { readonly kind: 'update'; readonly update: Update }
  | { readonly kind: 'demand-taken' }
  | { readonly kind: 'interest'; readonly events: Interest }
  | {
      readonly kind: 'call';
      readonly id: number;
      readonly method: keyof ThreadMethods;
      readonly args: readonly unknown[];
    };

export type ToMain =
  | { readonly kind: 'ready' }
  | { readonly kind: 'update-taken' }
  | { readonly kind: 'demand'; readonly demand: Demand }
  | { readonly kind: 'event'; readonly event: keyof ServerEvents; readonly args: readonly unknown[] }
  | {
      readonly kind: 'log';
      readonly level: 'debug' | 'info' | 'warn' | 'error';
      readonly fields: object;
      readonly message: string;
    }
  | { readonly kind: 'stall'; readonly stall: Stall }
  | { readonly kind: 'certificates'; readonly expiries: readonly (readonly [listener: string, at: number])[] }
  | {
      readonly kind: 'result';
      readonly id: number;
      readonly value?: unknown;
      readonly error?: { readonly code: string; readonly message: string };
    };
