/** What keeps the page live, in the browser: each section is replaced when it is other than before. */
export const script = `
'use strict';
const shown = {};
const live = document.getElementById('live');
// The server's clock counts, whatever this machine's says.
let now = Number(document.body.dataset.now);
let heard = performance.now();
const present = () => now + performance.now() - heard;

function show(parts) {
  for (const [id, text] of Object.entries(parts)) {
    if (id === 'now' || shown[id] === text) continue;
    shown[id] = text;
    if (id === 'title') document.title = new DOMParser().parseFromString(text, 'text/html').body.textContent;
    else document.getElementById(id).innerHTML = text;
  }
  tick();
}

function ago(ms) {
  const seconds = Math.max(0, Math.floor(ms / 1000));
  if (seconds < 60) return seconds + ' s';
  if (seconds < 3600) return Math.floor(seconds / 60) + ' min';
  if (seconds < 86400) return Math.floor(seconds / 3600) + ' h ' + Math.floor(seconds / 60) % 60 + ' min';
  return Math.floor(seconds / 86400) + ' d ' + Math.floor(seconds / 3600) % 24 + ' h';
}

function say(text, lost) {
  document.body.classList.toggle('lost', lost);
  if (live.textContent !== text) live.textContent = text;
}

function tick() {
  for (const time of document.querySelectorAll('time')) time.dataset.ago = ago(present() - Date.parse(time.dateTime));
  // The server says something every 2 s: silence means that it is gone, or stands still.
  const silence = performance.now() - heard;
  if (silence > 7000) say('No word from the responder since ' + new Date(now).toISOString().slice(11, 19) + ' UTC: what is shown is old.', true);
  else say('Live.', false);
}

function listen() {
  const source = new EventSource(document.body.dataset.events);
  source.onmessage = (event) => {
    const parts = JSON.parse(event.data);
    now = Number(parts.now);
    heard = performance.now();
    show(parts);
  };
  source.onerror = () => {
    if (source.readyState === EventSource.CLOSED) setTimeout(listen, 3000);
  };
}

listen();
setInterval(tick, 1000);
tick();
`;
