import { readTls } from '../checks/shared/tls.js';
import type { FleetSettings, PeerSettings } from '../options/settings.js';
import type { PeerIdentity } from '../peers/connection.js';

/** The settings of a section with its credentials, read for each connection because files are replaced. */
export function withIdentity<T extends PeerSettings | FleetSettings>(
  section: 'peers' | 'fleet',
  settings: T,
): T & { readonly identity: () => PeerIdentity } {
  const { token, tls } = settings;
  const identity = () => ({ ...(token !== undefined && { token }), ...(tls && { tls: readTls(section, tls) }) });
  return { ...settings, identity };
}
