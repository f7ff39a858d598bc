import { afterEach, describe, expect, it } from '@jest/globals';
import { clampToFdLimit, fdLimit } from '../../src/server/fd-limit.js';
import type { ServiceOptions } from '../../src/service/options.js';
import { createService, type Service } from '../../src/service/service.js';
import { parseScrape, valueOf } from '../metrics/scrape.js';

let service: Service;
afterEach(() => service.stop());

const peers = { from: ['pong://127.0.0.1:1'], ask: 16 };

async function start(options: ServiceOptions): Promise<void> {
  service = createService({ http: false, listen: [{ url: 'pong://127.0.0.1:0' }], ...options });
  await service.start();
}

const scrape = async () => parseScrape(await service.register.metrics());

describe('a service with peers', () => {
  it('leaves descriptors for its connections to them, for each check that queries them', async () => {
    const check = (onShared: 'fail' | 'warn') => ({
      kind: 'mine',
      onShared,
      run: async () => ({ status: 'pass' as const }),
    });
    const checks = { a: check('warn'), b: check('fail'), c: check('warn') };
    await start({ peers, checks, limits: { maxConnections: 1_000_000 } });
    const wanted = { connections: 1_000_000, http: 0, grpc: 0 };
    const { connections } = clampToFdLimit(wanted, fdLimit(), { checks: 3, probes: 0, peers: 2 * 16, fleet: 0 });
    expect(valueOf(await scrape(), 'pongcheck_connections_limit')).toBe(connections);
  });

  it('has metrics of them even if a reload has added them, and none after another one has removed them', async () => {
    const asked = async () => (await scrape()).get('pongcheck_peers_asked_total')?.samples.length;
    await start({});
    expect(await asked()).toBe(0);
    const options = { http: false as const, listen: [{ url: 'pong://127.0.0.1:0' }] };
    await service.reload({ ...options, peers });
    expect(await asked()).toBe(4);
    await service.reload(options);
    expect(await asked()).toBe(0);
  });
});
