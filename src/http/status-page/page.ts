import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { Html, html } from './html.js';
import type { Sections } from './sections.js';

/** The status page, with its script and style inline. */
export interface StatusPage {
  /** Allows nothing from other origins, and inline only this script and this style. */
  readonly contentSecurityPolicy: string;
  /** The HTML document. `events` is the relative URL of the server-sent events that update it. */
  render(sections: Sections, events: string): string;
}

/** Reads the script and the style of the page from `assets/`. */
export async function loadPage(): Promise<StatusPage> {
  const [script, style] = await Promise.all([readAsset('page.js'), readAsset('page.css')]);
  const contentSecurityPolicy = [
    "default-src 'none'",
    `script-src ${hash(script)}`,
    `style-src ${hash(style)}`,
    "connect-src 'self'",
    'img-src data:',
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ].join('; ');
  return { contentSecurityPolicy, render: (sections, events) => render(sections, events, script, style) };
}

function readAsset(name: string): Promise<string> {
  return readFile(new URL(`./assets/${name}`, import.meta.url), 'utf8');
}

function hash(text: string): string {
  return `'sha256-${createHash('sha256').update(text).digest('base64')}'`;
}

/** Without JavaScript the page reloads itself every 5 s. */
function render(sections: Sections, events: string, script: string, style: string): string {
  const section = (id: keyof Sections) => new Html(sections[id]);
  return html`<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1">
<title>${section('title')}</title><link rel="icon" href="data:,"><style>${new Html(style)}</style>
<noscript><meta http-equiv="refresh" content="5"></noscript></head>
<body data-events="${events}" data-now="${section('now')}"><header><h1>pongcheck status</h1></header>
<main><p id="state" role="status">${section('state')}</p><p id="live">Snapshot; reloads every 5 s.</p>
<h2>Why</h2><div id="why">${section('why')}</div><div id="chain">${section('chain')}</div>
<h2>Checks</h2><div id="checks">${section('checks')}</div>
<h2>Recent changes</h2><div id="log">${section('log')}</div>
<h2>Connections</h2><div id="connections">${section('connections')}</div></main>
<script>${new Html(script)}</script></body></html>
`.text;
}
