import type { OptionRow } from '../../src/options/option.js';
import { readDefault } from '../../src/options/reader.js';
import { type Shape, shapeOf } from '../../src/options/shape.js';
import { codeOptionRows, optionRows } from '../../src/options/table.js';

/** Generates `src/options/types.ts` from the table of options. */
export function optionTypes(): string {
  const rows = [...optionRows, ...codeOptionRows].filter(
    ({ path, fileOnly }) => !fileOnly && !path.startsWith('checks.') && !['register', 'log', 'clock'].includes(path),
  );
  return `// Generated from table.ts by \`UPDATE=1 npm test -- test/options\`; do not edit.

/** The options of \`createService\`, which match those of the configuration file. Times are in milliseconds, sizes in bytes. */
export interface Options ${bodyOf(shapeOf(rows))}
`;
}

function bodyOf(shape: Shape, indent = ''): string {
  const lines = [...shape.keys].map(([key, inner]) => {
    const optional = inner.row?.required ? '' : '?';
    return `${docOf(inner.row, `${indent}  `)}${indent}  readonly ${key}${optional}: ${typeOf(inner, `${indent}  `)};\n`;
  });
  return `{\n${lines.join('')}${indent}}`;
}

function typeOf({ keys, item, any, row }: Shape, indent: string): string {
  if (item) return `readonly ${bodyOf(item, indent)}[]`;
  if (any) return `Readonly<Record<string, ${bodyOf(any, indent)}>>`;
  if (keys.size > 0) return bodyOf({ keys }, indent) + (row?.type.name === 'endpoint' ? ' | false' : '');
  return (row as OptionRow).type.typescript(row as OptionRow);
}

function docOf(row: OptionRow | undefined, indent: string): string {
  if (!row) return '';
  const { description, required, default: text, defaultText, type } = row;
  const allowed = ['duration', 'bytes', 'integer'].includes(type.name)
    ? ` ${capitalize(type.allowed(row, 'code'))}.`
    : '';
  const shown = defaultText ?? (text === undefined ? undefined : valueOf(row, text));
  const known = required || shown === undefined ? '' : ` Default: ${shown}.`;
  return `${indent}/** ${description}${allowed}${known} */\n`;
}

function valueOf(row: OptionRow, text: string): string {
  const value = readDefault(row, text);
  return typeof value === 'number' ? String(value) : text;
}

function capitalize(description: string): string {
  return description.charAt(0).toUpperCase() + description.slice(1);
}
