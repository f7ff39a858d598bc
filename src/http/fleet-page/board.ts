import type { Responder, ResponderState } from '../../fleet/responder.js';
import { headline, type SharedCause, sharedCauses, totalOf, worstOf } from '../../fleet/summary.js';
import type { Slot } from '../../health/history/slot.js';
import { hostAndPort } from '../../net/address.js';

/** The data of a fleet that the page shows. Reading it runs no check. */
export interface FleetView {
  readonly responders: readonly Responder[];
  readonly counts: Readonly<Record<ResponderState, number>>;
  /** Names that have never resolved to an address. */
  readonly unresolved: readonly string[];
  /** Number of addresses above the maximum. */
  readonly excess: number;
  /** Wall-clock time at which the current minute began, in milliseconds. */
  readonly minute: number;
  /** URL of a responder's status page, with a `{host}` placeholder; undefined if there are no links. */
  readonly statusUrl: string | undefined;
  slots(responder: Responder, count: number): readonly (Slot | undefined)[];
  onChange(listener: () => void): () => void;
}

/** The body of `GET /fleet.json` without access to detail. */
export interface BareFleetBoard {
  /** The worst state of any responder. */
  readonly state: ResponderState;
  readonly headline: string;
  readonly total: number;
  readonly counts: Readonly<Record<ResponderState, number>>;
}

/** The body of `GET /fleet.json`. */
export interface FleetBoard extends BareFleetBoard {
  readonly causes: readonly SharedCause[];
  readonly unresolved: readonly string[];
  readonly excess: number;
  readonly responders: readonly FleetEntry[];
}

/** One responder in `GET /fleet.json`. */
export interface FleetEntry extends Omit<NonNullable<Responder['digest']>, 'age'> {
  /** HOST:PORT. */
  readonly address: string;
  readonly state: ResponderState;
  /** Time at which this state began. */
  readonly since: Date;
  /** Why the responder is unreachable or draining. */
  readonly why?: string;
  /** URL of the responder's status page. */
  readonly statusUrl?: string;
}

export function bareFleetBoard({ counts }: Pick<FleetView, 'counts'>): BareFleetBoard {
  return { state: worstOf(counts), headline: headline(counts), total: totalOf(counts), counts };
}

/** @param responders responders to list. Default: all responders of the fleet. */
export function fleetBoard(fleet: FleetView, responders = fleet.responders): FleetBoard {
  const { unresolved, excess, statusUrl } = fleet;
  return {
    ...bareFleetBoard(fleet),
    causes: sharedCauses(responders),
    unresolved,
    excess,
    responders: responders.map((responder) => entryOf(responder, statusUrl)),
  };
}

function entryOf({ peer, state, since, why, digest }: Responder, statusUrl: string | undefined): FleetEntry {
  const { age: _, ...kept } = digest ?? { causes: [], failing: [] };
  const address = hostAndPort(peer.address);
  return {
    address,
    state,
    since: new Date(since),
    ...(why !== undefined && { why }),
    ...kept,
    ...(statusUrl !== undefined && { statusUrl: statusUrl.replaceAll('{host}', address.replace(/:\d+$/, '')) }),
  };
}
