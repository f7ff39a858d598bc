import { afterEach, describe, expect, it } from '@jest/globals';
import { type Host, Network } from './network.js';
import { passUntil } from './program.js';
import { Trial } from './trial.js';

const trial = new Trial();
afterEach(() => trial.close());

const SOCKS_PORT = 1080;
const keepAlive = { idle: 1000, interval: 1000, count: 2, userTimeout: 0 };
const idleTimeout = 5000;

interface Way {
  to: { host: string; port: number };
  socks?: { host: string; port: number };
}

/** The kinds of proxy on the middle host, from its far side to a port of the server on its near side. */
const ways: Record<string, (middle: Host, port: number) => Promise<Way>> = {
  async 'TCP proxy'(middle, port) {
    const proxy = trial.node('tcp-proxy.js', ['10.77.0.1', String(port)], { host: middle });
    return { to: { host: '10.77.1.1', port: (await proxy.says('listening')).port } };
  },
  async 'SOCKS5 proxy'(middle, port) {
    trial.program(['microsocks', '-i', '0.0.0.0', '-p', String(SOCKS_PORT)], { within: middle.within });
    while (!middle.run('ss', '-Htln').includes(`:${SOCKS_PORT}`))
      await new Promise((resolve) => setTimeout(resolve, 20));
    return { to: { host: '10.77.0.1', port }, socks: { host: '10.77.1.1', port: SOCKS_PORT } };
  },
};

describe.each(Object.keys(ways))('a host that is disconnected behind a %s', (name) => {
  it('is detected by PINGs of the server and by the idle timeout, and never by TCP keep-alive', async () => {
    const network = trial.network(new Network(3));
    const [near, middle, far] = network.hosts as [Host, Host, Host];
    const url = 'pong://10.77.0.1:0';
    const options = {
      listen: [
        { url, keepAlive, idleTimeout: 0 },
        { url, keepAlive, idleTimeout },
      ],
      heartbeat: { pingInterval: 1000, maxPingsOut: 3 },
    };
    const server = await trial.server(options, { host: near });
    const through = ways[name] as (middle: Host, port: number) => Promise<Way>;
    const [open, limited] = server.ports as [number, number];
    const toOpen = await through(middle, open);
    const toLimited = toOpen.socks
      ? { ...toOpen, to: { ...toOpen.to, port: limited } }
      : await through(middle, limited);

    await trial.peers({ ...toOpen }, far);
    const pinged = await trial.peers({ ...toOpen, hello: { heartbeat: { wantMs: 1 } } }, far);
    const busy = await trial.peers({ ...toLimited, pingEvery: 1000 }, far);
    // The proxy passes data in both directions for longer than a limit: a PING from the client is answered, and one
    // from the server.
    await passUntil(busy.peers[0]?.startedAt + idleTimeout + 1000);
    await busy.program.ask({ awaitPongs: true }, 'ponged');
    const { list } = await server.program.ask({ list: true }, 'connections');
    expect(list.map(({ roundTrip }: { roundTrip?: object }) => roundTrip !== undefined)).toEqual([false, true, false]);
    const answered = (await pinged.program.ask({ list: true }, 'peers')).peers[0].answered;
    expect(answered).toBeGreaterThan(0);
    expect(server.program.all('close')).toEqual([]);

    far.pullCable();
    const closed = await server.program.saysAll('close', 2);
    expect(closed.map(({ id, reason }) => [id, reason]).sort()).toEqual([
      [list[1].id, 'dead'],
      [list[2].id, 'idle'],
    ]);
    // The proxy's kernel continues to answer the probes of the first connection.
    await passUntil((closed[1]?.at as number) + 9000);
    expect(server.program.all('close')).toHaveLength(2);
  });
});
