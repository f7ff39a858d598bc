import { readFileSync } from 'node:fs';
import type { ClientTls } from '../client/tls.js';
import { TOKEN_VARIABLE } from '../options/variable-names.js';
import { type Flag, type FlagValues, UsageError } from './parser.js';

/** A token takes far less; whatever is longer is another file. */
const MAX_BYTES = 4096;

/** How a command shows who asks. A token is no flag itself: everyone on the machine can read command lines. */
export const peerFlags: readonly Flag[] = [
  {
    long: 'ca',
    value: 'FILE',
    description: 'For pongs://: a PEM file with the authorities that may have signed the certificate of the responder.',
  },
  { long: 'cert', value: 'FILE', description: 'For pongs://: a PEM file with the certificate of this client.' },
  { long: 'key', value: 'FILE', description: 'For pongs://: a PEM file with the key of that certificate.' },
  {
    long: 'servername',
    value: 'NAME',
    description: 'For pongs://: the name that the certificate must have. Default: the host of the address.',
  },
  { long: 'insecure', description: 'For pongs://: takes any certificate, so that anyone could answer.' },
  {
    long: 'token-file',
    value: 'FILE',
    description: `The file with the token that is shown to the responder. Default: the token in ${TOKEN_VARIABLE}, or none.`,
  },
];

/** What the flags and the environment say of it, for the client. */
export function peerOptions(flags: FlagValues): { token?: string; tls?: ClientTls } {
  const file = textOf(flags, 'token-file');
  const token = file === undefined ? process.env[TOKEN_VARIABLE] : readToken(file);
  const tls = tlsOf(flags);
  return { ...(token && { token }), ...(tls && { tls }) };
}

function tlsOf(flags: FlagValues): ClientTls | undefined {
  const [ca, cert, key] = ['ca', 'cert', 'key'].map((name) => textOf(flags, name));
  if ((cert === undefined) !== (key === undefined)) throw new UsageError('--cert and --key are given together');
  const servername = textOf(flags, 'servername');
  const tls = {
    ...(ca !== undefined && { ca: read('ca', ca) }),
    ...(cert !== undefined && { cert: read('cert', cert) }),
    ...(key !== undefined && { key: read('key', key) }),
    ...(servername !== undefined && { servername }),
    ...(flags.insecure && { rejectUnauthorized: false }),
  };
  return Object.keys(tls).length > 0 ? tls : undefined;
}

function readToken(file: string): string {
  const text = read('token-file', file).toString();
  if (text.length > MAX_BYTES) throw new UsageError(`--token-file ${file} is too long for a token`);
  const token = text.trim();
  if (token === '') throw new UsageError(`--token-file ${file} is empty`);
  return token;
}

function read(flag: string, file: string): Buffer {
  try {
    return readFileSync(file);
  } catch (error) {
    throw new UsageError(`--${flag} ${file} cannot be read (${(error as NodeJS.ErrnoException).code})`);
  }
}

function textOf(flags: FlagValues, name: string): string | undefined {
  return flags[name] as string | undefined;
}
