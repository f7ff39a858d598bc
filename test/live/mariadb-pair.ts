import { MariaDb } from './mariadb.js';

/** A primary and its replica, both private servers. */
export interface MariaDbPair {
  readonly primary: MariaDb;
  readonly replica: MariaDb;
}

/** Starts both servers, which takes about 3 s. When this resolves, the replica has caught up and is not read-only. */
export async function startMariaDbPair(): Promise<MariaDbPair> {
  const [primary, replica] = await Promise.all([
    MariaDb.start({ args: ['--server-id=1', '--log-bin=changes'] }),
    MariaDb.start({ args: ['--server-id=2'] }),
  ]);
  await replica.query(
    `CHANGE MASTER TO MASTER_HOST = '127.0.0.1', MASTER_PORT = ${primary.port}, MASTER_USER = 'root',
     MASTER_CONNECT_RETRY = 1, MASTER_USE_GTID = slave_pos`,
    'START SLAVE',
  );
  await replicaSays(replica, (status) => status.Seconds_Behind_Master === 0);
  return { primary, replica };
}

/** Resolves when the output of SHOW SLAVE STATUS is as wanted. */
export async function replicaSays(
  replica: MariaDb,
  wanted: (status: Record<string, unknown>) => boolean,
): Promise<void> {
  for (;;) {
    const [status] = await replica.query('SHOW SLAVE STATUS');
    if (status && wanted(status)) return;
  }
}
