import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { needProgram } from './server-process.js';

/** A certificate for `localhost` that nobody but itself has signed. */
export interface Certificate {
  /** Paths of PEM files. */
  readonly cert: string;
  readonly key: string;
  /** Deletes the files. */
  remove(): void;
}

/** Makes one that is valid for two days. */
export function makeCertificate(): Certificate {
  const openssl = needProgram('openssl', 'openssl');
  const folder = mkdtempSync(join(tmpdir(), 'pongcheck-tls-'));
  const [key, cert] = [join(folder, 'key.pem'), join(folder, 'cert.pem')];
  const subject = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost'];
  const kind = ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2'];
  execFileSync(openssl, [...kind, ...subject, '-keyout', key, '-out', cert], { stdio: 'ignore' });
  return { key, cert, remove: () => rmSync(folder, { recursive: true }) };
}
