import type { ExplainedCause } from '../../health/explain.js';
import { type Html, html } from './html.js';
import { lookOf } from './marks.js';
import { itemId } from './rows.js';

/** Number of causes that are not collapsed, so that the checks remain on the first screen. */
const SHOWN_CAUSES = 3;

/** Whether the page shows the row of a check. */
type Shows = (name: string) => boolean;

/** The list of causes that determine the state. */
export function causeList(causes: readonly ExplainedCause[], shows: Shows): Html {
  if (causes.length === 0) return html``;
  const items = causes.map((cause) => causeItem(cause, shows));
  const more = items.slice(SHOWN_CAUSES);
  return html`<h2>${titleOf(causes)}</h2><ul class="causes">${items.slice(0, SHOWN_CAUSES)}</ul>${
    more.length > 0 && html`<details><summary>${more.length} more</summary><ul class="causes">${more}</ul></details>`
  }`;
}

/** A cause that only warns is not called a root cause. */
function titleOf(causes: readonly ExplainedCause[]): string {
  if (causes.every(({ state }) => state === 'warn')) return 'Degraded';
  return causes.length === 1 ? 'Root cause' : 'Root causes';
}

/** A collapsed list, because these causes do not determine the state and are also shown at the checks. */
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
