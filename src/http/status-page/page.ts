import { createHash } from 'node:crypto';
import { Html, html } from './html.js';
import { script } from './script.js';
import type { Sections } from './sections.js';
import { style } from './style.js';

const hash = (text: string) => `'sha256-${createHash('sha256').update(text).digest('base64')}'`;

/** Nothing from elsewhere, and nothing inside but what stands here. */
export const contentSecurityPolicy = [
  "default-src 'none'",
  `script-src ${hash(script)}`,
  `style-src ${hash(style)}`,
  "connect-src 'self'",
  'img-src data:',
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ');

/** The whole page. Without JavaScript it loads itself anew every 5 s. `events`: where its changes come from. */
export function document(parts: Sections, events: string): string {
  const part = (id: keyof Sections) => new Html(parts[id]);
  return html`<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1">
<title>${part('title')}</title><link rel="icon" href="data:,"><style>${new Html(style)}</style>
<noscript><meta http-equiv="refresh" content="5"></noscript></head>
<body data-events="${events}" data-now="${part('now')}"><header><h1>pongcheck status</h1></header>
<main><p id="state" role="status">${part('state')}</p><p id="live">As of the moment in which this page was loaded.</p>
<h2>Why</h2><div id="why">${part('why')}</div><div id="chain">${part('chain')}</div>
<h2>Checks</h2><div id="checks">${part('checks')}</div>
<h2>What changed</h2><div id="log">${part('log')}</div>
<h2>Connections</h2><div id="connections">${part('connections')}</div></main>
<script>${new Html(script)}</script></body></html>
`.text;
}
