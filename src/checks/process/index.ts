import { setTimeout as sleep, setImmediate as turn } from 'node:timers/promises';
import { getHeapStatistics } from 'node:v8';
import type { CheckDefinition, CheckResult, CheckSettings } from '../../health/check.js';
import { parseCheckOptions } from '../parse-options.js';
import { processOptions } from './options.js';
import { LoopWindow } from './window.js';

const KIND = 'process';

/** How much this very process may be behind. */
export interface ProcessOptions extends CheckSettings {
  /** The longest that the event loop may have stood still, in milliseconds; 0 = no limit. Default 1000. */
  maxDelay?: number;
  /** Warns exceeded it. Milliseconds; 0 = never. Default 500. */
  warnDelay?: number;
  /** The part of the time that the event loop may have been busy, in percent; 100 = no limit. Default 98. */
  maxUtilization?: number;
  /** Warns exceeded it. Percent; 100 = never. Default 90. */
  warnUtilization?: number;
  /** The part of its limit that the heap of V8 may fill, in percent; 100 = no limit. Default 90. */
  maxHeap?: number;
  /** Warns exceeded it. Percent; 100 = never. Default 80. */
  warnHeap?: number;
  /** The least time that delay and utilization are judged over, in milliseconds; at most about twice that, or two runs. Default 2000. */
  window?: number;
}

/**
 * This process itself: how long its event loop stood still, how busy it was,
 * and how full its heap is. The observed value is the first that is exceeded its
 * limit, or the delay.
 *
 * @throws PongcheckError `PONGCHECK_CONFIG` for options that make no sense.
 */
export function process(given: ProcessOptions = {}): CheckDefinition {
  const { settings, options } = parseCheckOptions<ProcessOptions>(KIND, processOptions, given);
  const { maxDelay = 1000, maxUtilization = 98, maxHeap = 90, window = 2000 } = options;
  const { warnDelay = 500, warnUtilization = 90, warnHeap = 80 } = options;
  const gauge = new ProcessGauge(window);
  const levels: readonly Level[] = [
    {
      status: 'fail',
      limitText: 'allowed:',
      limits: { delay: orNone(maxDelay), utilization: maxUtilization, heap: maxHeap },
    },
    {
      status: 'warn',
      limitText: 'wanted: at most',
      limits: { delay: orNone(warnDelay), utilization: warnUtilization, heap: warnHeap },
    },
  ];
  return {
    componentType: 'system',
    ...settings,
    kind: KIND,
    run: async () => evaluate(await gauge.read(), levels),
    close: () => gauge.close(),
  };
}

/** No delay is longer than that of a limit of 0. */
function orNone(limit: number): number {
  return limit === 0 ? Number.POSITIVE_INFINITY : limit;
}

/** In the order in which they are judged: what a loop that stood still tells first. */
interface Measures {
  /** Milliseconds. */
  readonly delay: number;
  /** Percent. */
  readonly utilization: number;
  /** Percent. */
  readonly heap: number;
}

/** Measures over the older of two windows that overlap, so that what happens while one begins anew is seen by the other. */
class ProcessGauge {
  private windows: [older: LoopWindow, newer: LoopWindow] | undefined;
  private closed = false;

  /** The least span of a window, in milliseconds. */
  constructor(private readonly span: number) {}

  async read(): Promise<Measures> {
    // From the first run on: who makes a check has not begun to watch.
    if (!this.closed) this.windows ??= [new LoopWindow(), new LoopWindow()];
    await delayCounted();
    const { used_heap_size: used, heap_size_limit: limit } = getHeapStatistics();
    const heap = percent(used / limit);
    if (!this.windows) return { delay: 0, utilization: 0, heap };
    const [older, newer] = this.windows;
    // The start of a process is busy: nothing is said of so short a time.
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

/** Settles when a delay that is just over has been counted: after the next timers of the loop, all of them. */
async function delayCounted(): Promise<void> {
  await sleep(1);
  await turn();
}

function percent(part: number): number {
  return Math.round(part * 1000) / 10;
}

interface Level {
  readonly status: 'fail' | 'warn';
  /** How a sentence begins to tell the limit. */
  readonly limitText: string;
  readonly limits: Measures;
}

const rows: readonly { measure: keyof Measures; unit: string; description(found: string): string }[] = [
  { measure: 'delay', unit: 'ms', description: (found) => `the event loop stood still for ${found}` },
  { measure: 'utilization', unit: '%', description: (found) => `the event loop was busy ${found} of the time` },
  { measure: 'heap', unit: '%', description: (found) => `the heap fills ${found} of its limit` },
];

/** By the first level at which anything is exceeded its limit; the worst one comes first. */
function evaluate(measures: Measures, levels: readonly Level[]): CheckResult {
  for (const { status, limitText, limits } of levels) {
    const exceeded = rows.filter(({ measure }) => measures[measure] > limits[measure]);
    const [first] = exceeded;
    if (!first) continue;
    const output = exceeded.map(
      ({ measure, unit, description }) =>
        `${description(`${measures[measure]} ${unit}`)}, ${limitText} ${limits[measure]} ${unit}`,
    );
    return {
      status,
      reason: 'threshold',
      output: output.join('; '),
      observedValue: measures[first.measure],
      observedUnit: first.unit,
    };
  }
  return { status: 'pass', observedValue: measures.delay, observedUnit: 'ms' };
}
