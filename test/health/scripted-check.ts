import type { CheckDefinition, CheckResult, CheckSettings } from '../../src/health/check.js';

/** One run, whose result is set by the test. */
export interface ScriptedRun {
  signal: AbortSignal;
  deadline: number;
  hops: number | undefined;
  pass(): void;
  result(result: CheckResult): void;
  fail(error: unknown): void;
}

/** A check whose runs end only when the test ends them. */
export class ScriptedCheck implements CheckDefinition {
  kind = 'scripted';
  readonly runs: ScriptedRun[] = [];
  /** Whether runs settle when they are aborted. Otherwise they hang. */
  obedient = false;
  closed = 0;

  constructor(
    settings: CheckSettings & Partial<Pick<CheckDefinition, 'kind' | 'secrets' | 'componentType' | 'nonBlocking'>> = {},
  ) {
    Object.assign(this, settings);
  }

  get last(): ScriptedRun {
    return this.runs.at(-1) as ScriptedRun;
  }

  run(signal: AbortSignal, deadline: number, hops?: number): Promise<CheckResult> {
    return new Promise((resolve, reject) => {
      if (this.obedient) signal.addEventListener('abort', () => reject(signal.reason as Error));
      this.runs.push({
        signal,
        deadline,
        hops,
        pass: () => resolve({ status: 'pass' }),
        result: resolve,
        fail: reject,
      });
    });
  }

  close(): void {
    this.closed++;
  }
}

/** A check whose runs end immediately with `outcome`, which a test may change. */
export class SteadyCheck implements CheckDefinition {
  kind = 'steady';
  runs = 0;
  outcome: CheckResult | Error = { status: 'pass' };

  constructor(settings: CheckSettings & { kind?: string; target?: string } = {}, outcome?: CheckResult | Error) {
    Object.assign(this, settings);
    if (outcome) this.outcome = outcome;
  }

  run(): Promise<CheckResult> {
    this.runs++;
    return this.outcome instanceof Error ? Promise.reject(this.outcome) : Promise.resolve(this.outcome);
  }
}
