import { truncate } from '../../common/redact.js';
import type { ResponderState } from '../../fleet/responder.js';
import { causeText, type SharedCause } from '../../fleet/summary.js';
import { MINUTE_MS } from '../../health/history/slot.js';
import { type Html, html } from '../status-page/html.js';
import { badge, icon, lookOf, moment } from '../status-page/marks.js';
import { type Parts, texts } from '../status-page/parts.js';
import { type DetailAccess, hiddenNote } from '../status-page/sections.js';
import { type BarOptions, coarseBar, historyBar } from '../status-page/svg.js';
import { type BareFleetBoard, bareFleetBoard, type FleetEntry, type FleetView, fleetBoard } from './board.js';

/** Number of causes that are not collapsed. */
const SHOWN_CAUSES = 5;
/** Maximum number of causes on the page. Further causes are only in `fleet.json`. */
const MAX_CAUSES = 50;
/**
 * Maximum number of full rows. If there are more, all rows have coarse bars, no signs and shorter reasons, so that the
 * page stays below 400 KiB.
 */
const MAX_FULL_ROWS = 50;
const MAX_REASON = 60;
const MINUTES = 60;

/** The parts of the page for viewers without access to detail. */
export function bareFleetParts(fleet: FleetView, access: DetailAccess): Parts {
  const board = bareFleetBoard(fleet);
  return texts({ ...head(board), hidden: hiddenNote(access), groups: stateList(board.counts) });
}

/**
 * The parts of the page for viewers with access to detail.
 *
 * @param wall wall-clock time in milliseconds.
 * @param only shows only the responders in this state; undefined: all.
 */
export function fleetParts(
  fleet: FleetView,
  { wall, only }: { wall: number; only: ResponderState | undefined },
): Parts {
  const { responders } = fleet;
  const board = fleetBoard(fleet, responders);
  const shown = responders.flatMap((responder, index) => {
    const entry = board.responders[index] as FleetEntry;
    return only === undefined || only === entry.state ? [{ responder, entry }] : [];
  });
  const isFull = shown.length <= MAX_FULL_ROWS;
  const end = fleet.minute + MINUTE_MS;
  const rows = shown.map(({ responder, entry }): [string, Html] => {
    const slots = fleet.slots(responder, MINUTES);
    const { address: name } = entry;
    const bar = isFull ? fullBar(slots, { name, end }) : coarseBar(slots);
    const id = `item-${responder.id}`;
    return [id, row(id, entry, wall, isFull, bar)];
  });
  const [degraded, causes] = partition(board.causes, ({ state }) => state === 'warn');
  return texts({
    ...head(board),
    why: causeList(causes.length === 1 ? 'Cause' : 'Causes', causes, board.total),
    degraded: causeList('Also degraded', degraded, board.total),
    groups: stateLinks(board, only),
    none: notes(board.unresolved, board.excess),
    items: rows.map(([id]) => id).join(' '),
    ...Object.fromEntries(rows),
    about: html`<p><a href="status">this responder</a> · <a href="fleet.json">data as JSON</a></p>`,
  });
}

function head({ state, headline, total }: BareFleetBoard) {
  return {
    title: `${headline.replace(/[,.].*/, '')} · fleet`,
    icon: icon(total === 0 ? 'unknown' : state),
    state: html`<div class="band ${lookOf(total === 0 ? 'unknown' : state)}"><h1>${headline}</h1></div>`,
  };
}

/** The list of causes of all responders. */
function causeList(title: string, causes: readonly SharedCause[], total: number): Html {
  if (causes.length === 0) return html``;
  const items = causes
    .slice(0, MAX_CAUSES)
    .map(
      (cause) =>
        html`<li class="${lookOf(cause.state)}"><p><b>${causeText(cause)}</b> at ${cause.responders} of ${total} responders</p></li>`,
    );
  const more = items.slice(SHOWN_CAUSES);
  return html`<h2>${title}</h2><ul class="causes">${items.slice(0, SHOWN_CAUSES)}</ul>${
    more.length > 0 &&
    html`<details><summary>${causes.length - SHOWN_CAUSES} more</summary><ul class="causes">${more}</ul></details>`
  }`;
}

function stateList(counts: BareFleetBoard['counts']): Html {
  const items = entriesOf(counts).map(([state, count]) => html`<li>${badge(state)} ${count}</li>`);
  return html`<ul>${items}</ul>`;
}

function stateLinks({ counts, total }: BareFleetBoard, only: ResponderState | undefined): Html {
  const link = (url: string, isCurrent: boolean, content: Html) =>
    html`<li><a href="${url}"${isCurrent && html` aria-current="page"`}>${content}</a></li>`;
  const links = entriesOf(counts).map(([state, count]) =>
    link(`?state=${state}`, state === only, html`${badge(state)} ${count}`),
  );
  return html`<h2>Responders</h2><nav aria-label="Responders by state"><ul>${link('?', only === undefined, html`All ${total}`)}${links}</ul></nav>`;
}

function entriesOf(counts: BareFleetBoard['counts']): [ResponderState, number][] {
  return (Object.entries(counts) as [ResponderState, number][]).filter(([, count]) => count > 0);
}

function notes(unresolved: readonly string[], excess: number): Html {
  return html`${unresolved.length > 0 && html`<p>No address yet: ${unresolved.join(', ')}</p>`}${
    excess > 0 && html`<p>${excess} more addresses are not connected, because a fleet has at most 500 responders.</p>`
  }`;
}

/** The row of one responder. Compact, because a page may contain hundreds of rows. */
function row(id: string, entry: FleetEntry, wall: number, isFull: boolean, bar: Html): Html {
  const { address, state, since, service, statusUrl } = entry;
  const why = reasonOf(entry);
  const label = isFull ? badge(state) : html`<b class="badge">${state}</b>`;
  return html`<li id="${id}" class="responder ${lookOf(state)}"><div><h3>${
    statusUrl === undefined ? address : html`<a href="${statusUrl}">${address}</a>`
  }</h3>${service !== undefined && html` <small>${service}</small>`}</div><div>${label} ${moment(since, wall)}</div><p class="reason">${isFull ? why : cut(why)}</p>${bar}</li>`;
}

function reasonOf({ causes: [first, ...others], why, failing }: FleetEntry): string {
  if (first === undefined) return why ?? failing.join(', ');
  const { output } = first;
  const more = others.length > 0 ? ` (and ${others.length} more)` : '';
  return `${causeText(first)}${output === undefined || output === '' ? '' : `: ${output}`}${more}`;
}

function cut(text: string): string {
  return text.length > MAX_REASON ? `${truncate(text, MAX_REASON - 1)}…` : text;
}

/** The script writes the selected minute into `.minute`. */
function fullBar(slots: Parameters<typeof historyBar>[0], options: BarOptions): Html {
  return html`<div class="past">${historyBar(slots, options)}<p class="minute" aria-hidden="true"></p></div>`;
}

function partition<T>(values: readonly T[], fits: (value: T) => boolean): [T[], T[]] {
  const parts: [T[], T[]] = [[], []];
  for (const value of values) parts[fits(value) ? 0 : 1].push(value);
  return parts;
}
