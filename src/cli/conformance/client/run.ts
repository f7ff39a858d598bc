import { availableParallelism } from 'node:os';
import { type FlagValues, UsageError } from '../../parser.js';
import type { Outcome } from '../play.js';
import { report, requireWritable } from '../run.js';
import { playClient } from './play.js';
import { type ClientDialogue, readDialogues } from './vector.js';

/**
 * Each dialogue starts a process. With too many processes, the player itself is late, and clients reach the timeouts of
 * their PINGs.
 */
const CONCURRENT_DIALOGUES = 2 * availableParallelism();

/** Tests a client that is controlled through the command in the `client` flag. */
export async function conformanceOfClient(flags: FlagValues, address?: string): Promise<number> {
  const command = flags.client as string;
  if (!command.includes('{address}'))
    throw new UsageError(`--client is ${JSON.stringify(command)}; allowed: a command with {address}`);
  const others = ['start', 'with', 'token', 'slack']
    .filter((flag) => flags[flag] !== undefined)
    .map((flag) => `--${flag}`);
  const [other] = address === undefined ? others : ['an address'];
  if (other !== undefined) throw new UsageError(`${other} and --client are mutually exclusive`);
  const only = flags.rule as string[] | undefined;
  const dialogues = readDialogues().filter(({ rules }) => !only || rules.some((rule) => only.includes(rule)));
  if (dialogues.length === 0)
    throw new UsageError(`--rule is ${only?.join(', ')}; allowed: a rule that has a dialogue`);
  if (typeof flags.junit === 'string') await requireWritable(flags.junit);
  const outcomes = await playAll(dialogues, command);
  return report(flags, outcomes);
}

/**
 * Plays the dialogues, several at the same time. Returns the outcomes in the order of the dialogues.
 *
 * @param stepTimeout as in `playClient`
 */
export async function playAll(
  dialogues: readonly ClientDialogue[],
  command: string,
  stepTimeout?: number,
): Promise<Outcome[]> {
  const outcomes: Outcome[] = [];
  const left = [...dialogues.entries()];
  const work = async () => {
    for (let next = left.shift(); next; next = left.shift()) {
      const [index, dialogue] = next;
      outcomes[index] = await playClient(dialogue, command, stepTimeout);
    }
  };
  await Promise.all(Array.from({ length: CONCURRENT_DIALOGUES }, work));
  return outcomes;
}
