import { PongcheckError } from '../../common/errors.js';
import { expiryOf, readTlsFiles, type TlsContents, type TlsSettings } from './tls-files.js';

/** What a server of TLS is made with, as `node:tls` wants it. */
export interface SecureOptions extends TlsContents {
  readonly minVersion: NonNullable<TlsSettings['minVersion']>;
}

/** The certificate of one server of TLS, which is replaced when its files hold another one. */
export class LiveCertificate {
  private server: { setSecureContext(options: SecureOptions): void } | undefined;

  private constructor(
    readonly settings: TlsSettings,
    private contents: TlsContents,
  ) {}

  /** Throws PONGCHECK_CONFIG where the files make no server `where` it is wanted. */
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

  /** Client certificates are asked for. */
  get asksClients(): boolean {
    return this.settings.ca !== undefined;
  }

  /** When it runs out, in milliseconds since 1970. */
  get expiry(): number {
    return expiryOf(this.contents.cert);
  }

  /** The server that was made with `options`. */
  attach(server: NonNullable<LiveCertificate['server']>): void {
    this.server = server;
  }

  /** Reads the files anew; whether they hold something else. Rejects, and the old one stays, where they make no server. */
  async reload(): Promise<boolean> {
    const { cert, key, ca } = this.contents;
    const contents = await readTlsFiles(this.settings);
    if (contents.cert === cert && contents.key === key && contents.ca === ca) return false;
    this.contents = contents;
    this.server?.setSecureContext(this.options);
    return true;
  }
}
