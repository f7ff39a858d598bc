import { afterEach, describe, expect, it } from '@jest/globals';
import { Trial } from './trial.js';

const trial = new Trial();
afterEach(() => trial.close());

const idleTimeout = 5000;
const ERROR_IDLE = 9;

describe('an idle limit of 5 s', () => {
  it('closes each of 20 clients after 5 s without data from it, with the reason at both ends', async () => {
    const server = await trial.server({ heartbeat: { idleTimeout } });
    const to = { host: '127.0.0.1', port: server.ports[0] };
    // A HELLO selects binary mode, in which the clients receive the reason.
    const { program } = await trial.peers({ to, count: 20, hello: {}, spread: 2000 });
    const closed = await program.saysAll('closed', 20);
    for (const { at, sentAt, errors } of closed) {
      expect(at - sentAt).toBeGreaterThanOrEqual(idleTimeout);
      expect(errors).toEqual([ERROR_IDLE]);
    }
    const reasons = (await server.program.saysAll('close', 20)).map(({ reason }) => reason);
    expect(new Set(reasons)).toEqual(new Set(['idle']));
  });

  it('is reset by each of nine pings of nc, and closes it 5 s after the last', async () => {
    const server = await trial.server({ heartbeat: { idleTimeout } });
    const nc = trial.program(['nc.openbsd', '127.0.0.1', String(server.ports[0])]);
    let lastAt = 0;
    for (let n = 1; n <= 9; n++) {
      await new Promise((resolve) => setTimeout(resolve, 1500));
      expect(server.program.all('close')).toEqual([]);
      lastAt = performance.now();
      nc.write('ping\n');
      await nc.saysAll('pong pass', n);
    }
    const { reason } = await server.program.says('close');
    expect(performance.now() - lastAt).toBeGreaterThanOrEqual(idleTimeout);
    expect(reason).toBe('idle');
  });
});
