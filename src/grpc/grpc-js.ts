import type { Duplex } from 'node:stream';
import { PongcheckError } from '../common/errors.js';
import type { HealthCheckRequest } from './messages.js';

/** gRPC status codes. */
export const GrpcCode = { NOT_FOUND: 5, RESOURCE_EXHAUSTED: 8, UNAVAILABLE: 14 } as const;

/** An error of a call. The client receives its text. */
export interface CallError {
  readonly code: number;
  readonly details: string;
}

/** The members of a call, as passed to a handler by grpc-js, that are used here. */
export interface Call {
  readonly request: HealthCheckRequest;
  /** Wall-clock time, or Infinity. */
  getDeadline(): Date | number;
  /** Emitted when the call ends, including after an answer. */
  on(event: 'cancelled', listener: () => void): unknown;
}

/** A call with any number of responses. */
export interface StreamingCall<T> extends Call {
  /** `sent` is called once HTTP/2 has taken the message, which requires space in the client's window. */
  write(message: T, sent: () => void): unknown;
  emit(event: 'error', error: CallError): unknown;
}

export type Callback<T> = (error: CallError | null, message?: T) => void;

/**
 * The members of a grpc-js server that are used here. Declared here so that compiling with this package does not
 * require the types of grpc-js.
 */
export interface GrpcJsServer {
  addService(definition: object, implementation: object): void;
}

interface Injector {
  injectConnection(connection: Duplex): void;
  /** Sends GOAWAY on each connection. A connection closes when its last stream ends. */
  destroy(): void;
}

export interface InjectingServer extends GrpcJsServer {
  createConnectionInjector(credentials: object): Injector;
  forceShutdown(): void;
}

/** A grpc-js client with one channel. */
export interface GrpcJsClient {
  makeUnaryRequest<Request, Response>(
    method: string,
    serialize: (request: Request) => Buffer,
    deserialize: (bytes: Buffer) => Response,
    request: Request,
    options: { readonly deadline: number },
    callback: (error: CallError | null, response?: Response) => void,
  ): { cancel(): void };
  close(): void;
}

/** The members of grpc-js that are used here. */
export interface GrpcJs {
  readonly Client: new (target: string, credentials: object, options: object) => GrpcJsClient;
  readonly credentials: {
    createInsecure(): object;
    createSsl(ca: Buffer | null, key: Buffer | null, cert: Buffer | null, verify: object): object;
  };
  readonly Server: new (options: Readonly<Record<string, number>>) => InjectingServer;
  readonly ServerCredentials: { createInsecure(): object };
}

/**
 * Loads grpc-js, an optional peer dependency.
 *
 * @param user what requires grpc-js, for the error message.
 * @throws PongcheckError (rejects) `PONGCHECK_LISTEN` if it is not installed.
 */
export async function loadGrpcJs(user = 'the option grpc'): Promise<GrpcJs> {
  try {
    return (await import('@grpc/grpc-js')) as GrpcJs;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ERR_MODULE_NOT_FOUND') throw error;
    throw new PongcheckError(
      'PONGCHECK_LISTEN',
      `${user} requires the package @grpc/grpc-js, 1.12 or later, which is not installed; run: npm install @grpc/grpc-js`,
      { cause: error },
    );
  }
}
