import { explanationLines } from '../../health/explain.js';
import { parseReport, type ReportedCause, type ReportedCheck, type ReportView } from '../../health/report-view.js';
import { failureText } from '../../health/reported-fate.js';
import type { State } from '../../health/state.js';
import type { DetailMode } from '../../net/access.js';
import { type Html, html } from './html.js';
import type { Board } from './overview.js';

/** The board of a viewer without access to detail. */
export interface BareBoard {
  readonly state: State;
}

/** Why a viewer may not see detail, and how to get access to it. */
export interface DetailAccess {
  readonly mode: DetailMode;
  /** Relative URL of the login; undefined if tokens give no access to detail. */
  readonly login: string | undefined;
}

/** The HTML of the parts of the page that change, by element id; and `now`, the wall-clock time in milliseconds. */
export type Sections = Readonly<
  Record<'now' | 'title' | 'state' | 'why' | 'chain' | 'checks' | 'log' | 'connections', string>
>;

const SHOWN_TRANSITIONS = 30;
const signs: Readonly<Record<string, string>> = {
  pass: '✓',
  warn: '!',
  fail: '✕',
  unknown: '?',
  draining: '↓',
  starting: '…',
};

/** Renders a board. `wall` is the wall-clock time in milliseconds. */
export function sections(board: Board | BareBoard, wall: number, { mode, login }: DetailAccess): Sections {
  const { state } = board;
  if (!('explanation' in board)) {
    return texts({
      now: html`${wall}`,
      title: html`${state} · pongcheck`,
      state: html`${badge(state)} <span>The service status is ${state}.</span>`,
      why: html`<p>Details are hidden (<code>detail: ${mode}</code>).${login && html` <a href="${login}">Log in with a token</a> to see them.`}</p>`,
      chain: html``,
      checks: html``,
      log: html``,
      connections: html``,
    });
  }
  const report = parseReport(board);
  const { headline, since } = board.explanation;
  return texts({
    now: html`${wall}`,
    title: html`${state} · ${report.service ?? report.instance}`,
    state: html`${badge(state)} <span>${headline}</span>${since && html` <small>since ${moment(since)}</small>`}`,
    why: html`<ul>${explanationLines(board.explanation).map((line) => html`<li>${line}</li>`)}</ul>`,
    chain: html`${report.causes.map((cause) => chain(cause, report))}`,
    checks: html`${report.checks.length === 0 ? html`<p>No checks are configured.</p>` : checkTable(report.checks)}
<p>Groups: ${Object.entries(board.groups).map(([name, of]) => html`<span class="group">${name} ${badge(of)}</span> `)}</p>`,
    log: transitionTable(board),
    connections: connectionTable(board),
  });
}

function texts(parts: Readonly<Record<keyof Sections, Html>>): Sections {
  return Object.fromEntries(Object.entries(parts).map(([id, { text }]) => [id, text])) as Sections;
}

/** A state by colour, sign and word: colour alone is not accessible. */
function badge(state: string): Html {
  const known = signs[state] === undefined ? 'unknown' : state;
  return html`<b class="badge ${known}"><span aria-hidden="true">${signs[known]}</span> ${state}</b>`;
}

/** A point in time; the script of the page adds its age. */
function moment(since: number | Date | undefined): Html {
  if (since === undefined) return html`–`;
  const iso = new Date(since).toISOString();
  return html`<time datetime="${iso}">${iso.replace('T', ' ').slice(0, 19)} UTC</time>`;
}

/** The path from this service to the root cause. */
function chain(cause: ReportedCause, { service, instance, checks }: ReportView): Html {
  const { via, check = 'an unnamed check' } = cause;
  const leaf = html`<li class="root"><strong>Root cause</strong> ${check}${via.length > 0 ? html` of ${cause.service ?? cause.instance}` : ''}: ${failureText(cause)}</li>`;
  const here = html`<li>${service ?? instance} <small>this service</small></li>`;
  if (via.length === 0) return html`<ol class="chain">${here}${leaf}</ol>`;
  const through = checks.filter((own) => own.reason === 'dependency' && own.state !== 'pass').map(({ name }) => name);
  const hops = [...via].reverse().filter((hop) => hop !== cause.instance);
  return html`<ol class="chain">${here}<li>check ${through.join(' or ')}</li>${hops.map((hop) => html`<li>responder ${hop}</li>`)}${leaf}</ol>`;
}

function checkTable(checks: readonly ReportedCheck[]): Html {
  const order = ['fail', 'unknown', 'warn', 'pass'];
  const sorted = [...checks].sort((a, b) => order.indexOf(a.state) - order.indexOf(b.state));
  return html`<table><thead><tr><th scope="col">Check</th><th scope="col">State</th><th scope="col">Why</th><th scope="col">Since</th><th scope="col">Last run</th></tr></thead>
<tbody>${sorted.map(checkRow)}</tbody></table>`;
}

function checkRow(check: ReportedCheck): Html {
  const { name, state, since, durationMs, critical } = check;
  const why = failureText(check);
  return html`<tr><th scope="row">${name}${critical ? '' : html` <small>not critical</small>`}</th>
<td data-label="State">${badge(state)}</td>
<td data-label="Why">${why === '' ? '–' : why}</td>
<td data-label="Since">${moment(since)}</td>
<td data-label="Last run">${durationMs === undefined ? '–' : `${durationMs} ms`}</td></tr>
`;
}

function transitionTable({ transitions }: Board): Html {
  if (transitions.length === 0) return html`<p>No changes since the start.</p>`;
  const rows = transitions.slice(0, SHOWN_TRANSITIONS).map((transition) => {
    const { time, of, name, from, to } = transition;
    const why = failureText(transition);
    return html`<tr><th scope="row">${moment(time)}</th><td data-label="What">${of} ${name}</td>
<td data-label="Change">${from} → ${badge(to)}</td><td data-label="Why">${why === '' ? '–' : why}</td></tr>
`;
  });
  return html`<table><thead><tr><th scope="col">When</th><th scope="col">What</th><th scope="col">Change</th><th scope="col">Why</th></tr></thead>
<tbody>${rows}</tbody></table>`;
}

function connectionTable({ connections }: Board): Html {
  const { open, modes, waiting, closed } = connections;
  const ended = Object.entries(closed).filter(([, count]) => count > 0);
  const rows: (readonly [string, number])[] = [
    ['open', open],
    ...Object.entries(modes).map(([mode, count]) => [`open, ${mode}`, count] as const),
    ['pending PINGs', waiting],
    ...ended.map(([reason, count]) => [`closed: ${reason}`, count] as const),
  ];
  return html`<dl>${rows.map(([name, count]) => html`<div><dt>${name}</dt><dd>${count}</dd></div>`)}</dl>`;
}
