import { isDeepStrictEqual } from 'node:util';
import type { Log } from '../common/log.js';
import { formatAddress, parseAddress } from '../net/address.js';
import { LiveCertificate } from './certificates/live-certificate.js';
import { keepAliveOf, type Listen, type ListenerSettings, type Listening, proxiesOf } from './listener.js';
import type { ServerSettings } from './settings.js';
import { hasBun } from './sockets/bun-socket.js';

/** Listener settings that need a restart. On Bun, `proxyProtocol` needs another kind of listener. */
const fixed: readonly (keyof ListenerSettings)[] = hasBun ? ['mode', 'tls', 'proxyProtocol'] : ['mode', 'tls'];
const others = ['idleTimeout', 'keepAlive', 'requireToken', 'proxyProtocol'] as const;
/** Listener settings that a reload can change. */
const changeable = others.filter((key) => !fixed.includes(key));

/** The members of an open listener that planning a reload uses. */
type Planned = Pick<Listening, 'address' | 'settings' | 'setKeepAlive'>;
type ListenerChange = Pick<Listening, 'settings' | 'proxies' | 'setKeepAlive'>;

/** The changes that a reload makes. */
export interface ServerPlan {
  readonly settings: ServerSettings;
  readonly listeners: ReadonlyMap<Planned, ListenerChange>;
  /** Paths of the options that change, and of those that need a restart. */
  readonly changed: readonly string[];
  readonly needsRestart: readonly string[];
}

/**
 * Determines which of these settings can be applied without a restart. Changes nothing.
 * @throws PongcheckError like `Server.listen`.
 */
export async function planReload(
  current: readonly Planned[],
  settings: ServerSettings,
  listen: readonly Listen[],
  log: Log,
): Promise<ServerPlan> {
  const open = new Set(current);
  const listeners = new Map<Planned, ListenerChange>();
  const changed: string[] = [];
  const needsRestart: string[] = [];
  for (const [index, { url, ...own }] of listen.entries()) {
    const address = parseAddress(url);
    const where = formatAddress(address);
    const listening = [...open].find((one) => one.address === where);
    if (own.tls && !isDeepStrictEqual(own.tls, listening?.settings.tls))
      await LiveCertificate.open(own.tls, `${where}: `);
    if (!listening) {
      needsRestart.push(`listen[${index}].url`);
      continue;
    }
    open.delete(listening);
    const isOther = (key: keyof ListenerSettings) => !isDeepStrictEqual(own[key], listening.settings[key]);
    changed.push(...changeable.filter(isOther).map((key) => `listen[${index}].${key}`));
    needsRestart.push(...fixed.filter(isOther).map((key) => `listen[${index}].${key}`));
    const setKeepAlive = isOther('keepAlive') ? await keepAliveOf(own, log) : listening.setKeepAlive;
    const kept = Object.fromEntries(fixed.map((key) => [key, listening.settings[key]]));
    const next = { ...own, ...kept };
    listeners.set(listening, { settings: next, proxies: proxiesOf(next), setKeepAlive });
  }
  if (open.size > 0 && needsRestart.every((path) => !path.endsWith('.url'))) needsRestart.push('listen');
  return { settings, listeners, changed, needsRestart };
}
