import type { EventEmitter } from 'node:events';
import type { Address } from '../net/address.js';
import type { LiveCertificate } from './certificates/live-certificate.js';
import type { ConnectionInfo } from './connection/info.js';
import type { ServerEvents } from './connection/session.js';
import type { Listen, ListenerSettings } from './listener.js';
import type { ServerPlan } from './reload.js';
import type { ServerSettings } from './settings.js';
import type { ServerStats } from './stats.js';

type Later<T> = T | Promise<T>;

/** Answers PINGs on this thread or on other threads. `Server` documents the methods. */
export interface PingServer {
  readonly stats: ServerStats;
  readonly events: EventEmitter<ServerEvents>;
  listen(address: Address, settings?: ListenerSettings): Promise<Address>;
  plan(settings: ServerSettings, listen: readonly Listen[]): Promise<ServerPlan>;
  reload(plan: ServerPlan): Later<void>;
  infos(after: number, limit: number): Later<ConnectionInfo[]>;
  heartbeat(idle: number, close: boolean): Later<ConnectionInfo[]>;
  protect(id: number, isProtected: boolean): Later<boolean>;
  disconnect(id: number): Later<boolean>;
  watchCertificate(listener: string, certificate: LiveCertificate): void;
  reloadCertificates(): Promise<void>;
  goaway(graceMs: number): Promise<void>;
  close(): Promise<void>;
}
