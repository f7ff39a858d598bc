import type { FileSettings } from '../../config/settings.js';
import { parseAddress, type TcpAddress, type TlsAddress } from '../../net/address.js';
import { configError } from '../../options/issue.js';

/** Time for the network, beyond the deadline of the responder. */
export const MARGIN_MS = 500;

export interface SnippetOptions {
  /** HOST or HOST:PORT of each server of a load balancer. */
  readonly servers: readonly string[];
  /** Mode of the backend of HAProxy. */
  readonly mode: string;
  /** Whether a kubelet probes by gRPC. */
  readonly byGrpc: boolean;
}

type Listener = FileSettings['listen'][number] & { readonly address: TcpAddress | TlsAddress };

/** The listener with the simplest probe. It must not require a token, which these programs cannot send. */
export function listenerOf({ listen }: FileSettings, program: string): Listener {
  const open = listen.flatMap((listener): Listener[] => {
    const address = parseAddress(listener.url);
    return address.kind === 'unix' || listener.requireToken ? [] : [{ ...listener, address }];
  });
  const [easiest] = open.sort((a, b) => difficulty(a) - difficulty(b));
  if (easiest) return easiest;
  throw configError([`no listener is suitable for ${program}; allowed: TCP or TLS without requireToken`]);
}

function difficulty({ address, proxyProtocol }: Listener): number {
  return (address.kind === 'tls' ? 1 : 0) + (proxyProtocol ? 2 : 0);
}

/** The listener for programs that check by gRPC, or else by HTTP. */
export function faceOf({ grpc, http }: FileSettings, program: string) {
  const face = grpc ? ('grpc' as const) : ('http' as const);
  const listener = grpc || http;
  if (!listener) throw configError([`${program} requires grpc or http, and both are false`]);
  return { face, host: listener.host, port: listener.port, isTls: listener.tls !== undefined };
}

/** A wildcard address cannot be connected to. */
export function reachable(host: string): string {
  return host === '0.0.0.0' || host === '::' ? '127.0.0.1' : host;
}
