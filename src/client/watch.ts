import type { PongcheckError } from '../common/errors.js';
import type { Scope } from '../health/health.js';
import type { State } from '../health/state.js';
import { PongFlag } from '../wire/codes.js';
import type { Decoder } from '../wire/decoder.js';
import { onAbort } from './abort.js';
import { idOf } from './pending-requests.js';
import type { Report } from './report.js';
import { readPong } from './responses.js';

/** Options of `Client.watch` and `Link.watch`. */
export interface WatchOptions {
  /**
   * Scope to watch.
   *
   * @default 'readiness'
   */
  scope?: Scope;
  /** Names of 1 to 32 checks to watch. Cannot be combined with `group`. */
  checks?: readonly string[];
  /** Name of the group to watch. Default: the group of the scope. */
  group?: string;
  /**
   * Whether to request the report with each status.
   *
   * @default false
   */
  detail?: boolean;
  /** Ends the watch. */
  signal?: AbortSignal;
}

/** The status of a responder at the start of a watch or after a change. */
export interface WatchedStatus {
  readonly status: State;
  /** The received status byte. */
  readonly code: number;
  /** Whether `status` is pass or warn. */
  readonly healthy: boolean;
  /** Whether the report was too long. It then omits `checks`, but `causes` is complete. */
  readonly truncated: boolean;
  /**
   * The report, if `detail` was requested and is permitted. The peer's report is not validated: check it before use.
   */
  readonly report?: Report;
}

/**
 * Iterates over the current status and then each change. A slow consumer skips intermediate statuses and receives the
 * latest one. Concurrent iterations each receive every change. All of them end when `end` is called, the signal aborts or
 * one of them stops. If the connection ends, they throw its error.
 */
export class Watch implements AsyncIterable<WatchedStatus> {
  /** The latest status; undefined before the first. */
  latest: WatchedStatus | undefined;
  /** Number of statuses received. */
  #updates = 0;
  #isFinished = false;
  #failure: unknown;
  /** Wakes the iterations that wait for the next status or the end. */
  #waiting: (() => void)[] = [];
  readonly #onFinish: () => void;

  /** @internal `onFinish` is called once. */
  constructor(onFinish: () => void) {
    this.#onFinish = onFinish;
  }

  /** Ends the watch. */
  end(): void {
    this.finish();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<WatchedStatus, void, void> {
    const isOver = this.#isFinished && this.#failure === undefined;
    let seen = isOver ? this.#updates : 0;
    try {
      for (;;) {
        if (seen !== this.#updates) {
          seen = this.#updates;
          yield this.latest as WatchedStatus;
        } else if (this.#isFinished) {
          if (this.#failure !== undefined) throw this.#failure;
          return;
        } else {
          await new Promise<void>((resolve) => this.#waiting.push(resolve));
        }
      }
    } finally {
      this.end();
    }
  }

  /** @internal Handles a STATUS frame. */
  take({ code, flags, body }: Decoder): void {
    const { status, healthy, report } = readPong(code, 0, body as Report | undefined, 0);
    const truncated = (flags & PongFlag.TRUNCATED) !== 0;
    this.latest = { status, code, healthy, truncated, ...(report && { report }) };
    this.#updates++;
    this.#wake();
  }

  /** @internal Ends the iteration, which throws `failure` if it is given. */
  finish(failure?: unknown): void {
    if (this.#isFinished) return;
    this.#isFinished = true;
    this.#failure = failure;
    this.#onFinish();
    this.#wake();
  }

  #wake(): void {
    for (const resolve of this.#waiting.splice(0)) resolve();
  }
}

/** The watches of one connection, by WATCH id. */
export class Watches {
  readonly #watches = new Map<number, Watch>();

  /** Adds a watch. `onCancel` is called if the watch ends before the server or the connection ends it. */
  add(id: number, signal: AbortSignal | undefined, onCancel: () => void): Watch {
    const stopListening = onAbort(signal, () => watch.end());
    const watch = new Watch(() => {
      stopListening();
      if (this.#watches.delete(id)) onCancel();
    });
    this.#watches.set(id, watch);
    return watch;
  }

  /** Passes a STATUS to its watch. Returns false if there is none, because a STATUS can arrive after its watch has ended. */
  update(frame: Decoder): boolean {
    const watch = this.#watches.get(idOf(frame));
    watch?.take(frame);
    return watch !== undefined;
  }

  /** Ends a watch with an error. Returns false if there is no watch with this id. */
  fail(id: number, error: PongcheckError): boolean {
    const watch = this.#watches.get(id);
    this.#watches.delete(id);
    watch?.finish(error);
    return watch !== undefined;
  }

  failAll(error: PongcheckError): void {
    for (const id of [...this.#watches.keys()]) this.fail(id, error);
  }
}
