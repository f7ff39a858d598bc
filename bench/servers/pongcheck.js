// This responder with one check on its default schedule, so that freshness, ages and metrics are included. The argument
// is the number of PING threads.
import { createService } from '../../dist/index.js';
import { listening } from './listening.js';

const service = createService({
  threads: Number(process.argv[2] ?? 0),
  listen: [{ url: 'pong://127.0.0.1:0' }],
  http: false,
  limits: { pingsPerSecond: 0 },
  checks: { own: async () => {} },
});
const before = performance.now();
await service.start();
listening(Number(new URL(service.addresses[0]).port), performance.now() - before);
