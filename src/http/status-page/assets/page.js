/** Keeps the page live: each section that changed is replaced, from the server-sent events of the service. */
const RETRY_MS = 3000;
/** The server sends a message every 2 s; after this long without one the connection counts as lost. */
const LOST_AFTER_MS = 7000;

const shown = {};
const live = document.getElementById('live');
// Ages are computed from the server's clock: the clock of this machine may differ.
let serverTime = Number(document.body.dataset.now);
let receivedAt = performance.now();

function show(sections) {
  for (const [id, text] of Object.entries(sections)) {
    if (id === 'now' || shown[id] === text) continue;
    shown[id] = text;
    if (id === 'title') document.title = new DOMParser().parseFromString(text, 'text/html').body.textContent;
    else document.getElementById(id).innerHTML = text;
  }
  updateAges();
}

function formatAge(ms) {
  const seconds = Math.max(0, Math.floor(ms / 1000));
  if (seconds < 60) return `${seconds} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min`;
  if (seconds < 86400) return `${Math.floor(seconds / 3600)} h ${Math.floor(seconds / 60) % 60} min`;
  return `${Math.floor(seconds / 86400)} d ${Math.floor(seconds / 3600) % 24} h`;
}

function showConnection(text, isLost) {
  document.body.classList.toggle('lost', isLost);
  if (live.textContent !== text) live.textContent = text;
}

function updateAges() {
  const silence = performance.now() - receivedAt;
  for (const time of document.querySelectorAll('time')) {
    time.dataset.ago = formatAge(serverTime + silence - Date.parse(time.dateTime));
  }
  const lastUpdate = new Date(serverTime).toISOString().slice(11, 19);
  if (silence > LOST_AFTER_MS) showConnection(`Connection lost at ${lastUpdate} UTC; data may be outdated.`, true);
  else showConnection('Live.', false);
}

function subscribe() {
  const source = new EventSource(document.body.dataset.events);
  source.onmessage = (event) => {
    const sections = JSON.parse(event.data);
    serverTime = Number(sections.now);
    receivedAt = performance.now();
    show(sections);
  };
  source.onerror = () => {
    if (source.readyState === EventSource.CLOSED) setTimeout(subscribe, RETRY_MS);
  };
}

subscribe();
setInterval(updateAges, 1000);
updateAges();
