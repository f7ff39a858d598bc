import { Duplex } from 'node:stream';

export type Driver = typeof import('mysql2');

/** The packet parser of a connection, also behind TLS. Undocumented, and the same in every mysql2 3. */
export interface PacketReader {
  packetParser: { execute(chunk: Buffer): void };
}

/** Initial packet of a server: header, protocol version 10, a server version, and empty fields. */
const INITIAL_PACKET = Buffer.concat([Buffer.from('\x40\0\0\0\nversion of a server'), Buffer.alloc(44)]);

/**
 * Loads the driver. It would load some of its files only when it reads the first initial packet of a server: so that they
 * do not count against the first run, it reads one here, on a connection to no server.
 */
export async function loadDriver(): Promise<Driver> {
  const driver = await importDriver();
  const stream = new Duplex({ read() {}, write: (_chunk, _encoding, done) => done() });
  const connection = driver.createConnection({ stream, connectTimeout: 0 });
  connection.on('error', () => {});
  try {
    (connection as unknown as PacketReader).packetParser.execute(INITIAL_PACKET);
  } catch {
    // A version of the driver that rejects it only loads the files later.
  }
  connection.destroy();
  return driver;
}

/** Imports the driver. Used by every run: Node resolves the name of a module once per importing file. */
export async function importDriver(): Promise<Driver> {
  return (await import('mysql2')).default;
}
