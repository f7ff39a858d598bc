// A plain TCP proxy: `tcp-proxy.js HOST PORT`, the destination. Each side has its own TCP connection, as with any
// proxy.
import { connect, createServer } from 'node:net';
import { say } from './say.js';

const [host, port] = process.argv.slice(2);
const server = createServer({ noDelay: true }, (near) => {
  const far = connect({ host, port: Number(port), noDelay: true });
  for (const [from, to] of [
    [near, far],
    [far, near],
  ]) {
    from.pipe(to);
    from.on('error', () => to.destroy());
  }
});
server.listen(0, '0.0.0.0', () => say('listening', { port: server.address().port }));
