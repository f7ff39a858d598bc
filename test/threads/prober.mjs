// A client on a separate thread, which reports a responder's answers while the event loop of the main thread is
// blocked.
import { parentPort, workerData } from 'node:worker_threads';
import { connect } from '../../dist/client.js';

const client = await connect(workerData);
const statuses = [];
const updates = [];
let isClosed = false;
let isTurning = false;
client.on('close', () => {
  isClosed = true;
});
parentPort.once('message', () => {
  isTurning = true;
});

const watch = client.watch();
void (async () => {
  for await (const { status } of watch) updates.push(status);
})().catch(() => {});

const last = {};
async function ask(scope) {
  const { status, report } = await client.ping({ scope, detail: true });
  const causes = (report?.causes ?? []).map(({ check, reason }) => ` ${check}=${reason}`);
  const line = `${scope} ${status}${causes.join('')}`;
  if (last[scope] !== line) statuses.push(line);
  last[scope] = line;
}
const isPassing = () => last.readiness === 'readiness pass' && last.liveness === 'liveness pass';

while (!isPassing()) {
  await ask('readiness');
  await ask('liveness');
}
parentPort.postMessage('ready');
while (!(isTurning && isPassing() && updates.length >= 3)) {
  await ask('readiness');
  await ask('liveness');
  await new Promise((resolve) => setTimeout(resolve, 5));
}
const seen = { statuses, updates: [...updates], isClosed };
client.close();
parentPort.postMessage(seen);
