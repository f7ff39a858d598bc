import { readFileSync } from 'node:fs';
import { invalidOption } from '../parse-options.js';

/** How the other side proves who it is, and we to it. */
export interface TlsOptions {
  /** Path of a PEM file with the authorities that may have signed the certificate. Default: those that Node trusts. */
  ca?: string;
  /** Path of a PEM file with the certificate of this client. Default: none. */
  cert?: string;
  /** Path of a PEM file with the key of that certificate. */
  key?: string;
  /** The name that the certificate must have. Default: the host of the URL. */
  servername?: string;
  /** false takes any certificate. Default true. */
  verify?: boolean;
}

/** The same, with its files read. */
export interface TlsMaterial {
  readonly ca?: Buffer;
  readonly cert?: Buffer;
  readonly key?: Buffer;
  readonly servername?: string;
  readonly rejectUnauthorized: boolean;
}

/** Reads the files. Throws PONGCHECK_CONFIG for one that cannot be read. */
export function readTls(kind: string, { ca, cert, key, servername, verify = true }: TlsOptions): TlsMaterial {
  const read = (name: string, path: string) => {
    try {
      return readFileSync(path);
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      throw invalidOption(kind, ['tls', name], `a file that cannot be read (${code})`, 'the path of a PEM file');
    }
  };
  return {
    ...(ca !== undefined && { ca: read('ca', ca) }),
    ...(cert !== undefined && { cert: read('cert', cert) }),
    ...(key !== undefined && { key: read('key', key) }),
    ...(servername !== undefined && { servername }),
    rejectUnauthorized: verify,
  };
}
