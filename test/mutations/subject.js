// A process with responders from one copy of dist, which may contain a mutation. Its parent starts and stops the
// responders and performs their operator steps with messages `{ call, key, value }`. Each message is answered by one
// with the same `call`.
import { pathToFileURL } from 'node:url';

const dist = pathToFileURL(`${process.argv[2]}/`);
const load = (path) => import(new URL(path, dist).href);
const { startResponder } = await load('cli/conformance/responder.js');
const { startIsolated } = await load('cli/conformance/isolated.js');

const responders = new Map();
const actions = {
  async start(key, wanted) {
    const responder = await (wanted.threads ? startIsolated(wanted) : startResponder(wanted));
    responders.set(key, responder);
    return { host: responder.host, port: responder.port };
  },
  operate: (key, step) => responders.get(key).operate(step),
  async stop(key) {
    await responders.get(key)?.stop();
    responders.delete(key);
  },
};

process.on('message', async ({ call, action, key, value }) => {
  const answer = await Promise.resolve(actions[action](key, value)).then(
    (result) => ({ result }),
    (error) => ({ error: error.message }),
  );
  process.send({ call, ...answer });
});
process.on('disconnect', () => process.exit());
process.send({ ready: true });
