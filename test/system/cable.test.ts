import { afterEach, describe, expect, it } from '@jest/globals';
import { type Host, Network } from './network.js';
import { now } from './program.js';
import { Trial } from './trial.js';

const trial = new Trial();
afterEach(() => trial.close());

describe('a cable that is pulled with data in flight', () => {
  it('is found by the user timeout, where keep-alive waits for what is never acknowledged', async () => {
    const network = trial.network(new Network(2));
    const [near, far] = network.hosts as [Host, Host];
    const url = 'pong://10.77.0.1:0';
    const userTimeout = 5000;
    const keepAlive = { idle: 1000, interval: 1000, count: 2 };
    const options = {
      listen: [
        { url, keepAlive: { ...keepAlive, userTimeout } },
        { url, keepAlive: { ...keepAlive, userTimeout: 0 } },
      ],
      // It sends, and calls nobody dead.
      heartbeat: { idleTimeout: 0, pingInterval: 1000, maxPingsOut: 0 },
    };
    const server = await trial.server(options, { host: near });
    const hello = { heartbeat: { wantMs: 1 } };
    const plans = server.ports.map((port) => ({ to: { host: '10.77.0.1', port }, hello }));
    const [timed] = await Promise.all(plans.map((plan) => trial.peers(plan, far)));
    const pulled = now();
    far.pullCable();
    const close = await server.program.says('close');
    console.log(close, close.at - pulled);
    expect(close.remotePort).toBe(timed?.peers[0]?.port);
    expect(close.at - pulled).toBeGreaterThanOrEqual(userTimeout);
    await new Promise((r) => setTimeout(r, 10000));
    console.log(server.program.said);
  });

  it('is found by the stall time, where much waits to be sent', async () => {
    const network = trial.network(new Network(2));
    const [near, far] = network.hosts as [Host, Host];
    const stallTimeout = 4000;
    const options = {
      listen: [{ url: 'pong://10.77.0.1:0' }],
      bulk: 60,
      heartbeat: { idleTimeout: 0 },
      limits: { stallTimeout, pingsPerSecond: 0 },
      detail: 'always',
    };
    const server = await trial.server(options, { host: near });
    near.slow(2000);
    const to = { host: '10.77.0.1', port: server.ports[0] };
    const { program, peers } = await trial.peers({ to, burst: 1000 }, far);
    await program.ask({ awaitPongs: true }, 'ponged');
    const pulled = now();
    far.pullCable();
    const close = await server.program.says('close');
    console.log(close, close.at - pulled);
    expect([close.remotePort, close.reason]).toEqual([peers[0]?.port, 'slow-peer']);
    expect(close.at - pulled).toBeGreaterThanOrEqual(stallTimeout - 100);
  });
});
