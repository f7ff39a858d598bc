import { readFileSync } from 'node:fs';
import type { ClientTls } from '../client/tls.js';
import { TOKEN_VARIABLE } from '../options/variable-names.js';
import { type Flag, type FlagValues, UsageError } from './parser.js';

/** Far more than a token needs. A larger file is not a token file. */
const MAX_TOKEN_BYTES = 4096;

/**
 * Flags for TLS and authentication. There is no flag for the token itself, because command lines are visible to all
 * users.
 */
export const peerFlags: readonly Flag[] = [
  {
    long: 'ca',
    value: 'FILE',
    description: 'pongs:// only: PEM file with the trusted CA certificates. Default: the Node.js root CAs.',
  },
  { long: 'cert', value: 'FILE', description: 'pongs:// only: PEM file with the client certificate.' },
  {
    long: 'key',
    value: 'FILE',
    description: 'pongs:// only: PEM file with the private key for the client certificate.',
  },
  {
    long: 'servername',
    value: 'NAME',
    description: 'pongs:// only: expected host name in the server certificate. Default: the host in the address.',
  },
  { long: 'insecure', description: 'pongs:// only: accepts any server certificate. Not secure.' },
  {
    long: 'token-file',
    value: 'FILE',
    description: `File with the token for the responder. Default: the value of ${TOKEN_VARIABLE}, or no token.`,
  },
];

/** Converts these flags and the environment to client options. */
export function peerOptions(flags: FlagValues): { token?: string; tls?: ClientTls } {
  const file = textOf(flags, 'token-file');
  const token = file === undefined ? process.env[TOKEN_VARIABLE] : readToken(file);
  const tls = tlsOf(flags);
  return { ...(token && { token }), ...(tls && { tls }) };
}

function tlsOf(flags: FlagValues): ClientTls | undefined {
  const [ca, cert, key] = ['ca', 'cert', 'key'].map((name) => textOf(flags, name));
  if ((cert === undefined) !== (key === undefined)) throw new UsageError('--cert and --key must be given together');
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
  if (text.length > MAX_TOKEN_BYTES) throw new UsageError(`--token-file ${file} is too long for a token`);
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
