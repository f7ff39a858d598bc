import { createRequire } from 'node:module';
import type { Registry } from 'prom-client';

/** Creates a separate registry with the text format. prom-client is loaded on the first call. */
export function ownRegistry(): Registry {
  const client = createRequire(import.meta.url)('prom-client') as typeof import('prom-client');
  return new client.Registry();
}
