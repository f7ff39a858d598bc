import { get } from 'node:http';
import { describe, expect, it } from '@jest/globals';
import { connect } from '../../src/client.js';
import { FakeClock } from '../fake-clock.js';
import { frame, ping, pong } from '../server/peer.js';
import { threadCounts } from '../threads/thread-counts.js';
import { peerOf, start } from './started.js';

const id = 'a1a2a3a4a5a6a7a8';

describe('drain', () => {
  it('reports draining while it serves all clients, liveness still passes, and ends after the grace', async () => {
    const clock = new FakeClock();
    const service = await start({ clock, drain: { grace: 4000, delay: 1000 } });
    const peer = await peerOf(service);
    peer.sendHex(frame('05', id));
    expect((await peer.frame()).type).toBe('05');
    const drained = service.drain();
    peer.sendHex(ping(id) + ping(id, { scope: '01' }));
    expect(await peer.hex(32)).toBe(pong(id, '04') + pong(id, '01'));
    const newcomer = await peerOf(service);
    newcomer.send('ping\n');
    expect((await newcomer.untilEnd()).toString()).toBe('pong draining\n');
    expect(await clock.advanceUntil(drained)).toBeGreaterThanOrEqual(4000);
    expect((await peer.untilEnd()).toString('hex').slice(8, 16)).toBe('01060001');
  });

  it('ends early without connections, but not before the delay', async () => {
    const clock = new FakeClock();
    const service = await start({ clock, drain: { grace: 60_000, delay: 3000 } });
    const lasted = await clock.advanceUntil(service.drain());
    expect(lasted).toBeGreaterThanOrEqual(3000);
    expect(lasted).toBeLessThan(4000);
  });
});

describe.each(threadCounts)('drain, with threads: %i', (threads) => {
  it('serves a client whose connection is still queued in the kernel, although the delay is 0', async () => {
    const service = await start({ threads, drain: { grace: 60_000, delay: 0 } });
    const peer = await peerOf(service);
    const drained = service.drain();
    peer.sendHex(ping(id));
    expect(await peer.hex(16)).toBe(pong(id, '04'));
    peer.socket.end();
    await drained;
  });

  it('keeps HTTP open with correct states, and sends Connection: close', async () => {
    const service = await start({ threads, http: { port: 0 }, drain: { grace: 60_000, delay: 60_000 } });
    const drained = service.drain();
    const [status, connection] = await new Promise<[number | undefined, string | undefined]>((resolve, reject) => {
      get(`${service.httpAddress}/readyz`, (response) => {
        response.resume();
        resolve([response.statusCode, response.headers.connection]);
      }).on('error', reject);
    });
    expect([status, connection]).toEqual([503, 'close']);
    await service.stop();
    await drained;
  });

  it('sends a PONG for each PING that has arrived', async () => {
    const service = await start({ threads, drain: { grace: 300, delay: 0 }, limits: { pingsPerSecond: 0 } });
    const clients = await Promise.all(Array.from({ length: 5 }, () => connect(service.addresses[0] as string)));
    let answered = 0;
    let lost = 0;
    const loops = clients.map(async (client) => {
      for (;;) {
        // After the server's FIN, the client refuses a PING before it is sent.
        const before = client.stats.bytesOut;
        try {
          await client.ping();
          answered++;
        } catch {
          if (client.stats.bytesOut > before) lost++;
          return;
        }
      }
    });
    await service.drain();
    await Promise.all(loops);
    await Promise.all(clients.map((client) => client.close()));
    expect(answered).toBeGreaterThanOrEqual(clients.length);
    // At most the one PING that was in flight when the server sent FIN, which had not arrived when the server stopped
    // reading.
    expect(lost).toBeLessThanOrEqual(clients.length);
  });
});

describe.each(threadCounts)('connections in the API, with threads: %i', (threads) => {
  it('are listed, protected, and closed', async () => {
    const service = await start({ threads });
    const peer = await peerOf(service);
    peer.sendHex(ping(id));
    await peer.hex(16);
    const [info] = await service.connections();
    expect(info).toMatchObject({ mode: 'binary', framesIn: 1, protected: false });
    expect(await service.protect(info?.id ?? 0)).toBe(true);
    expect(await service.heartbeat({ idle: 0, close: true })).toHaveLength(1);
    expect((await service.connections())[0]?.protected).toBe(true);
    const closed = new Promise((resolve) => service.events.once('close', (_info, reason) => resolve(reason)));
    expect(await service.disconnect(info?.id ?? 0)).toBe(true);
    await peer.untilEnd();
    peer.socket.end();
    expect(await closed).toBe('closed-by-application');
    expect(await service.disconnect(info?.id ?? 0)).toBe(false);
    expect(await service.protect(info?.id ?? 0)).toBe(false);
  });

  it('are listed in order of id, one page at a time, as data that can be cloned', async () => {
    const service = await start({ threads });
    const peers = [await peerOf(service), await peerOf(service), await peerOf(service)];
    for (const peer of peers) {
      peer.sendHex(ping(id));
      await peer.hex(16);
    }
    const all = await service.connections();
    const ids = all.map((info) => info.id);
    expect(ids).toEqual([...ids].sort((a, b) => a - b));
    expect(await service.connections(ids[0], 1)).toMatchObject([{ id: ids[1] }]);
    expect(await service.connections(ids[2])).toEqual([]);
    expect(structuredClone(all)).toEqual(all);
  });
});
