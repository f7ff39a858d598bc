import { X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { PongcheckError } from '../../common/errors.js';
import type { TlsVersion } from '../../net/tls.js';

/** The certificate of a listener, and whose clients it lets in. */
export interface TlsSettings {
  /** Path of a PEM file: the certificate, with those of the authorities between it and the root behind it. */
  cert: string;
  /** Path of a PEM file: its key, without a passphrase. */
  key: string;
  /** Path of a PEM file: the authorities of clients. With it, who shows no certificate of theirs is not answered. Default: none. */
  ca?: string;
  /** The least version that is spoken. Default `TLSv1.2`. */
  minVersion?: TlsVersion;
}

/** What stands in the files. */
export interface TlsContents {
  readonly cert: string;
  readonly key: string;
  readonly ca?: string;
}

/** No certificate with its chain takes as much. */
const MAX_BYTES = 1024 * 1024;

const descriptions: Readonly<Record<string, string>> = {
  ERR_OSSL_X509_KEY_VALUES_MISMATCH: 'tls.key is not the key of tls.cert',
  ERR_OSSL_PEM_NO_START_LINE: 'tls.cert or tls.key holds no PEM',
  ERR_OSSL_UNSUPPORTED: 'tls.key holds no key in PEM',
  ERR_OSSL_BAD_DECRYPT: 'tls.key has a passphrase, which nobody could give here',
  ERR_MISSING_PASSPHRASE: 'tls.key has a passphrase, which nobody could give here',
};

/** Reads the files, and proves that a server can be made of them. Throws PONGCHECK_CONFIG, which shows nothing that stands in them. */
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
    throw refusal(descriptions[code] ?? `tls.cert and tls.key are not usable (${code})`, error);
  }
  return contents;
}

/** When the first of the certificates in a PEM file runs out, in milliseconds since 1970. */
export function expiryOf(cert: string): number {
  return Date.parse(new X509Certificate(cert).validTo);
}

async function read(name: string, path: string): Promise<string> {
  try {
    const text = await readFile(path, 'latin1');
    if (text.length <= MAX_BYTES) return text;
  } catch (error) {
    throw refusal(`tls.${name} ${path} cannot be read (${(error as NodeJS.ErrnoException).code})`, error);
  }
  throw refusal(`tls.${name} ${path} is larger than ${MAX_BYTES / 1024} KiB`);
}

/** OpenSSL takes any text for authorities, and finds none in it: then no client would ever be let in. */
function validateAuthorities(pem: string, path: string): void {
  try {
    new X509Certificate(pem);
  } catch (error) {
    throw refusal(`tls.ca ${path} holds no certificate in PEM`, error);
  }
}

function refusal(description: string, cause?: unknown): PongcheckError {
  return new PongcheckError('PONGCHECK_CONFIG', description, { cause });
}
