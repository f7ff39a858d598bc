import type { TlsOptions } from '../checks/shared/tls.js';
import type { ProbeModule } from '../exporter/module.js';
import type { Path } from '../options/issue.js';
import type { Settings } from '../options/settings.js';

/** The configuration read from a file, the environment and flags. */
export interface Configuration {
  readonly settings: FileSettings;
  /** One sentence per ignored setting. */
  readonly warnings: readonly string[];
  /** Location of an issue: file, line and path, as far as known. */
  placeOf(path: Path): string;
}

/** All options of a file, with defaults applied. Times are in milliseconds, sizes in bytes. */
export interface FileSettings extends Omit<Settings, 'probe'> {
  readonly log: { readonly level: string; readonly pretty?: boolean };
  readonly probe?: Omit<NonNullable<Settings['probe']>, 'modules'> & {
    readonly modules?: Readonly<Record<string, FileProbeModule>>;
  };
  /** Options of each check by check name, without defaults. */
  readonly checks: Readonly<Record<string, CheckOptions>>;
}

/** A probe module in a file, before its TLS files are read. */
export type FileProbeModule = Omit<ProbeModule, 'tls'> & { readonly tls?: TlsOptions };

export type CheckOptions = Readonly<Record<string, unknown>> & { readonly kind: string };
