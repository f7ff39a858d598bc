import { join } from 'node:path';
import { now, type Program, passUntil } from '../../test/system/program.js';
import { Trial } from '../../test/system/trial.js';
import { type Shown, table } from './table.js';

const CONNECTIONS = 10_000;
const HEARTBEAT = 10_000;
const SETTLE = 15_000;
const MEASURED = 60_000;
const echoProgram = join(process.cwd(), 'bench', 'experiments', 'programs', 'echo.js');

/**
 * Measures what 10,000 idle connections, whose clients send PINGs every 10 s, cost the responder, and how long its
 * sweeps take.
 */
export async function idleCost(): Promise<Shown> {
  const trial = new Trial();
  try {
    const echo = trial.program([process.execPath, echoProgram]);
    const floor = await measured(trial, echo, (await echo.says('listening')).port);
    await echo.kill();
    const { program, ports } = await trial.server({ timed: true });
    const own = await measured(trial, program, ports[0] as number);
    return [
      table(
        ['10,000 idle connections with a PING every 10 s, 60 s', 'responder', 'bare Node.js echo'],
        [
          ['CPU, of one core', percent(own.user + own.system), percent(floor.user + floor.system)],
          ['of which in the kernel', percent(own.system), percent(floor.system)],
          ['connections open at the end', String(own.open), String(floor.open)],
          ['PONGs per second', own.pongs.toFixed(0), floor.pongs.toFixed(0)],
          ['longest sweep', `${own.longest.toFixed(2)} ms`, ''],
        ],
      ),
    ];
  } finally {
    await trial.close();
  }
}

const percent = (part: number) => `${(part * 100).toFixed(2)} %`;

/** Fractions of one core. `longest`: the longest timer, in milliseconds. */
async function measured(trial: Trial, server: Program, port: number) {
  const to = { host: '127.0.0.1', port };
  const { program: peers } = await trial.peers({ to, count: CONNECTIONS, pingEvery: HEARTBEAT, spread: HEARTBEAT });
  await passUntil(now() + SETTLE);
  const pongs = async () => {
    const { peers: list } = await peers.ask({ list: true }, 'peers');
    return list.reduce((sum: number, peer: { pongs: number }) => sum + peer.pongs, 0);
  };
  const pongsBefore = await pongs();
  const before = await server.ask({ work: true }, 'worked');
  await passUntil(before.at + MEASURED);
  const after = await server.ask({ work: true }, 'worked');
  const seconds = (after.at - before.at) / 1000;
  const cpu = (part: 'user' | 'system') => (after.cpu[part] - before.cpu[part]) / 1e6 / seconds;
  const each = ((await pongs()) - pongsBefore) / seconds;
  await peers.kill();
  return { user: cpu('user'), system: cpu('system'), open: after.open, longest: after.longest, pongs: each };
}
