import { Trial } from '../../test/system/trial.js';
import { type Range, rangeOf, type Shown, seconds, table } from './table.js';

const ROUNDS = 5;
const PEERS = 20;
const idleTimeout = 5000;

/** Measures when a silent client with a limit of 5 s is closed, from its last byte to the server's FIN. */
export async function accuracy(): Promise<Range> {
  const trial = new Trial();
  const silences: number[] = [];
  try {
    const server = await trial.server({ heartbeat: { idleTimeout } });
    const to = { host: '127.0.0.1', port: server.ports[0] };
    for (let round = 0; round < ROUNDS; round++) {
      const { program } = await trial.peers({ to, count: PEERS, spread: 1000, hello: {} });
      for (const { at, sentAt } of await program.saysAll('closed', PEERS)) silences.push(at - sentAt);
    }
  } finally {
    await trial.close();
  }
  return rangeOf(silences);
}

export function showAccuracy(closed: Range): Shown {
  return [
    table(
      ['server, limit 5 s', 'closed after'],
      [
        [`pongcheck, ${ROUNDS * PEERS} clients at random offsets, min / median / max`, seconds(closed, 3)],
        ['Swoole 6.2.2', '5.0-6.0 s'],
        ["Workerman 5.2.2 with its documentation's recipe", '5.3-6.4 s'],
        ['GatewayWorker 4.0.0', '7.5-10.0 s'],
      ],
    ),
  ];
}
