import { afterEach, describe, expect, it } from '@jest/globals';
import { type Host, Network } from './network.js';
import { now, passUntil } from './program.js';
import { Trial } from './trial.js';

const trial = new Trial();
afterEach(() => trial.close());

describe('a cable that is unplugged with data in flight', () => {
  it('is detected by the user timeout, while keep-alive waits for an acknowledgement', async () => {
    const network = trial.network(new Network(2));
    const [near, far] = network.hosts as [Host, Host];
    const url = 'pong://10.77.0.1:0';
    const userTimeout = 5000;
    const pingInterval = 1000;
    const keepAlive = { idle: 1000, interval: 1000, count: 2 };
    const options = {
      listen: [
        { url, keepAlive: { ...keepAlive, userTimeout } },
        { url, keepAlive: { ...keepAlive, userTimeout: 0 } },
      ],
      // Sends PINGs, but declares no peer dead.
      heartbeat: { idleTimeout: 0, pingInterval, maxPingsOut: 0 },
    };
    const server = await trial.server(options, { host: near });
    const hello = { heartbeat: { wantMs: 1 } };
    const plans = server.ports.map((port) => ({ to: { host: '10.77.0.1', port }, hello }));
    const [timed] = await Promise.all(plans.map((plan) => trial.peers(plan, far)));
    const pulled = now();
    far.pullCable();
    const close = await server.program.says('close');
    expect(close.remotePort).toBe(timed?.peers[0]?.port);
    // The kernel ends the connection in either case. Without a router in between, it has detected that the neighbor is
    // gone, and reports that.
    expect(['timed-out ETIMEDOUT', 'network EHOSTUNREACH']).toContain(`${close.reason} ${close.errno}`);
    // The timeout starts with the first unacknowledged byte, which may have been sent just before.
    expect(close.at - pulled).toBeGreaterThan(userTimeout - pingInterval);
    // The other connection also has unacknowledged bytes, and keep-alive of 3 s.
    await passUntil(close.at + 6000);
    expect(server.program.all('close')).toHaveLength(1);
    expect(near.run('ss', '-Htno', 'state', 'established')).toContain('timer:(on,');
  });

  it('is detected by the stall timeout, while much data is unsent', async () => {
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
    near.slow(8000);
    const to = { host: '10.77.0.1', port: server.ports[0] };
    const { program, peers } = await trial.peers({ to, burst: 1000 }, far);
    // A slow connection must not be closed: it takes longer than the stall timeout, but makes progress.
    await passUntil(peers[0]?.startedAt + stallTimeout + 1000);
    await program.ask({ awaitPongs: true }, 'ponged');
    expect(server.program.all('close')).toEqual([]);
    const pulled = now();
    far.pullCable();
    const close = await server.program.says('close');
    expect([close.remotePort, close.reason]).toEqual([peers[0]?.port, 'slow-peer']);
    expect(close.at).toBeGreaterThan(pulled);
  });
});
