import { createSocket, type RemoteInfo } from 'node:dgram';
import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';

const HEADER_BYTES = 12;
/** Record types by number. */
const types: Readonly<Record<number, string>> = {
  1: 'A',
  2: 'NS',
  5: 'CNAME',
  6: 'SOA',
  12: 'PTR',
  15: 'MX',
  16: 'TXT',
  28: 'AAAA',
  33: 'SRV',
};

/** How a name server answers. */
export interface Zone {
  /** Record data by `NAME TYPE`. */
  readonly records?: Readonly<Record<string, readonly Buffer[]>>;
  /** Response code: 2 failure, 3 no such name, 5 refused. Default: 0 for a name with records, otherwise 3. */
  readonly code?: number;
  /** Whether answers over UDP are marked as truncated. */
  readonly truncates?: boolean;
  /** Sent instead of an answer. If empty, nothing is sent. */
  readonly raw?: Buffer;
}

/** A name server on a port of 127.0.0.1, over UDP and TCP. */
export class NameServer {
  readonly #udp = createSocket('udp4');
  readonly #tcp = createServer((socket) => this.#onConnection(socket));
  readonly #sockets = new Set<Socket>();
  /** Number of queries received over each transport. */
  readonly queries = { udp: 0, tcp: 0 };
  /** May be changed between queries. */
  zone: Zone;

  private constructor(zone: Zone) {
    this.zone = zone;
    this.#udp.on('message', (query, peer) => this.#onDatagram(query, peer));
  }

  static async start(zone: Zone = {}, port = 0): Promise<NameServer> {
    const server = new NameServer(zone);
    server.#tcp.listen(port, '127.0.0.1');
    await once(server.#tcp, 'listening');
    server.#udp.bind(server.port, '127.0.0.1');
    await once(server.#udp, 'listening');
    return server;
  }

  get port(): number {
    return (this.#tcp.address() as AddressInfo).port;
  }

  get address(): string {
    return `127.0.0.1:${this.port}`;
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    const closed = Promise.all([once(this.#udp, 'close'), once(this.#tcp, 'close')]);
    this.#udp.close();
    this.#tcp.close();
    await closed;
  }

  #onDatagram(query: Buffer, { port, address }: RemoteInfo): void {
    this.queries.udp++;
    const answer = this.#answer(query, this.zone.truncates);
    if (answer.length > 0) this.#udp.send(answer, port, address);
  }

  #onConnection(socket: Socket): void {
    this.#sockets.add(socket);
    let received = Buffer.alloc(0);
    socket.on('error', () => {}).once('close', () => this.#sockets.delete(socket));
    socket.on('data', (chunk) => {
      received = Buffer.concat([received, chunk]);
      if (received.length < 2 || received.length < 2 + received.readUInt16BE(0)) return;
      this.queries.tcp++;
      const answer = this.#answer(received.subarray(2, 2 + received.readUInt16BE(0)));
      received = Buffer.alloc(0);
      if (answer.length > 0) socket.write(Buffer.concat([uint16(answer.length), answer]));
    });
  }

  #answer(query: Buffer, isTruncated = false): Buffer {
    const { records = {}, raw } = this.zone;
    const labels: string[] = [];
    let at = HEADER_BYTES;
    for (let length = query[at] as number; length > 0; length = query[at] as number) {
      labels.push(query.toString('latin1', at + 1, at + 1 + length));
      at += 1 + length;
    }
    const name = labels.join('.').toLowerCase();
    const type = query.readUInt16BE(at + 1);
    if (raw) return raw.length === 0 ? raw : Buffer.concat([query.subarray(0, 2), raw]);
    const hasName = Object.keys(records).some((key) => key.startsWith(`${name} `));
    const { code = hasName ? 0 : 3 } = this.zone;
    const found = isTruncated || code !== 0 ? [] : (records[`${name} ${types[type]}`] ?? []);
    const header = Buffer.alloc(HEADER_BYTES);
    query.copy(header, 0, 0, 2);
    // A response with recursion available. The flag shows whether it is truncated.
    header.writeUInt16BE(0x8180 | (isTruncated ? 0x200 : 0) | code, 2);
    header.writeUInt16BE(1, 4);
    header.writeUInt16BE(found.length, 6);
    // The name in the question, the type, class IN, TTL 1 s.
    const record = (data: Buffer) =>
      Buffer.concat([uint16(0xc000 | HEADER_BYTES), uint16(type), uint16(1), uint32(1), uint16(data.length), data]);
    return Buffer.concat([header, query.subarray(HEADER_BYTES, at + 5), ...found.map(record)]);
  }
}

export function uint16(...values: number[]): Buffer {
  const buffer = Buffer.alloc(2 * values.length);
  for (const [index, value] of values.entries()) buffer.writeUInt16BE(value, 2 * index);
  return buffer;
}

export function uint32(...values: number[]): Buffer {
  const buffer = Buffer.alloc(4 * values.length);
  for (const [index, value] of values.entries()) buffer.writeUInt32BE(value, 4 * index);
  return buffer;
}

/** A text preceded by its length, as in a TXT record. */
export function textData(text: string): Buffer {
  return Buffer.concat([Buffer.from([text.length]), Buffer.from(text)]);
}

/** A name as DNS labels. */
export function nameData(name: string): Buffer {
  return Buffer.concat([...name.split('.').map(textData), Buffer.from([0])]);
}
