import { createRequire } from 'node:module';
import type { Registry } from 'prom-client';

/** A registry of its own, in the text format. prom-client is loaded only here, by the first who wants one. */
export function ownRegistry(): Registry {
  const client = createRequire(import.meta.url)('prom-client') as typeof import('prom-client');
  return new client.Registry();
}
