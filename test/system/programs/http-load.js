// HTTP load without a library: `http-load.js PLAN`, where PLAN is JSON with `to` {host, port}. The command `load`
// contains `connections`, `path`, `pipelined` (requests in one write), `reads` (false: never reads) and `ms`. The
// program keeps that many connections busy for that time, opens another one for each that is closed, and reports the
// number of responses read and of connections opened.
import { connect } from 'node:net';
import { onCommand, say } from './say.js';

const { to } = JSON.parse(process.argv[2]);
/** Delay between the close of a connection and the opening of its replacement, in milliseconds. */
const REOPEN = 10;

onCommand(({ load }) => {
  if (!load) return;
  const { connections, path, pipelined = 1, reads = true, ms } = load;
  const request = `GET ${path} HTTP/1.1\r\nHost: x\r\n\r\n`.repeat(pipelined);
  const open = new Set();
  let answers = 0;
  let opened = 0;
  let over = false;
  const begin = () => {
    if (over) return;
    opened++;
    const socket = connect({ ...to, noDelay: true });
    open.add(socket);
    socket.on('error', () => {});
    socket.on('connect', () => socket.write(request));
    if (reads) {
      socket.on('data', (chunk) => {
        const heads = chunk.toString('latin1').split('HTTP/1.1 ').length - 1;
        answers += heads;
        if (heads > 0 && socket.writableLength === 0) socket.write(request);
      });
    }
    socket.on('close', () => {
      open.delete(socket);
      setTimeout(begin, REOPEN);
    });
  };
  for (let n = 0; n < connections; n++) begin();
  setTimeout(() => {
    over = true;
    for (const socket of open) socket.destroy();
    say('loaded', { answers, opened });
  }, ms);
});
say('ready');
