import { readFileSync } from 'node:fs';
import { missingOf } from '../../net/tls.js';
import { invalidOption } from '../parse-options.js';

/** TLS settings of a client. */
export interface TlsOptions {
  /** PEM file with the trusted CAs. Default: those that Node trusts. */
  ca?: string;
  /** PEM file with the client certificate. Default: none. */
  cert?: string;
  /** PEM file with the key of the client certificate. */
  key?: string;
  /** Host name that the certificate must match. Default: the host of the URL. */
  servername?: string;
  /**
   * If false, any certificate is accepted.
   * @default true
   */
  verify?: boolean;
}

/** TLS settings with the files read. */
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
 * @throws PongcheckError `PONGCHECK_CONFIG` if one cannot be read, or one of certificate and key is missing.
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
