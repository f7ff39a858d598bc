import type { TlsOptions } from '../checks/tls.js';
import type { HttpLimits } from '../http/server.js';
import type { FleetOptions } from '../probe/fleet.js';
import type { ProbeModule } from '../probe/module.js';
import type { ListenerSettings } from '../server/server.js';
import type { ServerSettings } from '../server/settings.js';
import type { TlsSettings } from '../server/tls-files.js';
import type { Path } from './problems.js';

/** What was read, and how to tell where. */
export interface Configuration {
  readonly settings: Settings;
  /** What is ignored, a sentence each. */
  readonly warnings: readonly string[];
  /** How a problem names a place: the file and the line, where it stands in a file, and the path. */
  placeOf(path: Path): string;
}

/** What holds, with every default filled in. Times in milliseconds, sizes in octets. */
export interface Settings extends ServerSettings {
  readonly listen: readonly ({ readonly url: string } & Readonly<ListenerSettings>)[];
  readonly http: ({ readonly host: string; readonly port: number; readonly tls?: TlsSettings } & HttpLimits) | false;
  readonly ping: ServerSettings['ping'] & { staleLimit: number };
  readonly startup?: { readonly grace?: number };
  readonly drain: { readonly grace: number; readonly delay: number };
  readonly serviceId?: string;
  readonly releaseId?: string;
  readonly log: { readonly level: string; readonly pretty?: boolean };
  readonly probe?: Omit<FleetOptions, 'modules'> & { readonly modules?: Readonly<Record<string, ProbeModuleSettings>> };
  /** By name, what was said of each check; the defaults of a check are its own business. */
  readonly checks: Readonly<Record<string, CheckOptions>>;
}

/** A module as it is said: its files are not read yet. */
export type ProbeModuleSettings = Omit<ProbeModule, 'tls'> & { readonly tls?: TlsOptions };

export type CheckOptions = Readonly<Record<string, unknown>> & { readonly kind: string };
