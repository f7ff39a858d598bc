import type { FileSettings } from '../../config/settings.js';
import { parseAddress, type TcpAddress, type TlsAddress } from '../../net/address.js';
import { configError } from '../../options/issue.js';

/** Time for the network in addition to the responder's deadline, in milliseconds. */
export const MARGIN_MS = 500;

export interface SnippetOptions {
  /** HOST or HOST:PORT of each load balancer server. */
  readonly servers: readonly string[];
  /** Mode of the HAProxy backend. */
  readonly mode: string;
  /** Whether kubelet probes use gRPC. */
  readonly byGrpc: boolean;
}

type Listener = FileSettings['listen'][number] & { readonly address: TcpAddress | TlsAddress };

/**
 * The listener with the simplest probe. The listener must not require a token, because these programs cannot send one.
 */
export function listenerOf({ listen }: FileSettings, program: string): Listener {
  const open = listen.flatMap((listener): Listener[] => {
    const address = parseAddress(listener.url);
    return address.kind === 'unix' || listener.requireToken ? [] : [{ ...listener, address }];
  });
  const [easiest] = open.sort((a, b) => difficulty(a) - difficulty(b));
  if (easiest) return easiest;
  throw configError([`no listener is suitable for ${program}; allowed: a TCP or TLS listener without requireToken`]);
}

function difficulty({ address, proxyProtocol }: Listener): number {
  return (address.kind === 'tls' ? 1 : 0) + (proxyProtocol ? 2 : 0);
}

/** The listener for programs that check with gRPC or HTTP. gRPC is preferred. */
export function faceOf({ grpc, http }: FileSettings, program: string) {
  const face = grpc ? ('grpc' as const) : ('http' as const);
  const listener = grpc || http;
  if (!listener) throw configError([`${program} requires grpc or http, but both are false`]);
  return { face, host: listener.host, port: listener.port, isTls: listener.tls !== undefined };
}

/** Clients cannot connect to a wildcard address. */
export function reachable(host: string): string {
  return host === '0.0.0.0' || host === '::' ? '127.0.0.1' : host;
}
