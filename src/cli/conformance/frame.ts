const HEADER = 16;
const LENGTH_FIELD = 4;

/** Encodes a version 1 frame with code 0, independently of the encoder under test. */
export function frameOf(type: number, id: bigint, body?: object): Buffer {
  const text = Buffer.from(body === undefined ? '' : JSON.stringify(body));
  const header = Buffer.alloc(HEADER);
  header.writeUInt32BE(HEADER - LENGTH_FIELD + text.length, 0);
  header[4] = 1;
  header[5] = type;
  header.writeBigUInt64BE(id, 8);
  return Buffer.concat([header, text]);
}
