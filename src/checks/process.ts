import { setTimeout as sleep, setImmediate as turn } from 'node:timers/promises';
import { getHeapStatistics } from 'node:v8';
import type { CheckDefinition, CheckResult, CheckSettings } from '../health/check.js';
import { partOptions } from './options.js';
import { LoopWindow } from './process-window.js';

const KIND = 'process';

/** How much this very process may be behind. */
export interface ProcessOptions extends CheckSettings {
  /** The longest that the event loop may have stood still, in milliseconds; 0 = no limit. Default 1000. */
  maxDelay?: number;
  /** The part of the time that the event loop may have been busy, in percent; 100 = no limit. Default 98. */
  maxUtilization?: number;
  /** The part of its limit that the heap of V8 may fill, in percent; 100 = no limit. Default 90. */
  maxHeap?: number;
  /** The least time that delay and utilization are judged over, in milliseconds; at most about twice that, or two runs. Default 2000. */
  window?: number;
}

/**
 * This process itself: how long its event loop stood still, how busy it was,
 * and how full its heap is. The observed value is the first that is beyond its
 * limit, or the delay.
 *
 * @throws PongcheckError `PONGCHECK_CHECK` for options that make no sense.
 */
export function process(given: ProcessOptions = {}): CheckDefinition {
  const { settings, options } = partOptions<ProcessOptions>(KIND, given);
  const { maxDelay = 1000, maxUtilization = 98, maxHeap = 90, window = 2000 } = options;
  const gauge = new ProcessGauge(window);
  const limits: Measures = { delay: maxDelay || Number.POSITIVE_INFINITY, utilization: maxUtilization, heap: maxHeap };
  return {
    componentType: 'system',
    ...settings,
    kind: KIND,
    run: async () => judge(await gauge.read(), limits),
    close: () => gauge.close(),
  };
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
    await seen();
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
async function seen(): Promise<void> {
  await sleep(1);
  await turn();
}

function percent(part: number): number {
  return Math.round(part * 1000) / 10;
}

interface Limit {
  readonly measure: keyof Measures;
  readonly unit: string;
  sentence(found: string, limit: string): string;
}

const limitRows: readonly Limit[] = [
  {
    measure: 'delay',
    unit: 'ms',
    sentence: (found, limit) => `the event loop stood still for ${found}, allowed: ${limit}`,
  },
  {
    measure: 'utilization',
    unit: '%',
    sentence: (found, limit) => `the event loop was busy ${found} of the time, allowed: ${limit}`,
  },
  {
    measure: 'heap',
    unit: '%',
    sentence: (found, limit) => `the heap fills ${found} of its limit, allowed: ${limit}`,
  },
];

function judge(measures: Measures, limits: Measures): CheckResult {
  const beyond = limitRows.filter(({ measure }) => measures[measure] > limits[measure]);
  const [worst] = beyond;
  if (!worst) return { status: 'pass', observedValue: measures.delay, observedUnit: 'ms' };
  const told = beyond.map(({ measure, unit, sentence }) =>
    sentence(`${measures[measure]} ${unit}`, `${limits[measure]} ${unit}`),
  );
  return {
    status: 'fail',
    reason: 'threshold',
    output: told.join('; '),
    observedValue: measures[worst.measure],
    observedUnit: worst.unit,
  };
}
