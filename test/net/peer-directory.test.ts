import { describe, expect, it } from '@jest/globals';
import { formatPeerAddress, parsePeerAddress } from '../../src/net/peer-address.js';
import { PeerDirectory, type Resolver } from '../../src/net/peer-directory.js';
import { FakeClock } from '../fake-clock.js';

type Records = Record<string, string[] | { name: string; port: number }[] | undefined>;

/**
 * Answers from these records. A name without records does not exist. Keys: `A NAME`, `AAAA NAME`, `SRV NAME`, `hosts
 * NAME`.
 */
function resolverOf(records: Records) {
  const queries: string[] = [];
  const find = async (query: string): Promise<any> => {
    queries.push(query);
    const found = records[query];
    if (!found) throw Object.assign(new Error(query), { code: 'ENOTFOUND' });
    return found;
  };
  const resolver = {
    resolve4: (name: string) => find(`A ${name}`),
    resolve6: (name: string) => find(`AAAA ${name}`),
    resolveSrv: (name: string) => find(`SRV ${name}`),
    lookup: async (name: string) => (await find(`hosts ${name}`)).map((address: string) => ({ address })),
  } as unknown as Resolver;
  return { resolver, queries, records };
}

function directoryOf(from: string[], records: Records) {
  const clock = new FakeClock();
  const { resolver, queries } = resolverOf(records);
  const directory = new PeerDirectory(from.map(parsePeerAddress), clock, resolver);
  return { clock, queries, records, directory, keys: () => directory.peers.map(({ key }) => key) };
}

describe('the directory of peers', () => {
  it('contains all A and AAAA records of a name, and literal addresses', async () => {
    const { directory, keys } = directoryOf(['pong://shop:7000', '10.0.0.9', 'pong://[2001:db8::9]:7001'], {
      'A shop': ['10.0.0.1', '10.0.0.2'],
      'AAAA shop': ['2001:db8::1'],
    });
    await directory.refresh();
    expect(keys()).toEqual([
      '10.0.0.1:7000',
      '10.0.0.2:7000',
      '[2001:db8::1]:7000',
      '10.0.0.9:7464',
      '[2001:db8::9]:7001',
    ]);
  });

  it('contains the targets and ports of SRV records, and the name for the certificate', async () => {
    const { directory } = directoryOf(['srv+pongs://_pong._tcp.shop'], {
      'SRV _pong._tcp.shop': [
        { name: 'a.shop', port: 7001 },
        { name: 'b.shop', port: 7002 },
        { name: 'gone.shop', port: 7003 },
      ],
      'A a.shop': ['10.0.0.1'],
      'AAAA b.shop': ['2001:db8::2'],
    });
    await directory.refresh();
    expect(directory.peers).toEqual([
      { key: '10.0.0.1:7001', address: { kind: 'tls', host: '10.0.0.1', port: 7001 }, servername: 'a.shop' },
      { key: '[2001:db8::2]:7002', address: { kind: 'tls', host: '2001:db8::2', port: 7002 }, servername: 'b.shop' },
    ]);
  });

  it('looks up names without records like the system', async () => {
    const { directory, keys } = directoryOf(['localhost:7000'], { 'hosts localhost': ['127.0.0.1'] });
    await directory.refresh();
    expect(keys()).toEqual(['127.0.0.1:7000']);
  });

  it('contains at most 256 records per name, and each address once', async () => {
    const { directory, keys } = directoryOf(['big', '10.0.1.1'], {
      'A big': Array.from({ length: 1000 }, (_, i) => `10.0.${i >> 8}.${i & 255}`),
    });
    await directory.refresh();
    expect(keys()).toHaveLength(257);
    expect(new Set(keys()).size).toBe(257);
  });

  it('lists the names that have never had an address', async () => {
    const { directory, clock, records } = directoryOf(['shop', 'srv+pong://_pong._tcp.stock'], {
      'A shop': ['10.0.0.1'],
    });
    await directory.refresh();
    expect(directory.unresolved.map(formatPeerAddress)).toEqual(['srv+pong://_pong._tcp.stock']);
    records['SRV _pong._tcp.stock'] = [{ name: '10.0.0.2', port: 7001 }];
    records['A shop'] = undefined;
    await clock.advance(6000);
    await directory.refresh();
    expect(directory.unresolved).toEqual([]);
  });

  it('keeps the last known addresses when names cannot be resolved', async () => {
    const { directory, keys, clock, records } = directoryOf(['shop'], { 'A shop': ['10.0.0.1'] });
    await directory.refresh();
    records['A shop'] = undefined;
    await clock.advance(6000);
    await directory.refresh();
    expect(keys()).toEqual(['10.0.0.1:7464']);
    records['A shop'] = ['10.0.0.2'];
    await clock.advance(6000);
    await directory.refresh();
    expect(keys()).toEqual(['10.0.0.2:7464']);
  });

  it('resolves names every 30 s from its start until its close', async () => {
    const { directory, keys, clock, records, queries } = directoryOf(['shop'], { 'A shop': ['10.0.0.1'] });
    directory.start();
    await clock.advance(1000);
    records['A shop'] = ['10.0.0.2'];
    await clock.advance(29_000);
    expect(keys()).toEqual(['10.0.0.2:7464']);
    directory.close();
    const { length } = queries;
    await clock.advance(100_000);
    expect(queries).toHaveLength(length);
    expect(clock.timers).toBe(0);
  });

  it('resolves names at most once per 5 s', async () => {
    const { directory, clock, queries } = directoryOf(['shop'], { 'A shop': ['10.0.0.1'] });
    await Promise.all([directory.refresh(), directory.refresh()]);
    await clock.advance(4999);
    await directory.refresh();
    expect(queries).toEqual(['A shop', 'AAAA shop']);
    await clock.advance(1);
    await directory.refresh();
    expect(queries).toHaveLength(4);
  });
});
