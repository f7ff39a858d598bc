import { Duplex } from 'node:stream';

export type Driver = typeof import('mysql2');

/**
 * The packet parser of a connection, which is also used with TLS. Undocumented, but the same in every version 3 of
 * mysql2.
 */
export interface PacketReader {
  packetParser: { execute(chunk: Buffer): void };
}

/** A server's initial packet: header, protocol version 10, a server version, and empty fields. */
const INITIAL_PACKET = Buffer.concat([Buffer.from('\x40\0\0\0\nversion of a server'), Buffer.alloc(44)]);

/**
 * Loads the driver. The driver loads some of its files only when it reads a server's first initial packet. It reads one
 * here, on a connection to no server, so that loading does not take time from the first run.
 */
export async function loadDriver(): Promise<Driver> {
  const driver = await importDriver();
  const stream = new Duplex({ read() {}, write: (_chunk, _encoding, done) => done() });
  const connection = driver.createConnection({ stream, connectTimeout: 0 });
  connection.on('error', () => {});
  try {
    (connection as unknown as PacketReader).packetParser.execute(INITIAL_PACKET);
  } catch {
    // A driver version that rejects the packet loads the files later.
  }
  connection.destroy();
  return driver;
}

/** Imports the driver. Every run uses this function, because Node resolves a module name once per importing file. */
export async function importDriver(): Promise<Driver> {
  return (await import('mysql2')).default;
}
