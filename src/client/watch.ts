import type { Scope } from '../health/health.js';
import type { State } from '../health/state.js';
import { PongFlag } from '../wire/codes.js';
import type { Decoder } from '../wire/decoder.js';
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
  /** Names of the checks to watch, 1 to 32. Excludes `group`. */
  checks?: readonly string[];
  /** Name of the group to watch. By default the group of the scope. */
  group?: string;
  /**
   * Requests the report with each status.
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
  /** The status byte as received. */
  readonly code: number;
  /** Whether `status` is pass or warn. */
  readonly healthy: boolean;
  /** The report was too long: `checks` is left out, `causes` is complete. */
  readonly truncated: boolean;
  /** The report, if `detail` was requested and is permitted. Written by the peer and not validated: check it before use. */
  readonly report?: Report;
}

/**
 * Iterates over the current status and then each change. A slow consumer skips intermediate statuses and receives the
 * latest. The iteration ends with `end` or the signal, and throws the error with which the connection ended.
 */
export class Watch implements AsyncIterable<WatchedStatus> {
  /** The latest status; undefined before the first. */
  latest: WatchedStatus | undefined;
  #hasUpdate = false;
  #isFinished = false;
  #failure: unknown;
  #wake: () => void = () => {};
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
    try {
      for (;;) {
        if (this.#hasUpdate) {
          this.#hasUpdate = false;
          yield this.latest as WatchedStatus;
        } else if (this.#isFinished) {
          if (this.#failure !== undefined) throw this.#failure;
          return;
        } else {
          await new Promise<void>((resolve) => {
            this.#wake = resolve;
          });
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
    this.#hasUpdate = true;
    this.#wake();
  }

  /** @internal Ends the iteration; with `failure` it throws. */
  finish(failure?: unknown): void {
    if (this.#isFinished) return;
    this.#isFinished = true;
    this.#failure = failure;
    this.#onFinish();
    this.#wake();
  }
}
