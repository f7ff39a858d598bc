import { type Html, html } from './html.js';

/** Appearance of a state: its colors in the style sheet, its sign, and the path of the sign in a 16 by 16 square. */
interface Mark {
  readonly look: 'pass' | 'warn' | 'fail' | 'unknown';
  readonly path: string;
}

const marks: Readonly<Record<string, Mark>> = {
  pass: { look: 'pass', path: 'M4.5 8.5l2.4 2.4 4.6-5.3' },
  warn: { look: 'warn', path: 'M8 4v4.8M8 11.6v.1' },
  fail: { look: 'fail', path: 'M5.2 5.2l5.6 5.6M10.8 5.2l-5.6 5.6' },
  draining: { look: 'unknown', path: 'M8 4.2v7.2M4.9 8.4l3.1 3.1 3.1-3.1' },
  starting: { look: 'unknown', path: 'M4.6 8h.1M8 8h.1M11.3 8h.1' },
};
/** The mark of all other states. */
const question: Mark = { look: 'unknown', path: 'M5.9 6.2a2.2 2.2 0 1 1 3 2c-.6.3-.9.7-.9 1.4M8 12v.1' };
const iconColours: Readonly<Record<Mark['look'] | 'lost', string>> = {
  pass: '#1a7f37',
  warn: '#9a6700',
  fail: '#c11a23',
  unknown: '#6639ba',
  lost: '#6b7280',
};

function markOf(state: string): Mark {
  return Object.hasOwn(marks, state) ? (marks[state] as Mark) : question;
}

/** The CSS class of a state, which selects its colors: `pass`, `warn`, `fail` or `unknown`. */
export function lookOf(state: string): string {
  return markOf(state).look;
}

/** A state shown by color, sign and word, because color alone is not accessible. The style sheet adds the sign. */
export function badge(state: string): Html {
  return html`<span class="badge ${lookOf(state)}">${state}</span>`;
}

/** The page icon as a `data:` URL. Use `lost` if the state is no longer known. */
export function icon(state: string): string {
  const { look, path } = state === 'lost' ? question : markOf(state);
  const colour = iconColours[state === 'lost' ? 'lost' : look];
  const lines = `fill='none' stroke='#fff' stroke-width='2' stroke-linecap='round' stroke-linejoin='round'`;
  const svg = `<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 16 16'><circle cx='8' cy='8' r='8' fill='${colour}'/><path d='${path}' ${lines}/></svg>`;
  return `data:image/svg+xml,${encodeURIComponent(svg)}`;
}

/** A point in time. The date is omitted if it is today's. The page adds its age (`withAges`, and the script). */
export function moment(time: number | Date, wall: number): Html {
  const iso = `${new Date(time).toISOString().slice(0, 19)}Z`;
  const isToday = iso.slice(0, 10) === new Date(wall).toISOString().slice(0, 10);
  return html`<time datetime="${iso}">${isToday ? '' : `${iso.slice(0, 10)} `}${iso.slice(11, 19)} UTC</time>`;
}

/**
 * Adds ages to the times on a page, for browsers without JavaScript. Updates contain no ages, because ages would change
 * all the time.
 */
export function withAges(page: string, wall: number): string {
  return page.replace(
    /<time datetime="([^"]*)"/g,
    (time, iso: string) => `${time} data-ago="${formatAge(wall - Date.parse(iso))}"`,
  );
}

/** Same format as in `page.js`. */
export function formatAge(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / 1000));
  const minutes = Math.floor(seconds / 60);
  const hours = Math.floor(minutes / 60);
  if (seconds < 60) return `${seconds} s`;
  if (minutes < 60) return `${minutes} min`;
  if (hours < 24) return `${hours} h ${minutes % 60} min`;
  return `${Math.floor(hours / 24)} d ${hours % 24} h`;
}
