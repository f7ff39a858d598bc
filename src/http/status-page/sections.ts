import { explain } from '../../health/explain.js';
import type { HistoryView } from '../../health/history/health-history.js';
import { parseReport, type ReportedCheck } from '../../health/report-view.js';
import { failureText } from '../../health/reported-fate.js';
import type { State } from '../../health/state.js';
import type { DetailMode } from '../../net/access.js';
import { causeList, degradedList } from './causes.js';
import { type Html, html } from './html.js';
import { badge, icon, lookOf, moment } from './marks.js';
import type { Board } from './overview.js';
import { type Parts, texts } from './parts.js';
import { checkRow, groupPast, itemId } from './rows.js';

/** The data shown to a viewer without access to detail. */
export interface BareBoard {
  readonly state: State;
}

/** Why a viewer may not see detail, and how to get access to it. */
export interface DetailAccess {
  readonly mode: DetailMode;
  /** Relative URL of the login; undefined if tokens do not grant access to detail. */
  readonly login: string | undefined;
}

/** Which checks the page shows. */
export interface Filter {
  /** The selected group; undefined for all checks. */
  readonly group: string | undefined;
  /** The selected check; undefined for all checks of the group. */
  readonly check: string | undefined;
  /** Whether a check is shown. */
  shows(name: string): boolean;
}

const MAX_TRANSITIONS = 30;
/** Number of transitions that are not collapsed. */
const SHOWN_TRANSITIONS = 10;
/** Maximum number of checks for which all bars are included. */
const MAX_BARS = 50;
/**
 * If there are more checks than `MAX_BARS`, bars are included only for checks that do not pass, and only in this number
 * of rows at the top.
 */
const MAX_BARS_OF_MANY = 20;
const order = ['fail', 'unknown', 'warn', 'pass'];

/** The parts of the page for viewers without access to detail. */
export function bareParts({ state }: BareBoard, { mode, login }: DetailAccess): Parts {
  const { headline } = explain(parseReport({ state }));
  return texts({
    title: `${state} · pongcheck`,
    icon: icon(state),
    state: html`<div class="band ${lookOf(state)}"><h1>${headline}</h1></div>`,
    hidden: hiddenNote({ mode, login }),
  });
}

/** States which option hides the rest of the page. */
export function hiddenNote({ mode, login }: DetailAccess): Html {
  return html`<p>The option <code>detail: ${mode}</code> hides the rest.${login && html` <a href="${login}">Log in with a token</a> to see it.`}</p>`;
}

/** The parts of the page. `wall` is the wall-clock time in milliseconds. */
export function boardParts(board: Board, wall: number, history: HistoryView, filter: Filter): Parts {
  const { state, explanation, groups } = board;
  const report = parseReport(board, Number.POSITIVE_INFINITY);
  const shown = report.checks.filter(({ name }) => filter.shows(name)).sort(bySeverity);
  const rows = shown.map((check, index): [string, Html] => {
    const { name } = check;
    const hasBar = shown.length <= MAX_BARS || (check.state !== 'pass' && index < MAX_BARS_OF_MANY);
    return [itemId(name), checkRow({ check, entry: board.checks[name]?.[0] ?? {}, wall, history, hasBar })];
  });
  const { headline, since, causes, degraded } = explanation;
  return texts({
    title: `${state} · ${report.service ?? report.instance}`,
    icon: icon(state),
    state: html`<div class="band ${lookOf(state)}"><h1>${headline}</h1><p>${since !== undefined && html`<span>since ${moment(since, wall)}</span> `}<span>${counts(report.checks)}</span></p></div>`,
    past: groupPast(filter.group ?? 'readiness', history),
    why: causeList(causes, filter.shows),
    degraded: degradedList(degraded, filter.shows),
    groups: groupLinks(groups, report.checks.length, filter),
    none:
      shown.length === 0
        ? html`<p>${report.checks.length === 0 ? 'No checks are configured.' : 'No checks in this group.'}</p>`
        : html``,
    items: rows.map(([id]) => id).join(' '),
    ...Object.fromEntries(rows),
    log: transitionList(board, wall, filter),
    connections: connectionList(board),
    about: html`<p>pongcheck ${board.version} · started ${moment(board.startedAt, wall)} · instance ${report.instance} · <a href="status.json">data as JSON</a></p>`,
  });
}

function bySeverity(a: ReportedCheck, b: ReportedCheck): number {
  return order.indexOf(a.state) - order.indexOf(b.state);
}

/** For example `2 of 6 checks fail, 1 warns`; undefined if all pass. */
function counts(checks: readonly ReportedCheck[]): string | undefined {
  const texts = order.flatMap((state) => {
    const count = checks.filter((check) => check.state === state).length;
    const verb = state === 'unknown' ? (count === 1 ? 'is unknown' : 'are unknown') : count === 1 ? `${state}s` : state;
    return count === 0 || state === 'pass' ? [] : [[count, verb] as const];
  });
  const of = ` of ${checks.length} ${checks.length === 1 ? 'check' : 'checks'}`;
  return texts.map(([count, verb], index) => `${count}${index === 0 ? of : ''} ${verb}`).join(', ') || undefined;
}

function groupLinks(groups: Readonly<Record<string, State>>, count: number, { group, check }: Filter): Html {
  const link = (url: string, isCurrent: boolean, content: Html) =>
    html`<li><a href="${url}"${isCurrent ? html` aria-current="page"` : undefined}>${content}</a></li>`;
  const all = link('?', group === undefined && check === undefined, html`All ${count}`);
  const named = Object.entries(groups)
    .filter(([name]) => name !== 'all')
    .map(([name, state]) => link(`?group=${encodeURIComponent(name)}`, name === group, html`${name} ${badge(state)}`));
  return html`<h2>Checks</h2><nav aria-label="Groups of checks"><ul>${all}${named}${check === undefined ? undefined : link(`?check=${encodeURIComponent(check)}`, true, html`${check}`)}</ul></nav>`;
}

function transitionList({ transitions }: Board, wall: number, { group, check, shows }: Filter): Html {
  const shown = transitions.filter(({ of, name }) =>
    of === 'check' ? shows(name) : check === undefined && (group ?? name) === name,
  );
  if (shown.length === 0) return html``;
  const items = shown.slice(0, MAX_TRANSITIONS).map((transition) => {
    const { time, of, name, from, to } = transition;
    const why = failureText(transition);
    return html`<li>${moment(time, wall)} <span><b>${name}</b>${of === 'group' && ' (group)'}</span> <span class="change">${from} → ${badge(to)}</span>${why !== '' && html` <span>${why}</span>`}</li>
`;
  });
  const more = items.slice(SHOWN_TRANSITIONS);
  return html`<h2>Recent changes</h2><ol class="log">${items.slice(0, SHOWN_TRANSITIONS)}</ol>${
    more.length > 0 && html`<details><summary>${more.length} more</summary><ol class="log">${more}</ol></details>`
  }`;
}

function connectionList({ connections }: Board): Html {
  const { open, modes, waiting, closed } = connections;
  const rows: (readonly [string, number])[] = [
    ['open', open],
    ...Object.entries(modes).map(([mode, count]) => [`open, ${mode}`, count] as const),
    ['pending PINGs', waiting],
    ...Object.entries(closed).map(([reason, count]) => [`closed: ${reason}`, count] as const),
  ];
  const shown = rows.filter(([, count]) => count > 0);
  if (shown.length === 0) return html``;
  return html`<h2>Connections</h2><dl>${shown.map(([name, count]) => html`<div><dt>${name}</dt><dd>${count}</dd></div>`)}</dl>`;
}
