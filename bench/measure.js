import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { unpin } from './process.js';

export const CONNECTIONS = 50;
export const IDLE_CONNECTIONS = 5000;
const RATE = 20_000;
const BESIDE = { connections: CONNECTIONS, inflight: 1, rate: 2000, sleep: true };
/** Four slices of an application's work, with their pauses. */
const FOUR_SLICES = 1.25;
const WARM = { connections: CONNECTIONS, warmup: 0.2, seconds: 0.05 };

/**
 * The cells to measure in each round, with the tables in which they are shown. A cell is one load for all peers, one
 * peer after the other.
 */
export function cellsOf({ inflight, parts }) {
  const over = { connections: CONNECTIONS, inflight: 1 };
  const cells = [
    ...inflight.map((n) => ({
      title: `${n} in flight`,
      load: { ...over, inflight: n },
      parts: n === 1 ? ['throughput', 'latency'] : ['throughput'],
    })),
    { title: '1 connection, 1 in flight', load: { ...over, connections: 1 }, parts: ['latency'] },
    { title: `${RATE.toLocaleString('en')} a second`, load: { ...over, rate: RATE }, parts: ['latency'] },
    ...['liveness', 'readiness'].flatMap((question) => [
      { title: `${question}, idle`, question, load: BESIDE, parts: ['application'] },
      {
        title: `${question}, busy`,
        question,
        load: { ...BESIDE, seconds: FOUR_SLICES },
        parts: ['application'],
        isBusy: true,
      },
    ]),
  ];
  return cells.filter((cell) => cell.parts.some((part) => parts.includes(part)));
}

/** The peers that are measured in this cell. */
export function peersOf(cell, peers) {
  return peers.filter(
    ({ most = Number.POSITIVE_INFINITY, questions }) => cell.load.inflight <= most && (questions || !cell.question),
  );
}

/**
 * Runs one round: starts and warms up fresh servers, then measures each cell for each peer in turn. The order changes
 * with the round, so that a machine that becomes slower affects all peers equally.
 * @returns {Promise<{
 *   cells: Map<object, Map<object, import('./generator.js').Measured>>,
 *   starts: Map<object, { ms: number, resident: number, warm: number }>, }>} measurements by cell and peer; and for each peer the duration of its start, and its resident bytes after the start and after the warm-up
 */
export async function measureRound(round, cells, { peers, warmup, seconds }) {
  const servers = new Map();
  const starts = new Map();
  try {
    for (const peer of peers) {
      const server = await naming(peer, peer.start());
      servers.set(peer, server);
      const resident = residentBytes(server);
      for (const inflight of [1, 64]) await naming(peer, peer.load(server, { ...WARM, inflight }));
      starts.set(peer, { ms: server.started, resident, warm: residentBytes(server) });
    }
    const measured = new Map();
    for (const cell of cells) {
      const row = new Map();
      for (const peer of rotated(peersOf(cell, peers), round)) {
        const server = servers.get(peer);
        const { load } = cell.question ? peer.questions[cell.question] : peer;
        if (cell.question) unpin(server.pid); // for the rest of the round
        if (cell.isBusy) await server.work();
        row.set(peer, await naming(peer, load(server, { warmup, seconds, ...cell.load })));
        if (cell.isBusy) await server.rest();
      }
      measured.set(cell, row);
    }
    return { cells: measured, starts };
  } finally {
    await Promise.all([...servers.values()].map((server) => server.stop()));
  }
}

/** Adds the name of the peer to errors. */
async function naming(peer, work) {
  try {
    return await work;
  } catch (error) {
    throw new Error(`${peer.name}: ${error.message}`, { cause: error });
  }
}

function rotated(list, by) {
  const first = by % list.length;
  return [...list.slice(first), ...list.slice(0, first)];
}

/**
 * Measures the resident bytes per idle connection, each of which has had one exchange: the resident memory of a fresh,
 * warmed-up server with the connections minus without them. `soon` is read after a second. `settled` is read when Node
 * has returned the young generation that the burst of accepts needed, and Redis the buffers of its clients.
 */
export function measureMemory(peer) {
  return naming(peer, idleMemory(peer));
}

async function idleMemory(peer) {
  const server = await peer.start();
  try {
    await peer.load(server, { ...WARM, inflight: 1 });
    const disconnectFirst = await peer.idle(server, IDLE_CONNECTIONS / 10); // so that the accept code is compiled too
    await disconnectFirst();
    const without = await residentMemory(server, 4);
    const disconnect = await peer.idle(server, IDLE_CONNECTIONS);
    const soon = await residentMemory(server, 1);
    const settled = await residentMemory(server, 10);
    await disconnect();
    return { soon: (soon - without) / IDLE_CONNECTIONS, settled: (settled - without) / IDLE_CONNECTIONS };
  } finally {
    await server.stop();
  }
}

/** Resident bytes after some seconds of garbage collection, because V8 shrinks its spaces gradually. */
async function residentMemory(server, seconds) {
  for (let quarter = 0; quarter < 4 * seconds; quarter++) {
    await server.collectGarbage();
    await sleep(250);
  }
  return residentBytes(server);
}

function residentBytes(server) {
  const [, kibibytes] = /^Rss:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${server.pid}/smaps_rollup`, 'utf8'));
  return Number(kibibytes) * 1024;
}
