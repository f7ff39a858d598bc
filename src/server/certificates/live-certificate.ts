import { PongcheckError } from '../../common/errors.js';
import { expiryOf, readTlsFiles, type TlsContents, type TlsSettings } from './tls-files.js';

/** TLS server options for `node:tls`. */
export interface SecureOptions extends TlsContents {
  readonly minVersion: NonNullable<TlsSettings['minVersion']>;
}

/** The certificate of one TLS server. It is replaced when its files change. */
export class LiveCertificate {
  private server: { setSecureContext(options: SecureOptions): void } | undefined;

  private constructor(
    readonly settings: TlsSettings,
    private contents: TlsContents,
  ) {}

  /**
   * @param prefix text before `tls.cert` in the error message, such as `http.`
   * @throws PongcheckError `PONGCHECK_CONFIG` if the files cannot be used.
   */
  static async open(settings: TlsSettings, prefix: string): Promise<LiveCertificate> {
    try {
      return new LiveCertificate(settings, await readTlsFiles(settings));
    } catch (error) {
      throw new PongcheckError('PONGCHECK_CONFIG', `${prefix}${(error as Error).message}`, { cause: error });
    }
  }

  get options(): SecureOptions {
    return { ...this.contents, minVersion: this.settings.minVersion ?? 'TLSv1.2' };
  }

  get requestsClientCertificates(): boolean {
    return this.settings.ca !== undefined;
  }

  /** In milliseconds since 1970. */
  get expiry(): number {
    return expiryOf(this.contents.cert);
  }

  /** Sets the server that `reload` updates. It must have been created with `options`. */
  attach(server: NonNullable<LiveCertificate['server']>): void {
    this.server = server;
  }

  /**
   * Reads the files again. Resolves with whether they have changed. If they cannot be used, rejects and keeps the old
   * certificate.
   */
  async reload(): Promise<boolean> {
    const { cert, key, ca } = this.contents;
    const contents = await readTlsFiles(this.settings);
    if (contents.cert === cert && contents.key === key && contents.ca === ca) return false;
    this.contents = contents;
    this.server?.setSecureContext(this.options);
    return true;
  }
}
