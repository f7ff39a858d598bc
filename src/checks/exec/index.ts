import { resolve } from 'node:path';
import type { CheckDefinition, CheckResult, CheckSettings } from '../../health/check.js';
import type { CheckState } from '../../health/state.js';
import { formatValue } from '../../options/format-value.js';
import { invalidOption, parseCheckOptions } from '../parse-options.js';
import { execOptions } from './options.js';
import { type Ended, execute } from './program.js';

const KIND = 'exec';
const DEFAULT_PATH = '/usr/local/bin:/usr/bin:/bin';

/** Options of the `exec` check. */
export interface ExecOptions extends CheckSettings {
  /** Path of the program, relative to the working directory. `PATH` is not searched. */
  command: string;
  /** Arguments. Every user on the host can read them, so pass secrets in `env`. Default: none. */
  args?: readonly string[];
  /**
   * Environment variables of the program, in addition to this process's `PATH` and `LANG=C.UTF-8`. Their values are
   * masked in outputs. Default: none.
   */
  env?: Readonly<Record<string, string>>;
  /**
   * Meaning of the exit code. `plain`: 0 passes, any other code fails. `nagios`: 0 passes, 1 warns, 3 is unknown, any
   * other code fails.
   * @default 'plain'
   */
  exit?: 'plain' | 'nagios';
  /**
   * Maximum size of stdout and stderr together, in bytes. A program that writes more is killed, and the check fails.
   * @default 65536
   */
  maxOutput?: number;
}

/**
 * Starts a program on each run, without a shell, in the directory `/`. The observed value is its exit code. The output
 * is the first line that it writes to stdout, or to stderr if stdout is empty. At the timeout, and when the program has
 * ended, all processes in its process group are killed (SIGKILL).
 *
 * @throws PongcheckError `PONGCHECK_CONFIG` for invalid options.
 */
export function execCheck(given: ExecOptions): CheckDefinition {
  const { settings, options } = parseCheckOptions<ExecOptions>(KIND, execOptions, given);
  const { command, args = [], env = {}, exit = 'plain', maxOutput = 65_536 } = options;
  const badName = Object.keys(env).find((name) => !/^[A-Za-z_][A-Za-z0-9_]*$/.test(name));
  if (badName !== undefined) {
    throw invalidOption(KIND, ['env'], `a map with the name ${formatValue(badName)}`, 'letters, digits and _');
  }
  if (command.includes('\0')) throw invalidOption(KIND, ['command'], 'a path with a NUL', 'the path of a program');
  const program = {
    command: resolve(command),
    args,
    env: { PATH: process.env.PATH ?? DEFAULT_PATH, LANG: 'C.UTF-8', ...env },
    maxOutput,
  };
  return {
    componentType: 'component',
    ...settings,
    kind: KIND,
    target: program.command,
    run: async (signal) => evaluate(await execute(program, signal), exit),
  };
}

const states: Readonly<Record<NonNullable<ExecOptions['exit']>, Readonly<Record<number, CheckState>>>> = {
  plain: { 0: 'pass' },
  nagios: { 0: 'pass', 1: 'warn', 3: 'unknown' },
};

function evaluate({ code, signal, stdout, stderr }: Ended, exit: NonNullable<ExecOptions['exit']>): CheckResult {
  if (code === null) return { status: 'fail', reason: 'internal', output: `the program was terminated by ${signal}` };
  const status = states[exit][code] ?? 'fail';
  const observed = { status, observedValue: code, observedUnit: 'exit code' };
  if (status === 'pass') return observed;
  const said = firstLine(stdout) || firstLine(stderr);
  return { ...observed, reason: 'custom', output: `exit code ${code}${said === '' ? '' : `: ${said}`}` };
}

function firstLine(output: Buffer): string {
  return /\S.*/.exec(output.toString())?.[0].trimEnd() ?? '';
}
