// Entry file of a PING thread: a server whose checks, events and log are handled by the main thread.
import { type MessagePort, parentPort, workerData } from 'node:worker_threads';
import { PongcheckError } from '../common/errors.js';
import type { Log } from '../common/log.js';
import { GrpcServer } from '../grpc/server.js';
import { GrpcStats } from '../grpc/stats.js';
import type { ServerEvents } from '../server/connection/session.js';
import { Server } from '../server/server.js';
import { ServerStats } from '../server/stats.js';
import { LoopMonitor, type LoopStatus, type Stall } from './loop-monitor.js';
import type { ThreadMethods, ToMain, ToThread } from './messages.js';
import { Mirror } from './mirror.js';
import { SharedCounts } from './shared-counts.js';
import { clockSince, type ThreadData } from './thread-data.js';
import { ThreadStats } from './thread-stats.js';

/** Maximum number of events that the main thread has not received. Further events are dropped. */
const MAX_PENDING_EVENTS = 10_000;

const data = workerData as ThreadData;
const port = parentPort as MessagePort;
const clock = clockSince(data.origin);
const log = logTo(post);
const stats = new ThreadStats(data.threadStats);
const mirror = new Mirror(clock, data.identity, (demand) => post({ kind: 'demand', demand }));
const server = new Server({
  health: mirror,
  settings: data.settings,
  clock,
  log,
  stats: new ServerStats(data.serverStats),
  counts: new SharedCounts(data.counts, data.index),
});
const grpcStats = new GrpcStats(data.grpcStats);
let common = data.settings;
let grpc: GrpcServer | undefined;
const loop = new LoopMonitor(
  clock,
  () => Atomics.load(data.beats, 0),
  data.loop,
  stats,
  (status, stalled) => {
    mirror.setLoop(status);
    if (data.index === 0) reportStall(status, stalled);
  },
  () => {
    stats.tickedAt = clock.now();
    stats.watchedSelections = mirror.watchedSelections;
    mirror.expire();
    reportCertificates();
  },
);

const methods: ThreadMethods = {
  listen: (address, settings, options) => server.listen(address, settings, options),
  openGrpc: async (settings) => {
    grpc = await GrpcServer.open({ grpc: settings, settings: common, health: mirror, stats: grpcStats, clock, log });
    if (grpc.certificate) server.watchCertificate(grpc.address, grpc.certificate);
    return grpc.address;
  },
  reload: async (settings, listen, limits, grpcSettings) => {
    server.reload(await server.plan(settings, listen));
    common = settings;
    if (grpcSettings) grpc?.reload(grpcSettings, settings);
    loop.limits = limits;
  },
  infos: (after, limit) => server.infos(after, limit),
  heartbeat: (idle, close) => server.heartbeat(idle, close),
  protect: (id, isProtected) => server.protect(id, isProtected),
  disconnect: (id) => server.disconnect(id),
  goaway: (graceMs) => server.goaway(graceMs),
  reloadCertificates: () => server.reloadCertificates(),
  close: async () => {
    await Promise.all([server.close(), grpc?.close()]);
  },
};

/** Calls run one after the other, so that a reload finds the listeners that earlier calls opened. */
let lastCall: Promise<void> = Promise.resolve();

port.on('message', (message: ToThread) => {
  switch (message.kind) {
    case 'update':
      mirror.update(message.update);
      return post({ kind: 'update-taken' });
    case 'demand-taken':
      return mirror.onDemandTaken();
    case 'interest':
      return forwardEvents(message.events);
    case 'call':
      lastCall = lastCall.then(() => call(message));
  }
});
loop.start();
post({ kind: 'ready' });

function post(message: ToMain): void {
  port.postMessage(message);
}

async function call({ id, method, args }: Extract<ToThread, { kind: 'call' }>): Promise<void> {
  try {
    const run = methods[method] as (...args: readonly unknown[]) => unknown;
    post({ kind: 'result', id, value: await run(...args) });
  } catch (error) {
    if (!(error instanceof PongcheckError)) throw error;
    post({ kind: 'result', id, error: { code: error.code, message: error.message } });
  }
}

let isDropping = false;

/** Forwards only these events, because each one costs a message. */
function forwardEvents(events: readonly (keyof ServerEvents)[]): void {
  server.events.removeAllListeners();
  for (const event of events) {
    server.events.on(event, (...args: readonly unknown[]) => {
      const isFull = Atomics.load(data.pendingEvents, 0) >= MAX_PENDING_EVENTS;
      if (isFull && !isDropping)
        log.warn({}, `events are dropped: ${MAX_PENDING_EVENTS} are waiting for the main thread`);
      isDropping = isFull;
      if (isFull) return;
      Atomics.add(data.pendingEvents, 0, 1);
      post({ kind: 'event', event, args });
    });
  }
}

let reported = '';
function reportCertificates(): void {
  const expiries = server.stats.certificates();
  const text = String(expiries);
  if (text === reported) return;
  reported = text;
  post({ kind: 'certificates', expiries });
}

let failing: Pick<Stall, 'failedAt' | 'scopes'> | undefined;
/** Reports a stall after it has ended, because the main thread receives no messages during it. */
function reportStall({ isReadinessBlocked, isLivenessBlocked, blockedSince }: LoopStatus, duration: number): void {
  const now = clock.wall();
  if (isReadinessBlocked || isLivenessBlocked) {
    const scopes = (['readiness', 'liveness'] as const).filter((scope) => {
      return scope === 'readiness' ? isReadinessBlocked : isLivenessBlocked;
    });
    failing = { failedAt: failing?.failedAt ?? now, scopes };
  } else if (failing) {
    post({ kind: 'stall', stall: { since: blockedSince, ...failing, endedAt: now, duration } });
    failing = undefined;
  }
}

function logTo(send: (message: ToMain) => void): Log {
  const level = (level: 'debug' | 'info' | 'warn' | 'error') => (fields: object, message: string) =>
    send({ kind: 'log', level, fields, message });
  return { debug: level('debug'), info: level('info'), warn: level('warn'), error: level('error') };
}
