// Entry file of a thread with a responder whose event loop a session may block.
import { type MessagePort, parentPort, workerData } from 'node:worker_threads';
import type { IsolatedData } from './isolated.js';
import { startResponder } from './responder.js';
import type { OperatorStep } from './session.js';

const { wanted, port: wantedPort, gate } = workerData as IsolatedData;
const main = parentPort as MessagePort;
const { host, port, operate } = await startResponder(wanted, wantedPort);

main.on('message', async (step: OperatorStep) => {
  if ('operator' in step && step.operator === 'block') Atomics.wait(gate, 0, 0);
  else await operate?.(step);
  if ('set' in step) main.postMessage('set');
});
main.postMessage({ host, port });
