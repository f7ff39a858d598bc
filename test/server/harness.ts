import { afterEach } from '@jest/globals';
import { type Clock, systemClock } from '../../src/common/clock.js';
import { type Log, silentLog } from '../../src/common/log.js';
import type { Address } from '../../src/net/address.js';
import type { Limits } from '../../src/options/settings.js';
import type { ListenerSettings } from '../../src/server/listener.js';
import { Server } from '../../src/server/server.js';
import { defaultServerSettings, type ServerSettings } from '../../src/server/settings.js';
import type { FakeClock } from '../fake-clock.js';
import { FakeHealth } from './fake-health.js';
import { Peer } from './peer.js';

export interface Options {
  limits?: Partial<Limits>;
  heartbeat?: Partial<ServerSettings['heartbeat']>;
  detail?: ServerSettings['detail'];
  clock?: Clock;
  log?: Log;
  health?: FakeHealth;
  tokens?: readonly string[];
  /** @default '127.0.0.1' */
  host?: string;
  /** @default true */
  useHandles?: boolean;
  /** Other settings of the listener. */
  listener?: ListenerSettings;
}

const opened: { server: Server; health: FakeHealth; peers: Peer[] }[] = [];

afterEach(async () => {
  for (const { server, health, peers } of opened.splice(0)) {
    // A real health would answer by the deadline, but the fake clock may not advance.
    health.atOnce = 'pass';
    health.settle('pass', { count: Number.POSITIVE_INFINITY });
    for (const peer of peers) peer.socket.destroy();
    await server.close();
  }
});

/** A server on a free loopback port. It is closed after the test. */
export async function serve(options: Options = {}) {
  const health = options.health ?? new FakeHealth();
  const { limits, heartbeat, tokens, detail = 'loopback', useHandles = true } = options;
  const server = new Server({
    health,
    clock: options.clock ?? systemClock,
    log: options.log ?? silentLog,
    useHandles,
    settings: {
      ...defaultServerSettings,
      heartbeat: { ...defaultServerSettings.heartbeat, ...heartbeat },
      limits: { ...defaultServerSettings.limits, ...limits },
      detail,
      ...(tokens && { tokens }),
    },
  });
  const kind = options.listener?.tls ? 'tls' : 'tcp';
  const { host = '127.0.0.1' } = options;
  const port = portOf(await server.listen({ kind, host, port: 0 }, options.listener));
  const peers: Peer[] = [];
  opened.push({ server, health, peers });
  return {
    server,
    health,
    port,
    stats: server.stats,
    connect: async () => {
      const peer = await Peer.connect(port);
      peers.push(peer);
      return peer;
    },
  };
}

/** The port of a TCP address. */
export function portOf(address: Address): number {
  return address.kind === 'unix' ? 0 : address.port;
}

/** Runs turns of the event loop until `condition` returns true. Throws if that takes more than 40 s. */
export async function turnsUntil(condition: () => boolean): Promise<void> {
  const until = performance.now() + 40_000;
  while (!condition()) {
    if (performance.now() > until) throw new Error(`never became true: ${condition}`);
    await new Promise((resolve) => setImmediate(resolve));
  }
}

/** Advances in steps of 50 ms, so that the server detects no stall. */
export async function pass(clock: FakeClock, ms: number): Promise<void> {
  for (let step = 0; step < ms; step += 50) {
    await clock.advance(50);
    await new Promise((resolve) => setImmediate(resolve));
  }
}
