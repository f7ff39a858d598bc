import type { CheckResult } from '../health/check.js';
import { CheckFailure } from '../health/reason.js';
import { redisFailure } from './redis-failure.js';
import type { Reply } from './redis-session.js';

/** How long the key of a write stays, in milliseconds. */
const EXPIRY_MS = '10000';

/** What is asked of a server besides an answer. */
export interface RedisDemands {
  /** `primary`: it must be one. Default `any`. */
  readonly role?: 'any' | 'primary';
  /** A key that every run sets, with an expiry of 10 s, so that a server is found out that takes no writes. Default: none is. */
  readonly write?: string;
}

type Command = readonly [string, ...string[]];

/** What a run says; `judge` takes the replies in this order. */
export function commandsFor({ write }: RedisDemands): readonly Command[] {
  const set: Command[] = write === undefined ? [] : [['SET', write, 'pongcheck', 'PX', EXPIRY_MS]];
  return [['PING'], ['ROLE'], ...set];
}

/**
 * What follows from the replies: what fails first, then what is to be warned
 * of. Throws a CheckFailure where the server does not answer the PING well.
 */
export function judge(replies: readonly Reply[], demands: RedisDemands): CheckResult {
  const [ping = [null], role = [null], write = [null]] = replies;
  if (ping[0]) throw redisFailure(ping[0]);
  if (ping[1] !== 'PONG') throw new CheckFailure('protocol', 'the answer to PING is not PONG');
  const { name, link } = standing(role);
  const wanted = demands.role === 'primary';
  const troubles = [
    wanted && name !== undefined && name !== 'primary' && fail('role', `a ${name}, not the primary`),
    write[0] && unwritable(write[0]),
    wanted && name === undefined && unread(role[0] ?? new CheckFailure('protocol', 'no known one')),
    link !== undefined &&
      link !== 'connected' &&
      warn('master-down', `a replica without its primary: the link is ${JSON.stringify(link)}`),
  ].filter((trouble) => trouble !== false && trouble !== null);
  const worst = troubles.find(({ status }) => status === 'fail') ?? troubles[0] ?? { status: 'pass' as const };
  return { ...worst, ...(name !== undefined && { observedValue: name, observedUnit: 'role' }) };
}

type Trouble = Required<Pick<CheckResult, 'status' | 'reason' | 'output'>>;

function fail(reason: Trouble['reason'], output: string): Trouble {
  return { status: 'fail', reason, output };
}

function warn(reason: Trouble['reason'], output: string): Trouble {
  return { status: 'warn', reason, output };
}

function unread(error: Error): Trouble {
  const { reason, message } = redisFailure(error);
  return warn(reason, `the role could not be read: ${message}`);
}

/** Without the right to write nothing has been found out. */
function unwritable(error: Error): Trouble {
  const { reason, message } = redisFailure(error);
  return reason === 'auth' ? warn(reason, `not written: ${message}`) : fail(reason, message);
}

const roles: Readonly<Record<string, string>> = { master: 'primary', slave: 'replica', sentinel: 'sentinel' };

/** What the server is, where it tells that, and how the link of a replica to its primary stands. */
function standing([error, answer]: Reply): { name: string | undefined; link: string | undefined } {
  if (error || !Array.isArray(answer)) return { name: undefined, link: undefined };
  const name = roles[String(answer[0])];
  return { name, link: name === 'replica' ? String(answer[3]) : undefined };
}
