import { afterEach } from '@jest/globals';
import type { ServiceOptions } from '../../src/service/options.js';
import { createService, type Service } from '../../src/service/service.js';
import { Peer } from '../server/peer.js';

/** Options of a service that listens on one free port. */
export const quiet: ServiceOptions = { listen: [{ url: 'pong://127.0.0.1:0' }], http: false };
/** Functions to call after the test, the last one first. */
export const opened: (() => unknown)[] = [];

afterEach(async () => {
  for (const close of opened.splice(0).reverse()) await close();
});

/** Starts a service. It is stopped after the test. */
export async function start(options: ServiceOptions = {}): Promise<Service> {
  const service = createService({ ...quiet, ...options });
  opened.push(() => service.stop());
  await service.start();
  return service;
}

/** Connects to a listener of the service. The connection is closed after the test. */
export async function peerOf(service: Service, at = 0): Promise<Peer> {
  const peer = await Peer.connect(Number(new URL(service.addresses[at] as string).port));
  opened.push(() => peer.socket.destroy());
  return peer;
}
