/**
 * Updates the page from server-sent events, which contain the parts that changed. Elements are changed in place, so
 * that the focus, the selected minute and open details are kept.
 */
const RETRY_MS = 3000;
/** The server sends a message every 2 s. The connection is considered lost after this time without a message. */
const LOST_AFTER_MS = 7000;
const MINUTE_MS = 60_000;
/** Time after which an open row reloads its bar. */
const RELOAD_MS = 10_000;
/** Attributes that the script sets, and `open` for the state of details. */
const ownAttribute = /^(?:open|role|tabindex|aria-value.*|data-ago|data-loaded|data-url)$/;

const live = document.getElementById('live');
const list = document.getElementById('items');
const favicon = document.getElementById('icon');
// Ages are computed with the server's clock, because the clock of this machine may differ.
let serverTime = Number(document.body.dataset.now);
let receivedAt = performance.now();
let title = document.title;
let iconUrl = favicon.href;
let isLost = false;

// -- parts -------------------------------------------------------------------

function parse(html) {
  const template = document.createElement('template');
  template.innerHTML = html;
  return template.content;
}

/** Makes the children of `to` equal to those of `from`, and keeps existing elements. */
function morph(to, from) {
  let old = to.firstChild;
  for (const next of [...from.childNodes]) {
    const following = old?.nextSibling ?? null;
    if (!old) to.append(next);
    else if (old.nodeName !== next.nodeName) old.replaceWith(next);
    else if (next.nodeType === Node.ELEMENT_NODE) morphElement(old, next);
    else if (old.data !== next.data) old.data = next.data;
    old = following;
  }
  while (old) {
    const following = old.nextSibling;
    old.remove();
    old = following;
  }
}

function morphElement(old, next) {
  for (const { name, value } of next.attributes) {
    if (!(ownAttribute.test(name) && old.hasAttribute(name)) && old.getAttribute(name) !== value)
      old.setAttribute(name, value);
  }
  for (const { name } of [...old.attributes]) {
    if (!next.hasAttribute(name) && !ownAttribute.test(name)) old.removeAttribute(name);
  }
  if (!old.dataset.loaded || !next.matches('.lazy')) morph(old, next);
}

function show(parts) {
  const focused = document.activeElement;
  const kept = selected;
  for (const [id, text] of Object.entries(parts)) {
    if (id === 'title') title = text;
    else if (id === 'icon') iconUrl = text;
    else if (id.startsWith('item-')) showItem(id, parse(text));
    else if (id !== 'items') morph(document.getElementById(id), parse(text));
  }
  if (parts.items !== undefined) arrange(parts.items.split(' '));
  // Moving an element removes its focus.
  if (focused !== document.activeElement && focused?.isConnected) focused.focus({ preventScroll: true });
  selected = kept;
  showIdentity();
  prepareBars();
  showMinute();
  updateAges();
}

function showItem(id, content) {
  const old = document.getElementById(id);
  if (old) morphElement(old, content.firstElementChild);
  else list.append(content);
}

/** Puts the items in this order and removes all others. */
function arrange(ids) {
  const wanted = new Set(ids);
  for (const item of [...list.children]) if (!wanted.has(item.id)) item.remove();
  let at = list.firstElementChild;
  for (const id of ids) {
    const item = document.getElementById(id);
    if (!item) continue;
    if (item === at) at = at.nextElementSibling;
    else list.insertBefore(item, at);
  }
}

// -- connection and ages -----------------------------------------------------

function formatAge(ms) {
  const seconds = Math.max(0, Math.floor(ms / 1000));
  if (seconds < 60) return `${seconds} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min`;
  if (seconds < 86400) return `${Math.floor(seconds / 3600)} h ${Math.floor(seconds / 60) % 60} min`;
  return `${Math.floor(seconds / 86400)} d ${Math.floor(seconds / 3600) % 24} h`;
}

function updateAges() {
  const silence = performance.now() - receivedAt;
  for (const time of document.querySelectorAll('time')) {
    const ago = formatAge(serverTime + silence - Date.parse(time.dateTime));
    if (time.dataset.ago !== ago) time.dataset.ago = ago;
  }
  if (silence > LOST_AFTER_MS) showLost();
}

function showConnection(text) {
  document.body.classList.toggle('lost', isLost);
  if (live.textContent !== text) live.textContent = text;
  showIdentity();
}

function showIdentity() {
  const text = isLost ? `Connection lost · ${title}` : title;
  if (document.title !== text) document.title = text;
  const url = isLost ? document.body.dataset.lostIcon : iconUrl;
  if (favicon.getAttribute('href') !== url) favicon.href = url;
}

function showLost() {
  if (isLost) return;
  isLost = true;
  const at = new Date(serverTime + performance.now() - receivedAt).toISOString().slice(11, 19);
  const last = new Date(serverTime).toISOString().slice(11, 19);
  showConnection(`Connection lost at ${at} UTC. The page shows the state of ${last} UTC.`);
}

function subscribe() {
  const source = new EventSource(document.body.dataset.events);
  source.onmessage = (event) => {
    const { now, parts } = JSON.parse(event.data);
    serverTime = now;
    receivedAt = performance.now();
    isLost = false;
    show(parts);
    showConnection('Live');
  };
  source.onerror = () => {
    showLost();
    if (source.readyState === EventSource.CLOSED) setTimeout(subscribe, RETRY_MS);
  };
}

// -- bars --------------------------------------------------------------------

const stateWords = { p: 'pass', w: 'warn', f: 'fail', u: 'unknown', o: 'starting or draining' };
/** The bar with a selected minute, and the wall-clock time at which that minute begins. */
let selected;

/** Makes bars sliders with one tab stop each, in which the arrow keys select a minute. */
function prepareBars(root = document) {
  for (const bar of root.querySelectorAll('svg.bar:not([tabindex])')) {
    bar.setAttribute('tabindex', '0');
    bar.setAttribute('role', 'slider');
    bar.setAttribute('aria-valuemin', '1');
    describe(bar, slotsOf(bar).length - 1);
  }
}

function slotsOf(bar) {
  return bar.dataset.slots.split(';');
}

function startOf(bar) {
  return Number(bar.dataset.end) - slotsOf(bar).length * MINUTE_MS;
}

function textOf(bar, index) {
  const time = new Date(startOf(bar) + index * MINUTE_MS).toISOString().slice(11, 16);
  const [state, unhealthy, runs, failures, mean] = slotsOf(bar)[index].split(',');
  if (!state) return `${time} UTC: no data`;
  const duration = unhealthy > 0 && unhealthy < 60 ? ` for ${unhealthy} s` : '';
  const ran =
    runs > 0
      ? `, ${failures > 0 ? `${failures} of ` : ''}${runs} ${runs === '1' ? 'run' : 'runs'}${failures > 0 ? ' failed' : ''}`
      : '';
  return `${time} UTC: ${stateWords[state]}${duration}${ran}${mean ? `, mean ${mean} ms` : ''}`;
}

function describe(bar, index) {
  bar.setAttribute('aria-valuemax', String(slotsOf(bar).length));
  bar.setAttribute('aria-valuenow', String(index + 1));
  bar.setAttribute('aria-valuetext', textOf(bar, index));
}

function select(bar, index) {
  if (selected && selected.bar !== bar) clearSelection();
  const last = slotsOf(bar).length - 1;
  selected = { bar, minute: startOf(bar) + Math.min(last, Math.max(0, index)) * MINUTE_MS };
  showMinute();
}

function clearSelection() {
  const bar = selected?.bar;
  selected = undefined;
  bar?.querySelector('.cursor')?.remove();
  if (bar?.isConnected) captionOf(bar).textContent = '';
}

function captionOf(bar) {
  return bar.parentElement.querySelector('.minute');
}

/** Shows the selected minute with a marker in the bar and the text below it. */
function showMinute() {
  if (!selected) return;
  const { bar, minute } = selected;
  const index = (minute - startOf(bar)) / MINUTE_MS;
  if (!bar.isConnected || index < 0) return clearSelection();
  let cursor = bar.querySelector('.cursor');
  if (!cursor) {
    cursor = document.createElementNS('http://www.w3.org/2000/svg', 'rect');
    const { height, width } = bar.viewBox.baseVal;
    for (const [name, value] of Object.entries({ class: 'cursor', height, width: width / slotsOf(bar).length }))
      cursor.setAttribute(name, value);
    bar.append(cursor);
  }
  cursor.setAttribute('x', index * cursor.getAttribute('width'));
  captionOf(bar).textContent = textOf(bar, index);
  describe(bar, index);
}

function selectedIndex(bar) {
  return selected?.bar === bar ? (selected.minute - startOf(bar)) / MINUTE_MS : slotsOf(bar).length - 1;
}

function barOf({ target }) {
  return target.closest?.('svg.bar');
}

function selectAt(bar, { clientX }) {
  const { left, width } = bar.getBoundingClientRect();
  select(bar, Math.floor(((clientX - left) / width) * slotsOf(bar).length));
}

const steps = {
  ArrowLeft: -1,
  ArrowDown: -1,
  ArrowRight: 1,
  ArrowUp: 1,
  PageDown: -10,
  PageUp: 10,
  Home: -Infinity,
  End: Infinity,
};

document.addEventListener('keydown', (event) => {
  const bar = barOf(event);
  if (!bar || !(event.key in steps) || event.altKey || event.ctrlKey || event.metaKey) return;
  event.preventDefault();
  select(bar, selectedIndex(bar) + steps[event.key]);
});
document.addEventListener('focusin', (event) => {
  const bar = barOf(event);
  if (bar && selected?.bar !== bar) select(bar, slotsOf(bar).length - 1);
});
document.addEventListener('focusout', (event) => {
  if (barOf(event) && !barOf(event).matches(':focus')) clearSelection();
});
document.addEventListener('pointermove', (event) => {
  const bar = barOf(event);
  if (bar) selectAt(bar, event);
  else if (selected && selected.bar !== document.activeElement) clearSelection();
});
document.addEventListener('pointerdown', (event) => {
  const bar = barOf(event);
  if (bar) selectAt(bar, event);
});

// -- rows that load their bar ------------------------------------------------

async function load(details) {
  details.dataset.loaded = String(performance.now());
  details.dataset.url ??= details.querySelector('a').href;
  try {
    const response = await fetch(details.dataset.url);
    const page = new DOMParser().parseFromString(await response.text(), 'text/html');
    const past = page.querySelector('#items .past:not(details)');
    const old = details.querySelector('.past');
    if (!past) delete details.dataset.loaded;
    else if (old) morph(old, past);
    else details.querySelector('a').replaceWith(past);
  } catch {
    // If loading fails, the link stays.
    delete details.dataset.loaded;
  }
  prepareBars();
  showMinute();
}

document.addEventListener(
  'toggle',
  ({ target }) => {
    if (target.open && target.matches('.lazy') && !target.dataset.loaded) load(target);
  },
  // Toggle events do not bubble.
  true,
);

function reloadOpen() {
  for (const details of document.querySelectorAll('.lazy[open][data-loaded]')) {
    if (!isLost && performance.now() - Number(details.dataset.loaded) > RELOAD_MS) load(details);
  }
}

prepareBars();
subscribe();
setInterval(updateAges, 1000);
setInterval(reloadOpen, 5000);
updateAges();
