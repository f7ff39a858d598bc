import type { ExplainedCause, Explanation } from '../../health/explain.js';
import { type Html, html } from './html.js';
import { lookOf } from './marks.js';
import type { Board } from './overview.js';
import { itemId } from './rows.js';

/** Causes beyond these are collapsed, so that the checks stay on the first screen. */
const SHOWN_CAUSES = 3;

/** Whether the page shows the row of a check. */
type Shows = (name: string) => boolean;
type Causes = Pick<Explanation, 'causes' | 'degraded'>;

/** Checks of one server that fail for the same reason are one cause: one dead Redis behind two checks. */
export function onePerTarget({ causes, degraded }: Causes, checks: Board['checks']): Causes {
  const found = new Map<string, ExplainedCause>();
  const merge = (cause: ExplainedCause) => {
    const key = serverOf(cause, checks) ?? JSON.stringify([cause.path, cause.checks]);
    const other = found.get(key);
    found.set(key, other ? { ...other, checks: [...other.checks, ...cause.checks] } : cause);
    return key;
  };
  const keys = new Set(causes.map(merge));
  degraded.map(merge);
  const entries = [...found];
  return {
    causes: entries.filter(([key]) => keys.has(key)).map(([, cause]) => cause),
    degraded: entries.filter(([key]) => !keys.has(key)).map(([, cause]) => cause),
  };
}

/** The server that a check of this service contacts, and why it fails; undefined for other causes. */
function serverOf({ path, checks: [name, ...others] }: ExplainedCause, checks: Board['checks']): string | undefined {
  const entry = name === undefined ? undefined : checks[name]?.[0];
  const server = /^[a-z+-]+:\/\/[^/]+/.exec(entry?.target ?? '')?.[0];
  if (path.length > 2 || others.length > 0 || server === undefined) return undefined;
  return JSON.stringify([entry?.kind, server, entry?.reason]);
}

/** What makes the state what it is. */
export function causeList(causes: readonly ExplainedCause[], shows: Shows): Html {
  if (causes.length === 0) return html``;
  const items = causes.map((cause) => causeItem(cause, shows));
  const more = items.slice(SHOWN_CAUSES);
  return html`<h2>${titleOf(causes)}</h2><ul class="causes">${items.slice(0, SHOWN_CAUSES)}</ul>${
    more.length > 0 && html`<details><summary>${more.length} more</summary><ul class="causes">${more}</ul></details>`
  }`;
}

/** What only warns is no root cause. */
function titleOf(causes: readonly ExplainedCause[]): string {
  if (causes.every(({ state }) => state === 'warn')) return 'Degraded';
  return causes.length === 1 ? 'Root cause' : 'Root causes';
}

/** Collapsed: it does not make the state what it is, and the checks say the same. */
export function degradedList(degraded: readonly ExplainedCause[], shows: Shows): Html {
  if (degraded.length === 0) return html``;
  const names = degraded.map(({ path }) => path.at(-1)).join(', ');
  return html`<details><summary><b>Also degraded</b> ${names}</summary><ul class="causes">${degraded.map((cause) => causeItem(cause, shows))}</ul></details>`;
}

function causeItem({ text, path, checks, state, peers }: ExplainedCause, shows: Shows): Html {
  const isChain = path.length > 2;
  const affected = isChain || checks.length > 1 ? checks : [];
  return html`<li class="${lookOf(state)}"><p>${text}${peers && html` ${peers}`}</p>${
    isChain ? html`<ol class="chain">${path.map((step) => html`<li>${step}</li>`)}</ol>` : undefined
  }${affected.length > 0 ? html`<p class="affected">Affects ${affected.map((name, index) => html`${index > 0 && ', '}<a href="${linkTo(name, shows)}">${name}</a>`)}</p>` : undefined}</li>`;
}

function linkTo(check: string, shows: Shows): string {
  return shows(check) ? `#${itemId(encodeURIComponent(check))}` : `?check=${encodeURIComponent(check)}`;
}
