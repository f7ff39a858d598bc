import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import type { Subject } from './play.js';
import type { Wanted } from './session.js';

export interface IsolatedData {
  readonly wanted: Wanted;
  readonly port: number;
  /** 0: the `block` step waits. 1: it does not wait. */
  readonly gate: Int32Array;
}

/** Starts a responder with these settings on a thread, so that its event loop can be blocked. */
export async function startIsolated(wanted: Wanted, onPort = 0): Promise<Subject & { stop(): Promise<void> }> {
  const gate = new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT));
  const workerData: IsolatedData = { wanted, port: onPort, gate };
  const worker = new Worker(new URL('./isolated-thread.js', import.meta.url), { workerData });
  const [{ host, port }] = (await once(worker, 'message')) as [{ host: string; port: number }];
  const open = () => {
    Atomics.store(gate, 0, 1);
    Atomics.notify(gate, 0);
  };
  return {
    host,
    port,
    operate: async (step) => {
      if ('set' in step) {
        worker.postMessage(step);
        await once(worker, 'message');
      } else if (step.operator === 'unblock') open();
      else {
        if (step.operator === 'block') Atomics.store(gate, 0, 0);
        worker.postMessage(step);
      }
    },
    stop: async () => {
      open();
      await worker.terminate();
    },
  };
}
