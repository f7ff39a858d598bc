import { X509Certificate } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { PongcheckError } from '../../common/errors.js';
import type { TlsVersion } from '../../net/tls.js';

/** TLS settings of a listener. */
export interface TlsSettings {
  /** Path of a PEM file with the certificate, followed by the intermediate certificates. */
  cert: string;
  /** Path of a PEM file with the private key, without a passphrase. */
  key: string;
  /**
   * Path of a PEM file with the CAs of client certificates. Clients without a certificate from these CAs are rejected
   * (ERROR 6).
   * @default none: client certificates are not requested
   */
  ca?: string;
  /**
   * Minimum TLS version.
   * @default 'TLSv1.2'
   */
  minVersion?: TlsVersion;
}

/** Contents of the files. */
export interface TlsContents {
  readonly cert: string;
  readonly key: string;
  readonly ca?: string;
}

/** Maximum file size in bytes, far above the size of a certificate chain. */
const MAX_BYTES = 1024 * 1024;

const descriptions: Readonly<Record<string, string>> = {
  ERR_OSSL_X509_KEY_VALUES_MISMATCH: 'tls.key does not match tls.cert',
  ERR_OSSL_PEM_NO_START_LINE: 'tls.cert or tls.key is not PEM',
  ERR_OSSL_UNSUPPORTED: 'tls.key contains no private key in PEM',
  ERR_OSSL_BAD_DECRYPT: 'tls.key has a passphrase; use a key without one',
  ERR_MISSING_PASSPHRASE: 'tls.key has a passphrase; use a key without one',
};

/**
 * Reads the files and verifies that they can be used.
 * @throws PongcheckError `PONGCHECK_CONFIG` if they cannot. The message contains no contents of the files.
 */
export async function readTlsFiles({ cert, key, ca }: TlsSettings): Promise<TlsContents> {
  const { createSecureContext } = await import('node:tls');
  const contents: TlsContents = {
    cert: await read('cert', cert),
    key: await read('key', key),
    ...(ca !== undefined && { ca: await read('ca', ca) }),
  };
  if (contents.ca !== undefined) validateAuthorities(contents.ca, ca as string);
  try {
    createSecureContext(contents);
  } catch (error) {
    const { code = 'no code' } = error as NodeJS.ErrnoException;
    throw configError(descriptions[code] ?? `tls.cert and tls.key are not usable (${code})`, error);
  }
  return contents;
}

/** Expiry of the first certificate in a PEM text, in milliseconds since 1970. */
export function expiryOf(cert: string): number {
  return Date.parse(new X509Certificate(cert).validTo);
}

async function read(name: string, path: string): Promise<string> {
  try {
    let text = '';
    for await (const part of createReadStream(path, { encoding: 'latin1', end: MAX_BYTES })) text += part;
    if (text.length <= MAX_BYTES) return text;
  } catch (error) {
    throw configError(`tls.${name} ${path} cannot be read (${(error as NodeJS.ErrnoException).code})`, error);
  }
  throw configError(`tls.${name} ${path} is larger than ${MAX_BYTES / 1024} KiB`);
}

/** OpenSSL accepts a CA file without any certificate. Every client would then be rejected. */
function validateAuthorities(pem: string, path: string): void {
  try {
    new X509Certificate(pem);
  } catch (error) {
    throw configError(`tls.ca ${path} contains no certificate in PEM`, error);
  }
}

function configError(description: string, cause?: unknown): PongcheckError {
  return new PongcheckError('PONGCHECK_CONFIG', description, { cause });
}
