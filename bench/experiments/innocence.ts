import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { now, passUntil } from '../../test/system/program.js';
import { type ServerUnderTrial, Trial } from '../../test/system/trial.js';
import { WallClock } from '../../test/system/wall-clock.js';
import { type Shown, table } from './table.js';

const PEERS = 20;
const idleTimeout = 4000;
const heartbeat = { idleTimeout, pingInterval: 1000, maxPingsOut: 3 };
const OBSERVED = 20_000;

type NonPassState = (server: ServerUnderTrial, clock: WallClock) => Promise<void>;

const others = ['Swoole PROCESS', 'Swoole BASE', 'Workerman recipe', 'GatewayWorker'];

/**
 * The clients during a disturbance: how many were closed although they were alive, and when the silent one was closed,
 * in seconds.
 */
export interface Closed {
  readonly trouble: string;
  readonly falsely: number;
  readonly silentAfter: number | null;
  /** Description of what was measured on other servers. */
  readonly others: Readonly<Record<string, string>>;
}

const troubles: { name: string; happen: NonPassState; peers: string[] }[] = [
  {
    name: 'handler blocked 7 s',
    happen: async ({ program }) => program.send({ block: 7000 }),
    peers: ['0', '20', 'not run', 'not run'],
  },
  {
    name: 'whole server paused 9 s',
    async happen({ program }) {
      await program.freeze();
      await passUntil(now() + 9000);
      program.thaw();
    },
    peers: ['8-20', '20', '20 / 0 (event / select)', '0'],
  },
  {
    name: 'wall clock set +120 s',
    happen: async (_server, clock) => clock.step('+120'),
    peers: ['20', '20', '20', '0'],
  },
  {
    name: 'wall clock set -120 s',
    happen: async (_server, clock) => clock.step('-120'),
    peers: ['silent client never closed', 'the same', 'the same', 'the same on select'],
  },
];

/** Clients that send a PING every second and must stay open, beside a silent one that must be closed. */
export async function innocence(): Promise<Closed[]> {
  const rows: Closed[] = [];
  for (const { name, happen, peers } of troubles) {
    const measured = Object.fromEntries(others.map((other, n) => [other, peers[n] as string]));
    rows.push({ trouble: name, ...(await closedFalsely(happen)), others: measured });
  }
  return rows;
}

export function showInnocence(rows: readonly Closed[]): Shown {
  return [
    table(
      ['idle timeout 4 s, 20 clients that PING every second', 'pongcheck', ...others],
      rows.map(({ trouble, falsely, silentAfter, others: measured }) => {
        const silent = silentAfter === null ? 'never' : `${silentAfter.toFixed(1)} s`;
        return [trouble, `${falsely}; silent client closed after ${silent}`, ...Object.values(measured)];
      }),
    ),
  ];
}

async function closedFalsely(happen: NonPassState): Promise<Pick<Closed, 'falsely' | 'silentAfter'>> {
  const trial = new Trial();
  const folder = mkdtempSync(join(tmpdir(), 'pongcheck-clock-'));
  try {
    const clock = new WallClock(join(folder, 'clock'));
    const server = await trial.server({ heartbeat }, { env: clock.environment });
    const to = { host: '127.0.0.1', port: server.ports[0] };
    const hello = { heartbeat: { canSendMs: 1000, wantMs: 1000 } };
    await trial.peers({ to, count: PEERS, pingEvery: 1000, spread: 1000, hello });
    const { peers } = await trial.peers({ to });
    const since = now();
    await happen(server, clock);
    await passUntil(since + OBSERVED);
    const closes = server.program.all('close');
    const silent = closes.find(({ remotePort }) => remotePort === peers[0]?.port);
    const falsely = closes.length - (silent ? 1 : 0);
    return { falsely, silentAfter: silent ? Number(((silent.at - since) / 1000).toFixed(3)) : null };
  } finally {
    await trial.close();
    rmSync(folder, { recursive: true });
  }
}
