import type { DetailMode } from '../link/detail.js';
import type { ServerSettings } from '../server/settings.js';

/** What holds, with every default filled in. Times in milliseconds, sizes in octets. */
export interface Settings extends ServerSettings {
  listen: { url: string }[];
  http: { host: string; port: number } | false;
  ping: ServerSettings['ping'] & { staleLimit: number };
  drain: { grace: number; delay: number };
  detail: DetailMode;
  serviceId?: string;
  releaseId?: string;
  log: { level: string; pretty?: boolean };
  /** The checks by name, each with its kind and what was said of it; nothing is filled in here. */
  checks: Readonly<Record<string, CheckOptions>>;
}

/** What the file or the environment says of one check. */
export type CheckOptions = Readonly<Record<string, unknown>> & { readonly kind: string };
