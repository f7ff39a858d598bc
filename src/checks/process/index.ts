import { setTimeout as sleep, setImmediate as turn } from 'node:timers/promises';
import { getHeapStatistics } from 'node:v8';
import type { CheckDefinition, CheckResult, CheckSettings } from '../../health/check.js';
import { parseCheckOptions } from '../parse-options.js';
import { processOptions } from './options.js';
import { LoopWindow } from './window.js';

const KIND = 'process';

/** Options of the `process` check. */
export interface ProcessOptions extends CheckSettings {
  /**
   * Maximum event loop delay in milliseconds; 0 = no limit.
   * @default 1000
   */
  maxDelay?: number;
  /**
   * Event loop delay in milliseconds above which the check warns; 0 = never.
   * @default 500
   */
  warnDelay?: number;
  /**
   * Maximum event loop utilization in percent; 100 = no limit.
   * @default 98
   */
  maxUtilization?: number;
  /**
   * Event loop utilization in percent above which the check warns; 100 = never.
   * @default 90
   */
  warnUtilization?: number;
  /**
   * Maximum use of the V8 heap limit, in percent; 100 = no limit.
   * @default 90
   */
  maxHeap?: number;
  /**
   * Heap usage in percent above which the check warns; 100 = never.
   * @default 80
   */
  warnHeap?: number;
  /**
   * Minimum measurement window for delay and utilization, in milliseconds. The window spans at most about twice that,
   * or two runs.
   * @default 2000
   */
  window?: number;
}

/**
 * Checks this process: event loop delay, event loop utilization and heap usage of the thread that runs checks. The
 * observed values are `delay` in milliseconds, and `utilization` and `heap` in percent. Because the check runs on the
 * event loop, it reports a delay only after the delay has ended. PING threads report a blocked event loop while it is
 * blocked (`loop.readinessStall`).
 *
 * @throws PongcheckError `PONGCHECK_CONFIG` for invalid options.
 */
export function processCheck(given: ProcessOptions = {}): CheckDefinition {
  const { settings, options } = parseCheckOptions<ProcessOptions>(KIND, processOptions, given);
  const { maxDelay = 1000, maxUtilization = 98, maxHeap = 90, window = 2000 } = options;
  const { warnDelay = 500, warnUtilization = 90, warnHeap = 80 } = options;
  const gauge = new ProcessGauge(window);
  const levels: readonly Level[] = [
    {
      status: 'fail',
      limitText: 'limit:',
      limits: { delay: orNone(maxDelay), utilization: maxUtilization, heap: maxHeap },
    },
    {
      status: 'warn',
      limitText: 'warning above',
      limits: { delay: orNone(warnDelay), utilization: warnUtilization, heap: warnHeap },
    },
  ];
  return {
    componentType: 'system',
    ...settings,
    kind: KIND,
    nonBlocking: true,
    run: async () => evaluate(await gauge.read(), levels),
    close: () => gauge.close(),
  };
}

/** A limit of 0 means no limit. */
function orNone(limit: number): number {
  return limit === 0 ? Number.POSITIVE_INFINITY : limit;
}

/** In the order in which the measures are evaluated and reported. */
interface Measures {
  /** In milliseconds. */
  readonly delay: number;
  /** In percent. */
  readonly utilization: number;
  /** In percent. */
  readonly heap: number;
}

/**
 * Measures over the older of two overlapping windows, so that a delay during the restart of one window is counted by
 * the other.
 */
class ProcessGauge {
  private windows: [older: LoopWindow, newer: LoopWindow] | undefined;
  private closed = false;

  /** @param span minimum length of a window, in milliseconds. */
  constructor(private readonly span: number) {}

  async read(): Promise<Measures> {
    // Starts with the first run, so that creating a check starts no measurement.
    if (!this.closed) this.windows ??= [new LoopWindow(), new LoopWindow()];
    await delayCounted();
    const { used_heap_size: used, heap_size_limit: limit } = getHeapStatistics();
    const heap = percent(used / limit);
    if (!this.windows) return { delay: 0, utilization: 0, heap };
    const [older, newer] = this.windows;
    // The process is busy when it starts, so a window that is too short is not evaluated.
    const utilization = older.age < this.span ? 0 : percent(older.utilization);
    const measures = { delay: Math.round(older.delay), utilization, heap };
    if (newer.age >= this.span) {
      older.restart();
      this.windows = [newer, older];
    }
    return measures;
  }

  close(): void {
    this.closed = true;
    for (const window of this.windows ?? []) window.close();
    this.windows = undefined;
  }
}

/** Resolves after the next timers of the event loop have run. A delay that has just ended has then been counted. */
async function delayCounted(): Promise<void> {
  await sleep(1);
  await turn();
}

function percent(part: number): number {
  return Math.round(part * 1000) / 10;
}

interface Level {
  readonly status: 'fail' | 'warn';
  /** Text that precedes the limit in the output. */
  readonly limitText: string;
  readonly limits: Measures;
}

const rows: readonly { measure: keyof Measures; unit: string; description(value: string): string }[] = [
  { measure: 'delay', unit: 'ms', description: (value) => `the event loop was blocked for ${value}` },
  { measure: 'utilization', unit: '%', description: (value) => `the event loop was busy ${value} of the time` },
  { measure: 'heap', unit: '%', description: (value) => `the heap uses ${value} of its limit` },
];

const units = Object.fromEntries(rows.map(({ measure, unit }) => [measure, unit]));

/** Evaluates the levels from worst to best. The first level with a value above its limit applies. */
function evaluate(measures: Measures, levels: readonly Level[]): CheckResult {
  const observed = { observedValue: measures, observedUnit: units };
  for (const { status, limitText, limits } of levels) {
    const exceeded = rows.filter(({ measure }) => measures[measure] > limits[measure]);
    if (exceeded.length === 0) continue;
    const output = exceeded.map(
      ({ measure, unit, description }) =>
        `${description(`${measures[measure]} ${unit}`)}, ${limitText} ${limits[measure]} ${unit}`,
    );
    return { status, reason: 'threshold', output: output.join('; '), ...observed };
  }
  return { status: 'pass', ...observed };
}
