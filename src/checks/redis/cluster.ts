import type { CheckResult } from '../../health/check.js';
import { redisFailure } from './failure.js';
import type { Command, Reply } from './session.js';

const SLOTS = 16_384;
/** Limits for the slot ranges read and the tags tried, because a node may send anything. */
const MAX_RANGES = 64;
const MAX_TAGS = SLOTS;

/** A result other than pass. */
export type NonPassResult = Required<Pick<CheckResult, 'status' | 'reason' | 'output'>>;

/** Sends commands in one write. Resolves with the reply to each command. */
export type Exchange = (commands: readonly Command[]) => Promise<readonly Reply[]>;

/** Returns the cluster state of a node if it is not ok. */
export async function evaluateCluster(exchange: Exchange): Promise<NonPassResult | undefined> {
  const [[error, answer] = [null]] = await exchange([['CLUSTER', 'INFO']]);
  if (error) {
    const { reason, message } = redisFailure(error);
    return { status: 'warn', reason, output: `the state of the cluster could not be read: ${message}` };
  }
  const info = String(answer);
  const [, state] = /^cluster_state:(\w+)/m.exec(info) ?? [];
  if (state === undefined || state === 'ok') return undefined;
  const [, served = '?'] = /^cluster_slots_ok:(\d+)/m.exec(info) ?? [];
  const output = `cluster_state is ${state}; ${served} of ${SLOTS} slots are served`;
  return { status: 'fail', reason: 'cluster-down', output };
}

/**
 * Writes `{TAG}KEY`, a key that this node serves, instead of `key`. Resolves with the error, or with null if the key
 * was written or this node serves no slot.
 */
export async function writeHere(
  exchange: Exchange,
  write: (key: string) => Command,
  key: string,
): Promise<Error | null> {
  const [[, nodes] = [null]] = await exchange([['CLUSTER', 'NODES']]);
  const tag = tagOf(slotsOfMyself(String(nodes)));
  if (tag === undefined) return null;
  const [[error] = [null]] = await exchange([write(`{${tag}}${key}`)]);
  return error;
}

type Range = readonly [first: number, last: number];

/** `id host:port flags primary ping pong epoch link slot first-last [slot->-id]`, one line per node. */
function slotsOfMyself(nodes: string): readonly Range[] {
  const [mine = ''] = /^\S+ \S+ \S*\bmyself\b.*$/m.exec(nodes) ?? [];
  const slots = mine.split(' ', 8 + MAX_RANGES).slice(8);
  return slots
    .filter((slot) => /^\d+(-\d+)?$/.test(slot))
    .map((slot) => {
      const [first = 0, last = first] = slot.split('-').map(Number);
      return [first, last];
    });
}

/** A number whose slot is in one of the ranges; undefined if there are no ranges. */
function tagOf(ranges: readonly Range[]): string | undefined {
  for (let number = 0; ranges.length > 0 && number < MAX_TAGS; number++) {
    const slot = slotOf(String(number));
    if (ranges.some(([first, last]) => slot >= first && slot <= last)) return String(number);
  }
  return undefined;
}

/** CRC16 (XMODEM), as in the Redis Cluster specification. */
export function slotOf(text: string): number {
  let crc = 0;
  for (const byte of Buffer.from(text)) {
    crc ^= byte << 8;
    for (let bit = 0; bit < 8; bit++) crc = crc & 0x8000 ? (crc << 1) ^ 0x1021 : crc << 1;
  }
  return (crc & 0xffff) % SLOTS;
}
