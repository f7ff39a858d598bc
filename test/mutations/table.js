// The table of mutations in protocol/vectors/README.md, each with the session that detects it.
import { readFileSync, writeFileSync } from 'node:fs';
import { mutations } from './mutations.js';

const file = new URL('../../protocol/vectors/README.md', import.meta.url);
const place = /(<!-- table: mutations -->\n)([^]*?)(<!-- \/table: mutations -->)/;
const cell = (text) => text.replaceAll('|', '\\|');
const keyOf = ({ rule, name }) => `${rule} ${name}`;

/** The rows of the table: rule, description of the mutation, and session. */
export function rows() {
  const text = place.exec(readFileSync(file, 'utf8'))?.[2] ?? '';
  const cells = (line) =>
    line
      .slice(2, -2)
      .split(/ \| /)
      .map((text) => text.replaceAll('\\|', '|'));
  return text.trim().split('\n').slice(2).map(cells);
}

let sessions;
/** Name of the session that detects this mutation, according to the table. */
export function foundBy(mutation) {
  sessions ??= new Map(rows().map(([rule, name, session]) => [keyOf({ rule, name }), session]));
  return sessions.get(keyOf(mutation));
}

/** Writes the table. `found` contains session names by mutation. Rows of other mutations are kept. */
export function write(found) {
  const row = (mutation) => {
    const { rule, name, why } = mutation;
    if (why) return `| ${rule} | not mutated: ${cell(why)} | |`;
    return `| ${rule} | ${cell(name)} | ${cell(found.get(mutation) ?? foundBy(mutation) ?? '')} |`;
  };
  const table = ['| rule | mutation | found by |', '| --- | --- | --- |', ...mutations.map(row)].join('\n');
  writeFileSync(
    file,
    readFileSync(file, 'utf8').replace(place, (_all, open, _rows, close) => `${open}${table}\n${close}`),
  );
}
