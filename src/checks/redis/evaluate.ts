import type { CheckResult } from '../../health/check.js';
import { CheckFailure } from '../../health/reason.js';
import { type Exchange, evaluateCluster, type NonPassResult, writeHere } from './cluster.js';
import { redisFailure } from './failure.js';
import type { Command, Reply } from './session.js';

/** Expiry time of the written key, in milliseconds. */
const EXPIRY_MS = '10000';
/** Message for a Sentinel, which does not support the commands of an application. */
export const IS_SENTINEL = 'a Sentinel, not a Redis data node: use redis+sentinel://HOST:PORT/NAME';

/** Requirements on a server beyond answering. */
export interface RedisExpectations {
  /** Required role. Default: `any`, or `primary` with Sentinels. */
  readonly role?: 'any' | 'primary' | 'replica';
  /**
   * Key that each run sets, with an expiry of 10 s, to detect a server that does not accept writes. A cluster node that
   * does not serve the key sets `{TAG}KEY` instead, where TAG is a number that selects one of its slots. Default: no
   * key.
   */
  readonly write?: string;
}

/** Errors that tell a client to use another cluster node or to retry later. They show that this node works. */
const redirection = /^(?:MOVED|ASK|TRYAGAIN)\b/;

/**
 * Queries a server and evaluates the replies: failures first, then warnings.
 *
 * @throws CheckFailure if the server does not answer the PING correctly.
 */
export async function evaluate(exchange: Exchange, expectations: RedisExpectations): Promise<CheckResult> {
  const { write: key } = expectations;
  const set = key === undefined ? [] : [setCommand(key)];
  // Without cluster support, `INFO cluster` succeeds; `CLUSTER INFO` would fail and increment the server's error
  // counters.
  const replies = await exchange([['PING'], ['ROLE'], ['INFO', 'cluster'], ...set]);
  const [ping = [null], role = [null], info = [null], written = [null]] = replies;
  if (ping[0]) throw redisFailure(ping[0]);
  if (ping[1] !== 'PONG') throw new CheckFailure('protocol', 'the answer to PING is not PONG');
  const isElsewhere = written[0] !== null && redirection.test(written[0].message);
  const isCluster = isElsewhere || /^cluster_enabled:1/m.test(String(info[1]));
  // Users are often denied INFO but allowed CLUSTER INFO.
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
    isOtherRole && fail('role', `the role is ${name}, not ${wanted}`),
    cluster,
    unwritten && unwritable(unwritten),
    wanted !== 'any' && name === undefined && unread(role[0] ?? new CheckFailure('protocol', 'unknown role')),
    link !== undefined &&
      link !== 'connected' &&
      warn('master-down', `the link of the replica to its primary is ${JSON.stringify(link)}`),
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

/** Without write permission, the result is only a warning, because the server may accept writes. */
function unwritable(error: Error): NonPassResult {
  const { reason, message } = redisFailure(error);
  return reason === 'auth' ? warn(reason, `the key could not be written: ${message}`) : fail(reason, message);
}

const roles = new Map(Object.entries({ master: 'primary', slave: 'replica', sentinel: 'sentinel' }));

/** The server's role, if the reply to ROLE contains it. */
export function roleIn([error, answer]: Reply): string | undefined {
  return error || !Array.isArray(answer) ? undefined : roles.get(String(answer[0]));
}

/** The role, and for a replica the state of its link to the primary. */
function roleAndLink(role: Reply): { name: string | undefined; link: string | undefined } {
  const name = roleIn(role);
  return { name, link: name === 'replica' ? String((role[1] as unknown[])[3]) : undefined };
}
