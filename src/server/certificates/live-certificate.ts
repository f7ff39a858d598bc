import { PongcheckError } from '../../common/errors.js';
import { expiryOf, readTlsFiles, type TlsContents, type TlsSettings } from './tls-files.js';

/** Options of a TLS server, for `node:tls`. */
export interface SecureOptions extends TlsContents {
  readonly minVersion: NonNullable<TlsSettings['minVersion']>;
}

/** The certificate of one TLS server, which is replaced when its files change. */
export class LiveCertificate {
  private server: { setSecureContext(options: SecureOptions): void } | undefined;

  private constructor(
    readonly settings: TlsSettings,
    private contents: TlsContents,
  ) {}

  /**
   * @param where prefix of the error message
   * @throws PongcheckError `PONGCHECK_CONFIG` if the files are not usable.
   */
  static async open(settings: TlsSettings, where: string): Promise<LiveCertificate> {
    try {
      return new LiveCertificate(settings, await readTlsFiles(settings));
    } catch (error) {
      throw new PongcheckError('PONGCHECK_CONFIG', `${where}: ${(error as Error).message}`, { cause: error });
    }
  }

  get options(): SecureOptions {
    return { ...this.contents, minVersion: this.settings.minVersion ?? 'TLSv1.2' };
  }

  get requestsClientCertificates(): boolean {
    return this.settings.ca !== undefined;
  }

  /** Milliseconds since 1970. */
  get expiry(): number {
    return expiryOf(this.contents.cert);
  }

  /** Sets the server, created with `options`, that `reload` updates. */
  attach(server: NonNullable<LiveCertificate['server']>): void {
    this.server = server;
  }

  /** Re-reads the files; resolves with whether they have changed. Rejects, and the old certificate stays, if they are not usable. */
  async reload(): Promise<boolean> {
    const { cert, key, ca } = this.contents;
    const contents = await readTlsFiles(this.settings);
    if (contents.cert === cert && contents.key === key && contents.ca === ca) return false;
    this.contents = contents;
    this.server?.setSecureContext(this.options);
    return true;
  }
}
