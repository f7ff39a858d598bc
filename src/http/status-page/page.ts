import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { Html, html } from './html.js';
import { icon, withAges } from './marks.js';
import type { Parts } from './parts.js';

/** A live page with inline script and style. */
export interface LivePage {
  /** Allows nothing from other origins, and only this inline script and style. */
  readonly contentSecurityPolicy: string;
  /**
   * Renders the HTML document.
   *
   * @param parts parts of the page. Ids of list items begin with `item-`.
   * @param events relative URL of the server-sent events that update the page.
   * @param wall wall-clock time in milliseconds.
   */
  render(parts: Parts, events: string, wall: number): string;
}

/** Parts above and below the list of items, in order. Empty parts are not shown. */
const above = ['state', 'hidden', 'past', 'why', 'degraded', 'groups', 'none'] as const;
const below = ['log', 'connections'] as const;

/** Reads the script and the style of the page from `assets/`. */
export async function loadPage(): Promise<LivePage> {
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
  return {
    contentSecurityPolicy,
    render: (parts, events, wall) => withAges(render(parts, events, wall, script, style), wall),
  };
}

function readAsset(name: string): Promise<string> {
  return readFile(new URL(`./assets/${name}`, import.meta.url), 'utf8');
}

function hash(text: string): string {
  return `'sha256-${createHash('sha256').update(text).digest('base64')}'`;
}

/** Without JavaScript, the page reloads itself every 5 s. */
function render(parts: Parts, events: string, wall: number, script: string, style: string): string {
  const part = (id: string) => new Html(parts[id] ?? '');
  const section = (id: string) => html`<section id="${id}">${part(id)}</section>
`;
  const items = (parts.items ?? '').split(' ').filter((id) => id !== '');
  return html`<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1">
<title>${parts.title}</title><link rel="icon" id="icon" href="${parts.icon}"><style>${new Html(style)}</style>
<noscript><meta http-equiv="refresh" content="5"></noscript></head>
<body data-events="${events}" data-now="${wall}" data-lost-icon="${icon('lost')}">
<main><p id="live" role="status">Snapshot; reloads every 5 s.</p>
${above.map(section)}<ul id="items">${items.map(part)}</ul>
${below.map(section)}</main><footer id="about">${part('about')}</footer>
<script>${new Html(script)}</script></body></html>
`.text;
}
