import type { RedisOptions } from 'ioredis';
import { CheckFailure, reasonOf } from '../../health/reason.js';
import { redisFailure } from './failure.js';
import type { Command, Reply } from './session.js';

const DEFAULT_PORT = 26_379;

/** Sends one command on a separate connection. Rejects with the signal's reason when the signal fires. */
type AskOnce = (login: RedisOptions, command: Command, signal: AbortSignal) => Promise<Reply>;

interface Address {
  readonly host: string;
  readonly port: number;
}

/**
 * Returns the login with the address from the first Sentinel to answer: the address of the primary or, for the role
 * `slave`, of the first replica that is up, sorted by address. All Sentinels are queried in parallel.
 *
 * Rejects with the reason of `signal`, or with a CheckFailure that has the reason of the first Sentinel's failure and
 * lists the failure of each.
 */
export async function locate(login: RedisOptions, askOnce: AskOnce, signal: AbortSignal): Promise<RedisOptions> {
  const { sentinels = [], name = '', role = 'master', natMap, tls, enableTLSForSentinelMode, ...rest } = login;
  const { sentinelUsername, sentinelPassword, sentinelTLS, ...server } = rest;
  const credentials = {
    ...(sentinelUsername && { username: sentinelUsername }),
    ...(sentinelPassword && { password: sentinelPassword }),
    ...(sentinelTLS && { tls: sentinelTLS }),
  };
  const finished = new AbortController();
  // The first answer ends the other queries.
  const end = () => finished.abort(signal.reason);
  signal.addEventListener('abort', end, { once: true });
  const asks = sentinels.map(async ({ host = 'localhost', port = DEFAULT_PORT, family }) => {
    const sentinel = { host, port, ...credentials, ...(family !== undefined && { family }) };
    try {
      return await ask(name, role, (command) => askOnce(sentinel, command, finished.signal));
    } catch (error) {
      const { reason, message } = redisFailure(error);
      throw new CheckFailure(reason, `${host}:${port}: ${message}`);
    }
  });
  try {
    const { host, port } = await Promise.any(asks);
    const mapped = typeof natMap === 'function' ? natMap(`${host}:${port}`) : natMap?.[`${host}:${port}`];
    return { ...server, host, port, ...mapped, ...(tls && enableTLSForSentinelMode && { tls }) };
  } catch (error) {
    const { errors } = error as AggregateError;
    const causes = errors.map(({ message }: Error) => message).join('; ');
    throw new CheckFailure(
      reasonOf(error),
      `no Sentinel knows ${role === 'slave' ? 'a replica' : 'the primary'} of ${name}: ${causes}`,
    );
  } finally {
    signal.removeEventListener('abort', end);
    finished.abort(new CheckFailure('timeout', 'another Sentinel has answered'));
  }
}

async function ask(
  name: string,
  role: 'master' | 'slave',
  send: (command: Command) => Promise<Reply>,
): Promise<Address> {
  const subcommand = role === 'slave' ? 'REPLICAS' : 'GET-MASTER-ADDR-BY-NAME';
  const [error, answer] = await send(['SENTINEL', subcommand, name]);
  if (error && !/no such master/i.test(error.message)) throw error;
  if (error || answer === null) throw new CheckFailure('dns', 'it does not monitor this name');
  if (!Array.isArray(answer)) throw new CheckFailure('protocol', 'its answer is not an address');
  return role === 'slave' ? replicaIn(answer) : address(answer[0], answer[1]);
}

/** Each list contains the names and values of one replica. */
function replicaIn(answer: readonly unknown[]): Address {
  const replicas = answer
    .filter(Array.isArray)
    .map((list: unknown[]) => (name: string) => list[list.indexOf(name) + 1]);
  const up = replicas.filter((replica) => !/down|disconnected/.test(String(replica('flags'))));
  const [first] = up.map((replica) => `${replica('ip')} ${replica('port')}`).sort();
  if (first === undefined) throw new CheckFailure('role', 'no replica is up');
  const [host, port] = first.split(' ');
  return address(host, port);
}

function address(host: unknown, port: unknown): Address {
  const number = Number(port);
  if (typeof host !== 'string' || !/^[^\s/]{1,255}$/.test(host) || !(number > 0 && number < 65_536)) {
    throw new CheckFailure('protocol', 'its answer is not an address');
  }
  return { host, port: number };
}
