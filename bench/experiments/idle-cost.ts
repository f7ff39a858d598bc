import { now, passUntil } from '../../test/system/program.js';
import { Trial } from '../../test/system/trial.js';
import { table } from './table.js';

const CONNECTIONS = 10_000;
const HEARTBEAT = 10_000;
const SETTLE = 15_000;
const MEASURED = 60_000;

/** What 10,000 idle connections cost the responder, whose clients PING every 10 s, and how long its sweeps take. */
export async function idleCost(): Promise<string> {
  const trial = new Trial();
  try {
    const server = await trial.server({ timed: true });
    const to = { host: '127.0.0.1', port: server.ports[0] };
    const peers = await trial.peers({ to, count: CONNECTIONS, pingEvery: HEARTBEAT, spread: HEARTBEAT });
    await passUntil(now() + SETTLE);
    const before = await server.program.ask({ work: true }, 'worked');
    await passUntil(before.at + MEASURED);
    const after = await server.program.ask({ work: true }, 'worked');
    const cpu = (part: 'user' | 'system') => (after.cpu[part] - before.cpu[part]) / 1000 / (after.at - before.at);
    const percent = (part: number) => `${(part * 100).toFixed(2)} %`;
    const closed = server.program.all('close').length;
    const told = (await peers.program.ask({ list: true }, 'peers')).peers as { pongs: number }[];
    return table(
      ['10,000 idle connections, a PING of each every 10 s, over 60 s', ''],
      [
        ['CPU of the responder, of one core', percent(cpu('user') + cpu('system'))],
        ['of that in the kernel', percent(cpu('system'))],
        ['connections open, closed', `${after.open}, ${closed}`],
        ['PONGs that came, since the start', String(told.reduce((sum, { pongs }) => sum + pongs, 0))],
        ['longest sweep', `${after.longest.toFixed(2)} ms`],
      ],
    );
  } finally {
    await trial.close();
  }
}
