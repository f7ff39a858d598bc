import { MASK } from '../common/mask.js';
import { jsonOf, type Redact, truncate } from '../common/redact.js';
import type { Cause, CheckResult } from './check.js';
import { type Fate, fates, type PeerTally, type Verdict } from './fate.js';
import { isReason, type Reason, reasonOf, statusOf } from './reason.js';
import { type CheckState, checkStates, leastSevere, type NonPassState, worse } from './state.js';

/** Maximum number of causes in a report or result. */
export const MAX_CAUSES = 32;
/** Maximum length of a name from another responder, in characters. */
const MAX_NAME = 64;
/** Maximum number of instances in the `via` of a cause. */
const MAX_VIA = 32;

/** Maximum number of values in an observed object. */
const MAX_OBSERVED = 16;

/** Observed value, or several values by name. */
export type ObservedValue = ObservedScalar | Readonly<Record<string, ObservedScalar>>;
type ObservedScalar = string | number | boolean;
/** Unit of all values, or one unit per name. */
export type ObservedUnit = string | Readonly<Record<string, string>>;

/** Check result after validation, redaction and truncation. */
export interface NormalizedResult {
  readonly status: CheckState;
  /** Present unless the status is pass. */
  readonly reason?: Reason;
  readonly output?: string;
  readonly observedValue?: ObservedValue;
  readonly observedUnit?: ObservedUnit;
  readonly causes?: readonly Cause[];
  /** Present if peers were queried about the failure. */
  readonly verdict?: Verdict;
}

/** Returns the result with an unknown fate, for a verdict that is too old. */
export function withoutVerdict(result: NormalizedResult | undefined): NormalizedResult | undefined {
  return result?.verdict ? { ...result, verdict: { fate: 'unknown', peers: result.verdict.peers } } : result;
}

/** Converts values that runs return or throw to results. Its methods never throw, even if reading the value throws. */
export class ResultNormalizer {
  constructor(
    private readonly redact: Redact,
    /** Instance id of this process, to recognize its own causes in reports from others. */
    private readonly instance: string,
  ) {}

  /** Converts a returned value. An invalid value is a failure of the check itself. */
  returned(value: unknown): NormalizedResult {
    if (value === undefined || value === true) return { status: 'pass' };
    if (value === false) return this.failed('custom', 'The check returned false.');
    try {
      return this.result(value);
    } catch (error) {
      return this.failed('internal', error);
    }
  }

  /** Converts an exception. `otherwise` is the reason if none can be derived. */
  thrown(error: unknown, otherwise: Reason): NormalizedResult {
    return { ...this.failed(reasonOf(error, otherwise), error), status: statusOf(error) };
  }

  failed(reason: Reason, output: unknown): NormalizedResult {
    return { status: 'fail', reason, output: this.redact(output) };
  }

  private result(value: unknown): NormalizedResult {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) {
      throw new TypeError(
        `The check returned ${this.format(value)}; allowed: nothing, true, false, or a result with a status.`,
      );
    }
    const { status, reason = 'custom', output, observedValue, observedUnit, causes } = value as Partial<CheckResult>;
    if (!checkStates.includes(status as CheckState)) {
      throw new TypeError(`The check returned the status ${this.format(status)}; allowed: ${checkStates.join(', ')}.`);
    }
    if (!isReason(reason)) {
      throw new TypeError(`The check returned the reason ${this.format(reason)}, which is not a known reason.`);
    }
    const result = {
      status: status as CheckState,
      ...(output !== undefined && { output: this.redact(output) }),
      ...(observedValue !== undefined && { observedValue: this.observed(observedValue) }),
      ...(observedUnit !== undefined && { observedUnit: this.unit(observedUnit) }),
    };
    if (result.status === 'pass') return result;
    const received = causes === undefined ? [] : this.readCauses(causes);
    const carried = withoutOwn(received, this.instance);
    if (received.length > 0 && carried.length === 0) return { ...result, reason: 'loop' };
    // A full list may have been truncated, so the remaining causes may be incomplete.
    const isPartlyOwn = carried.length < received.length && received.length < MAX_CAUSES;
    return {
      ...result,
      ...(isPartlyOwn && { status: leastSevere(result.status, worstOf(carried) ?? result.status) }),
      reason,
      ...(carried.length > 0 && { causes: carried }),
    };
  }

  private observed(value: unknown): ObservedValue {
    if (typeof value !== 'object' || value === null) return this.scalar(value);
    const plain = toPlain(value);
    return isMap(plain) ? this.map(plain, (inner, key) => this.observedIn(key, inner)) : this.scalar(plain);
  }

  /** Masks the value if its name denotes a secret. */
  private observedIn(key: string, value: unknown): ObservedScalar {
    const assignment = `${key}=x`;
    return this.redact(assignment) === assignment ? this.scalar(value) : MASK;
  }

  private scalar(value: unknown): ObservedScalar {
    if (typeof value === 'boolean' || (typeof value === 'number' && Number.isFinite(value))) return value;
    return this.redact(typeof value === 'object' && value !== null ? JSON.stringify(value) : value);
  }

  private unit(value: unknown): ObservedUnit {
    const plain = typeof value === 'object' && value !== null ? toPlain(value) : value;
    return isMap(plain) ? this.map(plain, (unit) => this.redact(unit)) : this.redact(plain);
  }

  private map<V>(values: object, read: (value: unknown, key: string) => V): Readonly<Record<string, V>> {
    const entries = Object.entries(values).filter(([, value]) => value !== null);
    return Object.fromEntries(entries.slice(0, MAX_OBSERVED).map(([key, value]) => [this.name(key), read(value, key)]));
  }

  /** Reads causes from another process. Drops invalid fields and truncates long ones. */
  private readCauses(causes: unknown): Cause[] {
    if (!Array.isArray(causes)) throw new TypeError('The check returned causes that are not an array.');
    return causes.slice(0, MAX_CAUSES).map((cause) => this.cause(cause));
  }

  private cause(value: unknown): Cause {
    const { instance, service, via, check, target, state, reason, output, fate, peers } = (value ?? {}) as Partial<
      Record<keyof Cause, unknown>
    >;
    const origin = typeof instance === 'string' ? this.name(instance) : '';
    if (origin === '' || !Array.isArray(via)) {
      throw new TypeError('The check returned a cause without `instance` and `via`.');
    }
    return {
      instance: origin,
      ...(service !== undefined && { service: this.name(service) }),
      via: via.slice(-MAX_VIA).map((hop) => this.name(hop)),
      ...(check !== undefined && { check: this.name(check) }),
      ...(typeof target === 'string' && { target: this.redact(target) }),
      ...(isNonPassState(state) && { state }),
      ...(reason !== undefined && { reason: this.name(reason) }),
      ...(output !== undefined && { output: this.redact(output) }),
      ...(isFate(fate) && { fate }),
      ...(isTally(peers) && { peers: { asked: peers.asked, answered: peers.answered, failing: peers.failing } }),
    };
  }

  /** Formats an unexpected value for an error message. */
  private format(value: unknown): string {
    if (typeof value === 'string') return JSON.stringify(this.redact(value));
    if (typeof value === 'function' || typeof value === 'symbol') return `a ${typeof value}`;
    if (typeof value !== 'object' || value === null) return this.redact(value);
    return Array.isArray(value) ? 'an array' : 'an object';
  }

  private name(value: unknown): string {
    return truncate(this.redact(value), MAX_NAME);
  }
}

/** Returns a copy without getters, methods and BigInts, or a text that states why there is none. */
function toPlain(value: object): unknown {
  try {
    const json: string | undefined = jsonOf(value);
    return json === undefined ? 'an object' : JSON.parse(json);
  } catch {
    return 'an object that cannot be serialized';
  }
}

function isMap(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isNonPassState(value: unknown): value is NonPassState {
  return value !== 'pass' && checkStates.includes(value as CheckState);
}

function isFate(value: unknown): value is Fate {
  return fates.includes(value as Fate);
}

function isTally(value: unknown): value is PeerTally {
  const { asked, answered, failing } = (value ?? {}) as PeerTally;
  return [asked, answered, failing].every((count) => Number.isSafeInteger(count) && count >= 0);
}

/** The worst state of the causes; undefined if a cause has no state. */
function worstOf(causes: readonly Cause[]): CheckState | undefined {
  let worst: CheckState = 'pass';
  for (const { state } of causes) {
    if (state === undefined) return undefined;
    worst = worse(worst, state);
  }
  return worst;
}

/**
 * Removes causes that came from or through `instance`. A process observes its own causes directly. If it also counted
 * reports of them, they would never disappear (SPEC "Chains and cycles").
 */
function withoutOwn(causes: readonly Cause[], instance: string): readonly Cause[] {
  return causes.filter((cause) => cause.instance !== instance && !cause.via.includes(instance));
}
