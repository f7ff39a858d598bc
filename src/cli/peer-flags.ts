import { readFileSync } from 'node:fs';
import { TOKEN_VARIABLE } from '../config/options.js';
import { type Flag, type FlagValues, UsageError } from './command.js';

/** A token takes far less; whatever is longer is another file. */
const MAX_OCTETS = 4096;

/** How a command shows who asks. A token is no flag itself: everyone on the machine can read command lines. */
export const peerFlags: readonly Flag[] = [
  {
    long: 'token-file',
    value: 'FILE',
    sentence: `The file with the token that is shown to the responder. Default: the token in ${TOKEN_VARIABLE}, or none.`,
  },
];

/** What the flags and the environment say of it, for the client. */
export function peerOptions(flags: FlagValues): { token?: string } {
  const file = flags['token-file'] as string | undefined;
  const token = file === undefined ? process.env[TOKEN_VARIABLE] : readToken(file);
  return token ? { token } : {};
}

function readToken(file: string): string {
  try {
    const text = readFileSync(file, 'utf8');
    if (text.length > MAX_OCTETS) throw new UsageError(`--token-file ${file} is too long for a token`);
    const token = text.trim();
    if (token === '') throw new UsageError(`--token-file ${file} is empty`);
    return token;
  } catch (error) {
    if (error instanceof UsageError) throw error;
    throw new UsageError(`--token-file ${file} cannot be read (${(error as NodeJS.ErrnoException).code})`);
  }
}
