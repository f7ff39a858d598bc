import { readFileSync } from 'node:fs';
import { missingOf } from '../../net/tls.js';
import { InvalidOption } from '../../options/issue.js';
import { invalidOption } from '../parse-options.js';

/** TLS settings of a client. */
export interface TlsOptions {
  /** PEM file with the trusted CAs. Default: the CAs that Node.js trusts. */
  ca?: string;
  /** PEM file with the client certificate. Default: none. */
  cert?: string;
  /** PEM file with the private key of the client certificate. */
  key?: string;
  /** Host name that the certificate must match. Default: the host in the URL. */
  servername?: string;
  /**
   * Whether to verify the certificate. If false, any certificate is accepted.
   * @default true
   */
  verify?: boolean;
}

/** TLS settings with the contents of the files. */
export interface TlsMaterial {
  readonly ca?: Buffer;
  readonly cert?: Buffer;
  readonly key?: Buffer;
  readonly servername?: string;
  readonly rejectUnauthorized: boolean;
}

/**
 * Reads the files.
 *
 * @throws PongcheckError `PONGCHECK_CONFIG` if a file cannot be read, or if only one of certificate and key is given.
 */
export function readTls(kind: string, { ca, cert, key, servername, verify = true }: TlsOptions): TlsMaterial {
  const read = (name: string, path: string) => {
    try {
      return readFileSync(path);
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      throw invalidOption(kind, ['tls', name], `a file that cannot be read (${code})`, 'the path of a PEM file');
    }
  };
  const missing = missingOf({ cert, key });
  if (missing) throw invalidOption(kind, ['tls', missing], 'missing', 'cert and key together');
  return {
    ...(ca !== undefined && { ca: read('ca', ca) }),
    ...(cert !== undefined && { cert: read('cert', cert) }),
    ...(key !== undefined && { key: read('key', key) }),
    ...(servername !== undefined && { servername }),
    rejectUnauthorized: verify,
  };
}

/**
 * Reports unreadable files in a section of the options, such as `peers`.
 *
 * @throws InvalidOption with a path in that section, such as `tls.ca`.
 */
export function validateTls(section: string, tls: TlsOptions): void {
  try {
    readTls(section, tls);
  } catch (error) {
    if (!(error instanceof InvalidOption)) throw error;
    throw new InvalidOption(`${section}.`, error.path, error.found, error.allowed);
  }
}
