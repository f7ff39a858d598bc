import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { needProgram } from './server-process.js';

const NEW_KEY = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'];

/** A self-signed certificate for `localhost`. */
export interface Certificate {
  /** Paths of PEM files. */
  readonly cert: string;
  readonly key: string;
  /** Deletes the files. */
  remove(): void;
}

/** Creates a certificate that is valid for two days. */
export function makeCertificate(): Certificate {
  const openssl = needProgram('openssl', 'openssl');
  const folder = mkdtempSync(join(tmpdir(), 'pongcheck-tls-'));
  const [key, cert] = [join(folder, 'key.pem'), join(folder, 'cert.pem')];
  const subject = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost'];
  const kind = ['req', '-x509', ...NEW_KEY, '-days', '2'];
  execFileSync(openssl, [...kind, ...subject, '-keyout', key, '-out', cert], { stdio: 'ignore' });
  return { key, cert, remove: () => rmSync(folder, { recursive: true }) };
}

/** A CA whose certificates are valid only for clients that trust it. */
export class Authority {
  readonly #folder = mkdtempSync(join(tmpdir(), 'pongcheck-ca-'));
  readonly #openssl = needProgram('openssl', 'openssl');
  #issued = 0;
  /** Path of the PEM file with the CA's own certificate. */
  readonly ca = this.path('ca.pem');

  /** @param expired whether the CA's own certificate expired yesterday. */
  constructor({ expired = false } = {}) {
    this.#run(
      'req',
      '-x509',
      ...NEW_KEY,
      '-days',
      '2',
      '-subj',
      '/CN=ca',
      '-keyout',
      this.path('ca.key'),
      '-out',
      this.ca,
    );
    if (expired) this.#run('x509', '-in', this.ca, '-signkey', this.path('ca.key'), '-days', '-1', '-out', this.ca);
  }

  /** Issues a certificate for `localhost` and 127.0.0.1 that is valid for `days`, or that expired yesterday. */
  issue({ name = 'localhost', expired = false, days = 2 } = {}): { cert: string; key: string } {
    const [cert, key, request, extensions] = ['pem', 'key', 'csr', 'ext'].map((end) =>
      this.path(`${this.#issued}.${end}`),
    ) as [string, string, string, string];
    this.#issued++;
    writeFileSync(extensions, `subjectAltName=DNS:${name},IP:127.0.0.1`);
    this.#run('req', ...NEW_KEY, '-subj', `/CN=${name}`, '-keyout', key, '-out', request);
    const signer = ['-CA', this.ca, '-CAkey', this.path('ca.key'), '-CAcreateserial'];
    const validity = ['-days', String(expired ? -1 : days)];
    this.#run('x509', '-req', '-in', request, ...signer, ...validity, '-extfile', extensions, '-out', cert);
    return { cert, key };
  }

  path(name: string): string {
    return join(this.#folder, name);
  }

  /** Deletes all files of the CA. */
  remove(): void {
    rmSync(this.#folder, { recursive: true });
  }

  #run(...args: string[]): void {
    execFileSync(this.#openssl, args, { stdio: 'ignore' });
  }
}
