import { type ChannelCredentials, Client, credentials, type ServiceError, status } from '@grpc/grpc-js';

/** `ServingStatus` of grpc.health.v1. */
const names = ['UNKNOWN', 'SERVING', 'NOT_SERVING', 'SERVICE_UNKNOWN'];
const path = (method: string) => `/grpc.health.v1.Health/${method}`;

/** Encodes a `HealthCheckRequest`, for names shorter than 128 bytes. */
const encode = (service: string) => {
  const name = Buffer.from(service);
  return service === '' ? name : Buffer.concat([Buffer.from([0x0a, name.length]), name]);
};
const decode = (bytes: Buffer) => names[bytes[1] ?? 0] as string;

/** A grpc.health.v1 client based on grpc-js. Errors are represented by the name of their code. */
export class HealthClient {
  private readonly client: Client;

  constructor(address: string, how: ChannelCredentials = credentials.createInsecure(), options: object = {}) {
    // Each client has its own connection.
    this.client = new Client(address, how, { 'grpc.use_local_subchannel_pool': 1, ...options });
  }

  /** @param cancelled cancels the call when it resolves. */
  check(service: string, deadline?: number, cancelled?: Promise<unknown>): Promise<string> {
    return this.unary('Check', encode(service), decode, deadline, cancelled);
  }

  /** The raw bytes of the response in hexadecimal. */
  list(deadline?: number): Promise<string> {
    return this.unary('List', Buffer.alloc(0), (bytes) => bytes.toString('hex'), deadline);
  }

  /** Calls Check with these bytes as the request. */
  raw(bytes: Buffer): Promise<string> {
    return this.unary('Check', bytes, decode);
  }

  watch(service: string): WatchCall {
    return new WatchCall(this.client, service);
  }

  close(): void {
    this.client.close();
  }

  private unary(
    method: string,
    request: Buffer,
    read: (bytes: Buffer) => string,
    deadline = Number.POSITIVE_INFINITY,
    cancelled?: Promise<unknown>,
  ): Promise<string> {
    return new Promise((resolve) => {
      const done = (error: ServiceError | null, response?: string) =>
        resolve(error ? (status[error.code] as string) : (response as string));
      const serialize = (bytes: Buffer) => bytes;
      const call = this.client.makeUnaryRequest(path(method), serialize, read, request, { deadline }, done);
      void cancelled?.then(() => call.cancel());
    });
  }
}

/** A Watch call, with everything that it has received. The last entry is the name of its error code. */
export class WatchCall {
  readonly seen: string[] = [];
  private readonly call;
  private onChange: (() => void) | undefined;

  constructor(client: Client, service: string) {
    this.call = client.makeServerStreamRequest(path('Watch'), encode, decode, service);
    this.call.on('data', (state: string) => this.add(state));
    this.call.on('error', ({ code }: ServiceError) => this.add(status[code] as string));
  }

  /** Waits until it has received this number of messages, and returns them. */
  async receives(count: number): Promise<readonly string[]> {
    while (this.seen.length < count) await new Promise<void>((resolve) => (this.onChange = resolve));
    return this.seen;
  }

  cancel(): void {
    this.call.cancel();
  }

  /** Stops reading. */
  pause(): void {
    this.call.pause();
  }

  resume(): void {
    this.call.resume();
  }

  private add(what: string): void {
    this.seen.push(what);
    this.onChange?.();
  }
}
