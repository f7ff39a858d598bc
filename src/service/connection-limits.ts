import type { Log } from '../common/log.js';
import { MAX_CONCURRENT_PROBES } from '../exporter/exporter.js';
import { maxResponders } from '../fleet/fleet.js';
import { clampToFdLimit, fdLimit } from '../server/fd-limit.js';
import type { ServiceSettings } from './settings.js';

/** Lowers the connection limits to what the open file limit of the process allows, and logs the change. */
export function fitOpenFilesLimit(settings: ServiceSettings, log: Log): ServiceSettings {
  const { limits, registry, http, grpc, probe, peers, fleet } = settings;
  const requested = {
    connections: limits.maxConnections,
    http: http ? http.maxConnections : 0,
    grpc: grpc ? grpc.maxConnections : 0,
  };
  const files = fdLimit();
  const allowed = clampToFdLimit(requested, files, {
    checks: registry.checks.length,
    probes: probe ? (probe.maxConcurrent ?? MAX_CONCURRENT_PROBES) : 0,
    // The connections to peers stay open as long as the failure lasts.
    peers: peers ? peers.ask * registry.checks.filter(({ onShared }) => onShared === 'warn').length : 0,
    fleet: fleet ? maxResponders(fleet.from) : 0,
  });
  const { connections, http: ofHttp, grpc: ofGrpc } = allowed;
  if (connections < requested.connections || ofHttp < requested.http || ofGrpc < requested.grpc) {
    const forGrpc = grpc ? `, grpc.maxConnections from ${requested.grpc} to ${ofGrpc}` : '';
    log.warn(
      { files, maxConnections: connections, httpMaxConnections: ofHttp, ...(grpc && { grpcMaxConnections: ofGrpc }) },
      `the open file limit is ${files}: limits.maxConnections is lowered from ${requested.connections} to ${connections}, http.maxConnections from ${requested.http} to ${ofHttp}${forGrpc}`,
    );
  }
  return {
    ...settings,
    limits: { ...limits, maxConnections: connections },
    http: http && { ...http, maxConnections: ofHttp },
    grpc: grpc && { ...grpc, maxConnections: ofGrpc },
  };
}
