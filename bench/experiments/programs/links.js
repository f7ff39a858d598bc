// Clients under test, created with `openLink`: `links.js CLIENT PLAN`, where CLIENT is the compiled client and PLAN is
// JSON with `to` (an address), `count` and `heartbeat`. It reports when all links are up. For each link, it reports the
// first time that it goes down, after which it is closed, and the first status that is not healthy.
import { onCommand, say } from '../../../test/system/programs/say.js';

const [client, text] = process.argv.slice(2);
const { openLink } = await import(client);
const { to, count, heartbeat } = JSON.parse(text);

let up = 0;
let answered = 0;
for (let n = 0; n < count; n++) {
  const link = openLink(to, { heartbeat });
  link.on('pong', () => answered++);
  link.on('status', (status) => {
    if (status !== 'pass' && status !== 'warn') say('status', { status });
  });
  link.on('state', ({ state, why }) => {
    if (state === 'up' && ++up === count) say('up');
    if (state !== 'down') return;
    say('down', { why });
    void link.close();
  });
}
onCommand(() => say('links', { answered }));
