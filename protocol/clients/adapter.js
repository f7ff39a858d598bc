// Connects this package's client to `pongcheck conformance --client 'node adapter.js {address}'`. Reads instructions
// and writes events, one JSON object per line (protocol/vectors/README.md, "The command").
import { createInterface } from 'node:readline';
import { connect, openLink } from 'pongcheck/client';

const say = (event) => process.stdout.write(`${JSON.stringify(event)}\n`);
const fail = ({ wire, code }, as) => say({ error: wire?.code ?? code.slice('PONGCHECK_'.length).toLowerCase(), ...as });

let client;
let watch;
const instructions = {
  ping: (options, as) =>
    client.ping({ responseTimeout: 10_000, ...options }).then(
      ({ status, healthy }) => say({ pong: status, healthy, ...as }),
      (error) => fail(error, as),
    ),
  pings: ({ as }) => as.map((name) => instructions.ping({}, { as: name })),
  hello: () => client.hello().then(() => say({ hello: true }), fail),
  watch: (options) => {
    watch?.end();
    watch = client.watch(options);
    follow(watch).catch(fail);
  },
  link: ({ addresses, intervalMs, maxPingsOut }) => {
    const link = openLink(addresses, { heartbeat: { interval: intervalMs, maxPingsOut } });
    link.on('state', ({ state, why }) => say({ state, reason: why }));
  },
};

async function follow(updates) {
  for await (const { status, healthy } of updates) say({ status, healthy });
}

for await (const line of createInterface({ input: process.stdin })) {
  const { do: name, ...options } = JSON.parse(line);
  if (name !== 'link') client ??= await connect(process.argv[2]);
  if (name in instructions) void instructions[name](options);
  else say({ unsupported: name });
}
process.exit();
