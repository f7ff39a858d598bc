import type { TlsOptions } from '../checks/shared/tls.js';
import type { ProbeModule } from '../exporter/module.js';
import type { Path } from '../options/issue.js';
import type { Settings } from '../options/settings.js';

/** The settings that a file, the environment and the flags give together. */
export interface Configuration {
  readonly settings: FileSettings;
  /** What is ignored, one sentence each. */
  readonly warnings: readonly string[];
  /** How an issue names a place: the file and the line, where it stands in a file, and the path. */
  placeOf(path: Path): string;
}

/** The options of a file with every default filled in. Times in milliseconds, sizes in bytes. */
export interface FileSettings extends Omit<Settings, 'probe'> {
  readonly log: { readonly level: string; readonly pretty?: boolean };
  readonly probe?: Omit<NonNullable<Settings['probe']>, 'modules'> & {
    readonly modules?: Readonly<Record<string, FileProbeModule>>;
  };
  /** The options of each check by name; a check decides its own defaults. */
  readonly checks: Readonly<Record<string, CheckOptions>>;
}

/** A probe module of a file: its TLS files are not read yet. */
export type FileProbeModule = Omit<ProbeModule, 'tls'> & { readonly tls?: TlsOptions };

export type CheckOptions = Readonly<Record<string, unknown>> & { readonly kind: string };
