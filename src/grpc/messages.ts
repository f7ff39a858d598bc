/** The `ServingStatus` values of grpc.health.v1. */
export const ServingStatus = { UNKNOWN: 0, SERVING: 1, NOT_SERVING: 2, SERVICE_UNKNOWN: 3 } as const;
export type ServingStatus = (typeof ServingStatus)[keyof typeof ServingStatus];

const WireType = { VARINT: 0, I64: 1, LEN: 2, I32: 5 } as const;
const MAX_VARINT_BYTES = 10;

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

export interface HealthCheckRequest {
  /** Service name; empty by default. */
  readonly service: string;
}

/**
 * Decodes `HealthCheckRequest { string service = 1; }`. Unknown fields are skipped. If a field is repeated, the last
 * value counts.
 *
 * @throws Error if the bytes are not a message, or the name is not UTF-8.
 */
export function decodeRequest(bytes: Buffer): HealthCheckRequest {
  const reader = new Reader(bytes);
  let service = '';
  while (!reader.isAtEnd) {
    const tag = reader.varint();
    if (tag < 8) throw new Error('a field without a number');
    if (tag === ((1 << 3) | WireType.LEN)) service = utf8.decode(reader.lengthDelimited());
    else reader.skip(tag & 7);
  }
  return { service };
}

export function encodeRequest({ service }: HealthCheckRequest): Buffer {
  return service === '' ? Buffer.alloc(0) : field(1, Buffer.from(service));
}

/**
 * Decodes `HealthCheckResponse` like `decodeRequest`. The status may be a number that is not in `ServingStatus`.
 *
 * @throws Error if the bytes are not a message.
 */
export function decodeResponse(bytes: Buffer): number {
  const reader = new Reader(bytes);
  let status: number = ServingStatus.UNKNOWN;
  while (!reader.isAtEnd) {
    const tag = reader.varint();
    if (tag < 8) throw new Error('a field without a number');
    if (tag === ((1 << 3) | WireType.VARINT)) status = reader.varint();
    else reader.skip(tag & 7);
  }
  return status;
}

/** Encodes `HealthCheckResponse { ServingStatus status = 1; }`. A field with its default value is omitted. */
export function encodeResponse(status: ServingStatus): Buffer {
  return Buffer.from(status === ServingStatus.UNKNOWN ? [] : [(1 << 3) | WireType.VARINT, status]);
}

/** Encodes `HealthListResponse { map<string, HealthCheckResponse> statuses = 1; }`. */
export function encodeList(statuses: ReadonlyMap<string, ServingStatus>): Buffer {
  const entries = [...statuses].map(([service, status]) => {
    const entry = Buffer.concat([field(1, Buffer.from(service)), field(2, encodeResponse(status))]);
    return field(1, entry);
  });
  return Buffer.concat(entries);
}

/** Encodes a length-delimited field. */
function field(number: number, content: Buffer): Buffer {
  return Buffer.concat([Buffer.from([(number << 3) | WireType.LEN, ...varint(content.length)]), content]);
}

function varint(value: number): number[] {
  const bytes: number[] = [];
  for (let rest = value; ; rest >>>= 7) {
    if (rest < 0x80) return [...bytes, rest];
    bytes.push((rest & 0x7f) | 0x80);
  }
}

class Reader {
  private at = 0;

  constructor(private readonly bytes: Buffer) {}

  get isAtEnd(): boolean {
    return this.at === this.bytes.length;
  }

  /** Reads a number of up to 64 bits. Numbers above 2^53 are only skipped, so they may be inexact. */
  varint(): number {
    let value = 0;
    for (let index = 0; index < MAX_VARINT_BYTES; index++) {
      const byte = this.take(1)[0] as number;
      value += (byte & 0x7f) * 2 ** (7 * index);
      if (byte < 0x80) return value;
    }
    throw new Error('a number of more than ten bytes');
  }

  skip(type: number): void {
    if (type === WireType.VARINT) this.varint();
    else if (type === WireType.I64) this.take(8);
    else if (type === WireType.LEN) this.lengthDelimited();
    else if (type === WireType.I32) this.take(4);
    else throw new Error('a field of an unknown type');
  }

  lengthDelimited(): Buffer {
    return this.take(this.varint());
  }

  take(length: number): Buffer {
    if (length > this.bytes.length - this.at) throw new Error('a message that is cut off');
    this.at += length;
    return this.bytes.subarray(this.at - length, this.at);
  }
}
