import { afterEach, describe, expect, it } from '@jest/globals';
import { Network } from './network.js';
import { passUntil, type Said } from './program.js';
import { Trial } from './trial.js';

const trial = new Trial();
afterEach(() => trial.close());

const probes = { idle: 4000, interval: 1000, count: 5, userTimeout: 0 };
const limit = 9000;

describe('TCP keep-alive', () => {
  it('closes an unreachable client after idle + interval x count, and never one that is merely idle', async () => {
    const network = trial.network(new Network(2));
    const [far, near] = [network.host(1), network.host(0)];
    const options = {
      listen: [{ url: 'pong://10.77.0.1:0', keepAlive: probes }],
      heartbeat: { idleTimeout: 0 },
    };
    const server = await trial.server(options, { host: near });
    const to = { host: '10.77.0.1', port: server.ports[0] };
    const { peers } = await trial.peers({ to, count: 6 }, far);
    const gone = peers.slice(0, 3);
    for (const { port } of gone) near.drop('--sport', String(port));

    const closed = await server.program.saysAll('close', gone.length);
    expect(closed.map(({ remotePort }) => remotePort).sort()).toEqual(gone.map(({ port }) => port).sort());
    for (const { reason, errno, at, remotePort } of closed) {
      expect([reason, errno]).toEqual(['timed-out', 'ETIMEDOUT']);
      const { startedAt } = gone.find(({ port }) => port === remotePort) as Said;
      expect(at - startedAt).toBeGreaterThanOrEqual(limit);
    }
    const last = closed.at(-1)?.at as number;
    await passUntil(last + limit);
    expect(server.program.all('close')).toHaveLength(gone.length);
  });

  it('never detects a frozen process, which PINGs of the server detect', async () => {
    const network = trial.network(new Network(2));
    const listen = [{ url: 'pong://10.77.0.1:0', keepAlive: { idle: 1000, interval: 1000, count: 2, userTimeout: 0 } }];
    const heartbeat = { idleTimeout: 0, pingInterval: 1000, maxPingsOut: 3 };
    const server = await trial.server({ listen, heartbeat }, { host: network.host(0) });
    const to = { host: '10.77.0.1', port: server.ports[0] };
    const probed = await trial.peers({ to }, network.host(1));
    const pinged = await trial.peers({ to, hello: { heartbeat: { wantMs: 1 } } }, network.host(1));
    await probed.program.freeze();
    await pinged.program.freeze();
    const { remotePort, reason, at } = await server.program.says('close');
    expect([remotePort, reason]).toEqual([pinged.peers[0]?.port, 'dead']);
    // Three times as long as keep-alive would have taken. The kernel of the frozen process acknowledges each probe.
    await passUntil(at + 9000);
    expect(server.program.all('close')).toHaveLength(1);
    expect(network.host(0).run('ss', '-Htno', 'state', 'established')).toContain('timer:(keepalive');
  });
});
