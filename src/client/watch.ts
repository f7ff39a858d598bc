import type { Scope } from '../health/health.js';
import type { State } from '../health/state.js';
import { PongFlag } from '../wire/codes.js';
import type { Decoder } from '../wire/decoder.js';
import { readPong } from './pong.js';
import type { Report } from './report.js';

/** What is watched. */
export interface WatchOptions {
  /** Default `readiness`. */
  scope?: Scope;
  /** Names of 1 to 32 checks; not together with `group`. */
  checks?: readonly string[];
  /** The name of one group. Default: the group of the scope. */
  group?: string;
  /** Asks for the report with each status. Default false. */
  detail?: boolean;
  /** Ends the watch. */
  signal?: AbortSignal;
}

/** What a responder said when something was other than before. */
export interface WatchedStatus {
  readonly status: State;
  /** The status octet as it came. */
  readonly code: number;
  /** pass or warn. */
  readonly healthy: boolean;
  /** The report was too long: its `checks` are left out, its `causes` stand. */
  readonly truncated: boolean;
  /** The report, where `detail` was asked for and is allowed; as the peer wrote it, so judge before use. */
  readonly report?: Report;
}

/**
 * What is known now, and at each change what is known then: iterate it. Who iterates slowly misses what was overtaken
 * and gets the latest. The iteration ends with `end` or the signal, and throws why the connection ended.
 */
export class Watch implements AsyncIterable<WatchedStatus> {
  /** What came last; undefined before the first. */
  latest: WatchedStatus | undefined;
  #untold = false;
  #isOver = false;
  #failure: unknown;
  #wake: () => void = () => {};
  readonly #cancel: () => void;

  /** @internal */
  constructor(cancel: () => void) {
    this.#cancel = cancel;
  }

  /** Nothing more is wanted. */
  end(): void {
    if (this.#isOver) return;
    this.#cancel();
    this.over();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<WatchedStatus, void, void> {
    try {
      for (;;) {
        if (this.#untold) {
          this.#untold = false;
          yield this.latest as WatchedStatus;
        } else if (this.#isOver) {
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

  /** @internal A STATUS came. */
  take({ code, flags, body }: Decoder): void {
    const { status, healthy, report } = readPong(code, 0, body as Report | undefined, 0);
    const truncated = (flags & PongFlag.TRUNCATED) !== 0;
    this.latest = { status, code, healthy, truncated, ...(report && { report }) };
    this.#untold = true;
    this.#wake();
  }

  /** @internal Nothing more comes; `failure`: why, if nobody wanted that. */
  over(failure?: unknown): void {
    this.#isOver = true;
    this.#failure = failure;
    this.#wake();
  }
}
