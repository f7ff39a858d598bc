import { type PingOptions, pingRequest } from '../client/requests.js';
import { PongcheckError } from '../common/errors.js';
import { MAX_CHECKS, type Scope, scopes } from '../health/health.js';
import { type Address, parseAddress } from '../net/address.js';
import { DURATION_FORMS, formatDuration, parseDuration, unitHint } from '../options/duration.js';
import { type FlagValues, UsageError } from './parser.js';

// Flags are validated here, because `pongcheck ping` starts faster without the schema of the client's options.

export const DEFAULT_ADDRESS = 'pong://127.0.0.1:7464';
const ONE_DAY_MS = 86_400_000;

/** Reads the flags --check, --group and --scope. */
export function selectionOf({ check, group, scope }: FlagValues): Pick<PingOptions, 'checks' | 'group' | 'scope'> {
  if (check !== undefined && group !== undefined) throw new UsageError('--check and --group cannot be given together');
  const checks = check as string[] | undefined;
  if (checks && checks.length > MAX_CHECKS)
    throw new UsageError(`--check is given ${checks.length} times; allowed: at most ${MAX_CHECKS}`);
  if (group === '' || checks?.includes(''))
    throw new UsageError(`--${checks ? 'check' : 'group'} is empty; allowed: a name`);
  const selection = {
    ...(scope !== undefined && { scope: scopeOf(scope) }),
    ...(checks && { checks }),
    ...(group !== undefined && { group: group as string }),
  };
  try {
    pingRequest(selection);
    return selection;
  } catch (error) {
    throw error instanceof PongcheckError ? new UsageError(error.message.replace(/^(check|group)s? /, '--$1 ')) : error;
  }
}

export function addressOf(text: string): Address {
  try {
    return parseAddress(text);
  } catch (error) {
    throw error instanceof PongcheckError ? new UsageError(error.message) : error;
  }
}

/** Reads a flag with a duration, in milliseconds. */
export function durationOf(flags: FlagValues, name: string, { min = 0, max = ONE_DAY_MS } = {}): number | undefined {
  const text = flags[name];
  if (text === undefined) return undefined;
  const isAllowed = (value: number) => value >= min && value <= max;
  const ms = parseDuration(String(text));
  if (ms !== undefined && isAllowed(ms)) return ms;
  const hint = unitHint(String(text), isAllowed);
  throw new UsageError(
    `--${name} is ${JSON.stringify(text)}; allowed: ${DURATION_FORMS} from ${formatDuration(min)} to ${formatDuration(max)}${hint ? ` (${hint})` : ''}`,
  );
}

function scopeOf(text: unknown): Scope {
  if (scopes.includes(text as Scope)) return text as Scope;
  throw new UsageError(`--scope is ${JSON.stringify(text)}; allowed: one of ${scopes.join(', ')}`);
}
