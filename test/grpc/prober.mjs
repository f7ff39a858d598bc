// A gRPC client on a separate thread, which reports a responder's answers while the event loop of the main thread is
// blocked.
import { parentPort, workerData } from 'node:worker_threads';
import { Client, credentials, status } from '@grpc/grpc-js';

const names = ['UNKNOWN', 'SERVING', 'NOT_SERVING', 'SERVICE_UNKNOWN'];
const path = (method) => `/grpc.health.v1.Health/${method}`;
const encode = (service) => (service ? Buffer.from([0x0a, service.length, ...Buffer.from(service)]) : Buffer.alloc(0));
const decode = (bytes) => names[bytes[1] ?? 0];

const client = new Client(workerData, credentials.createInsecure());
const statuses = [];
const updates = [];
let isTurning = false;
parentPort.once('message', () => {
  isTurning = true;
});
const watch = client.makeServerStreamRequest(path('Watch'), encode, decode, '');
watch.on('data', (update) => updates.push(update)).on('error', () => {});

const last = {};
async function check(service) {
  const answer = await new Promise((resolve) =>
    client.makeUnaryRequest(path('Check'), encode, decode, service, (error, response) =>
      resolve(error ? status[error.code] : response),
    ),
  );
  const line = `${service} ${answer}`;
  if (last[service] !== line) statuses.push(line);
  last[service] = line;
}
const isServing = () => last.readiness === 'readiness SERVING' && last.liveness === 'liveness SERVING';

while (!isServing()) {
  await check('readiness');
  await check('liveness');
}
parentPort.postMessage('ready');
while (!(isTurning && isServing() && updates.at(-1) === 'SERVING' && updates.length >= 3)) {
  await check('readiness');
  await check('liveness');
  await new Promise((resolve) => setTimeout(resolve, 5));
}
watch.cancel();
client.close();
parentPort.postMessage({ statuses, updates });
