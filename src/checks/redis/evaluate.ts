import type { CheckResult } from '../../health/check.js';
import { CheckFailure } from '../../health/reason.js';
import { type Exchange, evaluateCluster, type NonPassResult, writeHere } from './cluster.js';
import { redisFailure } from './failure.js';
import type { Command, Reply } from './session.js';

/** How long the key of a write stays, in milliseconds. */
const EXPIRY_MS = '10000';
/** No command of an application works there. */
export const IS_SENTINEL = 'a Sentinel, not a Redis that keeps data: use redis+sentinel://HOST:PORT/NAME';

/** What is asked of a server besides an answer. */
export interface RedisExpectations {
  /** `primary`, `replica`: it must be one. Default `any`; through Sentinels `primary`. */
  readonly role?: 'any' | 'primary' | 'replica';
  /**
   * A key that every run sets, with an expiry of 10 s, so that a server is found out that takes no writes. A node of a
   * cluster that does not serve the key sets `{TAG}KEY`, with a number as the tag that leads to a slot of its own.
   * Default: none is.
   */
  readonly write?: string;
}

/** The errors that lead to another node of a cluster, or to another moment: this one is well. */
const redirection = /^(?:MOVED|ASK|TRYAGAIN)\b/;

/**
 * Asks a server what a run wants to know, and evaluates the replies: what fails first, then what is to be warned of.
 * Throws a CheckFailure where the server does not answer the PING well.
 */
export async function evaluate(exchange: Exchange, expectations: RedisExpectations): Promise<CheckResult> {
  const { write: key } = expectations;
  const set = key === undefined ? [] : [setCommand(key)];
  // A section of INFO says without an error that there is no cluster; one of CLUSTER INFO would be counted by the server.
  const replies = await exchange([['PING'], ['ROLE'], ['INFO', 'cluster'], ...set]);
  const [ping = [null], role = [null], info = [null], written = [null]] = replies;
  if (ping[0]) throw redisFailure(ping[0]);
  if (ping[1] !== 'PONG') throw new CheckFailure('protocol', 'the answer to PING is not PONG');
  const isElsewhere = written[0] !== null && redirection.test(written[0].message);
  const isCluster = isElsewhere || /^cluster_enabled:1/m.test(String(info[1]));
  // INFO is among the commands that users are often denied, and CLUSTER INFO is not.
  const state = isCluster || info[0] ? await evaluateCluster(exchange) : undefined;
  const cluster = isCluster || state?.status === 'fail' ? state : undefined;
  const isTriedHere = isElsewhere && key !== undefined && cluster?.status !== 'fail';
  const unwritten = isTriedHere ? await writeHere(exchange, setCommand, key) : written[0];
  return evaluateReplies(
    role,
    cluster,
    unwritten && redirection.test(unwritten.message) ? null : unwritten,
    expectations,
  );
}

function setCommand(key: string): Command {
  return ['SET', key, 'pongcheck', 'PX', EXPIRY_MS];
}

function evaluateReplies(
  role: Reply,
  cluster: NonPassResult | undefined,
  unwritten: Error | null,
  expectations: RedisExpectations,
): CheckResult {
  const { name, link } = roleAndLink(role);
  const { role: wanted = 'any' } = expectations;
  const isOtherRole = wanted !== 'any' && name !== undefined && name !== wanted;
  const problems = [
    name === 'sentinel' && fail('role', IS_SENTINEL),
    isOtherRole && fail('role', `a ${name}, not ${wanted === 'primary' ? 'the primary' : 'a replica'}`),
    cluster,
    unwritten && unwritable(unwritten),
    wanted !== 'any' && name === undefined && unread(role[0] ?? new CheckFailure('protocol', 'no known one')),
    link !== undefined &&
      link !== 'connected' &&
      warn('master-down', `a replica without its primary: the link is ${JSON.stringify(link)}`),
  ].filter((problem) => typeof problem === 'object' && problem !== null);
  const worst = problems.find(({ status }) => status === 'fail') ?? problems[0] ?? { status: 'pass' as const };
  return { ...worst, ...(name !== undefined && { observedValue: name, observedUnit: 'role' }) };
}

function fail(reason: NonPassResult['reason'], output: string): NonPassResult {
  return { status: 'fail', reason, output };
}

function warn(reason: NonPassResult['reason'], output: string): NonPassResult {
  return { status: 'warn', reason, output };
}

function unread(error: Error): NonPassResult {
  const { reason, message } = redisFailure(error);
  return warn(reason, `the role could not be read: ${message}`);
}

/** Without the right to write nothing has been found out. */
function unwritable(error: Error): NonPassResult {
  const { reason, message } = redisFailure(error);
  return reason === 'auth' ? warn(reason, `not written: ${message}`) : fail(reason, message);
}

const roles: Readonly<Record<string, string>> = { master: 'primary', slave: 'replica', sentinel: 'sentinel' };

/** What the server is, where its reply to ROLE tells that. */
export function roleIn([error, answer]: Reply): string | undefined {
  return error || !Array.isArray(answer) ? undefined : roles[String(answer[0])];
}

/** The same, and how the link of a replica to its primary stands. */
function roleAndLink(role: Reply): { name: string | undefined; link: string | undefined } {
  const name = roleIn(role);
  return { name, link: name === 'replica' ? String((role[1] as unknown[])[3]) : undefined };
}
