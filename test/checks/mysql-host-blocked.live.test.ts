import { once } from 'node:events';
import { connect } from 'node:net';
import { afterAll, beforeAll, describe, expect } from '@jest/globals';
import { createConnection } from 'mysql2/promise';
import { type MysqlOptions, mysqlCheck } from '../../src/checks/mysql/index.js';
import type { CheckDefinition } from '../../src/health/check.js';
import { MariaDb } from '../live/mariadb.js';
import { ownServer } from '../live/own-server.js';
import { TcpProxy } from '../live/proxy.js';
import { runCheck } from '../live/run-check.js';

const itOwnServer = ownServer('TEST_MYSQL_URL');

/** Number of broken handshakes after which a server blocks a host (`max_connect_errors`). */
const LIMIT = 100;
/** First byte of an error packet, which is sent instead of a greeting. */
const ERROR_PACKET = 0xff;

/** A server counts broken handshakes by host, but not from 127.0.0.1 and not if it does not look up names. */
describe('a MariaDB that blocks hosts', () => {
  let mariadb: MariaDb;
  let proxy: TcpProxy;
  let url: string;
  const checks: CheckDefinition[] = [];
  const check = (options: Partial<MysqlOptions> = {}) => {
    const made = mysqlCheck({ url, ...options });
    checks.push(made);
    return made;
  };

  beforeAll(async () => {
    mariadb = await MariaDb.start({
      args: ['--back-log=400', `--max-connect-errors=${LIMIT}`],
      skipNameResolve: false,
    });
    proxy = await TcpProxy.start({ to: mariadb.port, from: '127.0.0.3' });
    url = mariadb.url({ user: 'app', password: 'p4ss', host: '127.0.0.1', port: proxy.port });
    if (mariadb.own) await mariadb.query("CREATE USER app@'%' IDENTIFIED BY 'p4ss'");
  }, 60_000);
  afterAll(async () => {
    for (const made of checks) await made.close?.();
    await proxy.stop();
    await mariadb.stop();
  });

  const logIn = async () => (await createConnection({ uri: url })).destroy();

  itOwnServer('does not block this one during 150 runs while it was frozen', async () => {
    const fast = check({ timeout: 15 });
    const before = proxy.accepted;
    await mariadb.freeze();
    for (let run = 0; run < 150; run++) {
      expect(await runCheck(fast)).toMatchObject({ status: 'fail', reason: 'timeout' });
    }
    expect(proxy.accepted - before).toBe(1);
    mariadb.thaw();
    await logIn();
    expect(await runCheck(check({ timeout: 5000 }))).toMatchObject({ status: 'pass' });
  });

  itOwnServer('does not block this one during 150 runs whose TLS the server cannot satisfy', async () => {
    const fussy = check({ tls: { servername: 'localhost' }, timeout: 5000 });
    const before = proxy.accepted;
    for (let run = 0; run < 150; run++) {
      expect(await runCheck(fussy)).toMatchObject({ status: 'fail', reason: 'tls' });
    }
    expect(proxy.accepted - before).toBe(1);
    expect((await runCheck(fussy)).output).toMatch(
      /; next attempt in \d+ s, so that the server does not block this host$/,
    );
    await logIn();
  });

  itOwnServer(
    'would block it if each run aborted a handshake; the check then reports that, and recovers afterwards',
    async () => {
      // Earlier tests may also have broken a handshake.
      await mariadb.query('FLUSH HOSTS');
      let broken = 0;
      for (let greeting = 0; greeting !== ERROR_PACKET; broken++) {
        expect(broken).toBeLessThan(10 * LIMIT);
        const socket = connect(proxy.port, '127.0.0.1');
        const [bytes] = await once(socket, 'data');
        greeting = bytes[4];
        socket.destroy();
      }
      expect(broken).toBeGreaterThan(LIMIT);
      await expect(logIn()).rejects.toMatchObject({ errno: 1129 });
      const blocked = check({ timeout: 5000 });
      expect(await runCheck(blocked)).toMatchObject({ status: 'fail', reason: 'host-blocked' });
      await mariadb.query('FLUSH HOSTS');
      expect(await runCheck(blocked)).toMatchObject({ status: 'pass' });
    },
  );
});
