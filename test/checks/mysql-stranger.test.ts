import { createServer, type Server, type Socket } from 'node:net';
import { afterEach, describe, expect, it, jest } from '@jest/globals';
import { mysqlCheck } from '../../src/checks/mysql/index.js';
import { runCheck } from '../live/run-check.js';
import { errorPacket, greeting, loginDone, packet } from './mysql-packets.js';

describe('a MySQL check of another kind of server, or of a broken one', () => {
  let server: Server;
  afterEach(() => new Promise((resolve) => server.close(resolve)));

  const runAgainst = async (answer: (socket: Socket) => void, timeout = 2000) => {
    server = createServer({ noDelay: true }, (socket) => {
      socket.on('error', () => {});
      answer(socket);
      socket.resume();
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const check = mysqlCheck({ url: `mysql://me@127.0.0.1:${(server.address() as { port: number }).port}`, timeout });
    const outcome = await runCheck(check);
    await check.close?.();
    return outcome;
  };

  it.each<[string, string, Buffer | string]>([
    ['a mail server', 'protocol', '220 mail ready\r\n'],
    ['one that says a length and nothing', 'protocol', Buffer.from([0, 0, 0, 0, 0])],
    ['one whose first packet is longer than a greeting', 'protocol', Buffer.from([0xff, 0xff, 0xff, 0, 10])],
    ['an error without a number', 'protocol', packet(0, Buffer.from([0xff]))],
    ['an error of an unknown number', 'protocol', errorPacket(0, 4999, '#HY000odd')],
    ['one that is full', 'too-many-connections', errorPacket(0, 1040, '#08004Too many connections')],
    ['one that is full and counts from 1', 'too-many-connections', errorPacket(1, 1040, 'Too many connections')],
    ['one that shuts down', 'reset', errorPacket(0, 1053, '#08S01Server shutdown in progress')],
  ])('reports %s', async (_what, reason, said) => {
    expect(await runAgainst((socket) => socket.write(said))).toMatchObject({ status: 'fail', reason });
  });

  it('accepts data that arrives byte by byte', async () => {
    const outcome = await runAgainst((socket) => {
      for (const byte of errorPacket(0, 1129, "#HY000Host 'here' is blocked")) socket.write(Buffer.from([byte]));
    });
    expect(outcome).toMatchObject({ reason: 'host-blocked', output: "Host 'here' is blocked" });
  });

  it('waits until its timeout for a server that never sends anything', async () => {
    expect(await runAgainst(() => {}, 100)).toMatchObject({ status: 'fail', reason: 'timeout' });
  });

  it('fails with reset for a server that closes without data, or resets', async () => {
    expect(await runAgainst((socket) => socket.end())).toMatchObject({ status: 'fail', reason: 'reset' });
    await new Promise((resolve) => server.close(resolve));
    expect(await runAgainst((socket) => socket.resetAndDestroy())).toMatchObject({ status: 'fail', reason: 'reset' });
  });

  it.each<[string, Buffer]>([
    ['text', Buffer.from('HTTP/1.1 400 Bad Request\r\n\r\n')],
    ['an empty packet', packet(2, Buffer.alloc(0))],
    ['a broken change of method', packet(2, Buffer.from([0xfe]))],
    ['an unknown method', packet(2, Buffer.from('\xfenobody\0x\0', 'latin1'))],
    ['the protocol’s wish for a password in the clear', packet(2, Buffer.from('\xfemysql_clear_password\0', 'latin1'))],
    ['a broken error', packet(2, Buffer.from([0xff]))],
    ['what is no packet of a login', packet(2, Buffer.from([0x42, 1, 2, 3]))],
    ['a login, and rows that are none', Buffer.concat([loginDone, packet(1, Buffer.from([0xfb, 0x2f]))])],
    ['a login, and a broken count of columns', Buffer.concat([loginDone, packet(1, Buffer.from([0xfc, 1]))])],
  ])('handles a greeting followed by %s', async (_what, said) => {
    const silent = [jest.spyOn(console, 'error'), jest.spyOn(console, 'log')];
    const outcome = await runAgainst((socket) => {
      socket.write(greeting);
      socket.once('data', () => socket.end(said));
    }, 500);
    expect(outcome.status).toBe('fail');
    expect(['protocol', 'reset', 'auth', 'timeout']).toContain(outcome.reason);
    for (const spy of silent) {
      expect(spy).not.toHaveBeenCalled();
      spy.mockRestore();
    }
  });
});
