/** A MySQL protocol packet: its length, its sequence number, its payload. */
export function packet(number: number, bytes: Buffer): Buffer {
  const header = Buffer.from([0, 0, 0, number]);
  header.writeUIntLE(bytes.length, 0, 3);
  return Buffer.concat([header, bytes]);
}

export function errorPacket(number: number, code: number, message: string): Buffer {
  return packet(number, Buffer.concat([Buffer.from([0xff, code & 0xff, code >> 8]), Buffer.from(message)]));
}

/** The greeting of a MariaDB server that supports TLS. */
export const greeting = packet(
  0,
  Buffer.concat([
    Buffer.from([10]),
    Buffer.from('11.8.0-MariaDB\0'),
    Buffer.from([1, 0, 0, 0]),
    Buffer.from('abcdefgh\0'),
    Buffer.from([0xfe, 0xff, 45, 2, 0, 0xff, 0x81, 21]),
    Buffer.alloc(10),
    Buffer.from('ijklmnopqrst\0mysql_native_password\0'),
  ]),
);

/** The packet that completes a login successfully. */
export const loginDone = packet(2, Buffer.from([0, 0, 0, 2, 0, 0, 0]));
