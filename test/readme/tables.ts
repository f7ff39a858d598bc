import { checkKinds } from '../../src/checks/catalog.js';
import { checkConfigCommand } from '../../src/cli/check-config/command.js';
import { conformanceCommand } from '../../src/cli/conformance/command.js';
import { emitCommand } from '../../src/cli/emit/command.js';
import { explainCommand } from '../../src/cli/explain/command.js';
import { type Command, EXIT_OUTPUT, EXIT_USAGE } from '../../src/cli/parser.js';
import { pingCommand } from '../../src/cli/ping/command.js';
import { exitDialects } from '../../src/cli/ping/exit-dialects.js';
import { serveCommand } from '../../src/cli/serve/command.js';
import { watchCommand } from '../../src/cli/watch/command.js';
import { errorCodes } from '../../src/common/errors.js';
import { reasons } from '../../src/health/reason.js';
import { metricRows } from '../../src/metrics/table.js';
import type { OptionRow } from '../../src/options/option.js';
import { checkVariables, optionRows } from '../../src/options/table.js';
import { FILE_VARIABLE } from '../../src/options/variable-names.js';
import { closeReasons } from '../../src/server/stats.js';
import { cell, code, table } from './markdown.js';

/** Description of each close reason. */
const closes: Readonly<Record<(typeof closeReasons)[number], string>> = {
  'client-closed': 'The client ended the connection (FIN), and all its requests were answered.',
  'client-reset': 'The client reset the connection.',
  idle: 'No data arrived within the idle timeout.',
  dead: 'The client did not answer heartbeats, or did not send the PINGs that it announced in HELLO.',
  'slow-peer': 'The client read none of its answers for `limits.stallTimeout`.',
  'timed-out': 'The kernel closed the connection because of TCP keep-alive or the user timeout.',
  network: 'The operating system reported another error. The event contains its code.',
  'protocol-error': 'The client violated the protocol, or did not complete a frame in time.',
  'too-many-pings': 'The client exceeded `limits.pingsPerSecond`.',
  unauthenticated: 'The client presented no valid token or no accepted certificate.',
  tls: 'A TLS handshake failed or timed out, or only one side used TLS.',
  'proxy-header':
    'A PROXY header was missing, late or invalid, or came from an address that is not in `proxyProtocol.from`.',
  'wrong-protocol': 'The first byte or a line is not part of the protocol.',
  answered:
    'The connection was for a single answer: to a PING with CLOSE, to `agent`, or to a line if the status is unhealthy.',
  drained: 'The server stopped.',
  'closed-by-application': 'The application closed the connection.',
  internal: 'The server had an internal error.',
};

export const commands: readonly Command[] = [
  serveCommand,
  pingCommand,
  explainCommand,
  watchCommand,
  checkConfigCommand,
  conformanceCommand,
  emitCommand,
];

/** The options of the check kinds. An option that several kinds describe identically is listed once. */
function ownOptions(): { kinds: string[]; option: OptionRow }[] {
  const rows = new Map<string, { kinds: string[]; option: OptionRow }>();
  for (const { kind, options } of checkKinds) {
    for (const option of options) {
      const key = JSON.stringify(option);
      const row = rows.get(key) ?? { kinds: [], option };
      row.kinds.push(kind);
      rows.set(key, row);
    }
  }
  return [...rows.values()];
}

const tables = {
  options: table(
    ['option', 'default', 'environment', ''],
    optionRows.map(({ path, default: value, fileDefault, defaultText = value, required, env, description }) => [
      code(path),
      required ? 'required' : cell(fileDefault ? `${fileDefault}; in code ${value}` : (defaultText ?? '')),
      code(env),
      cell(description),
    ]),
  ),
  variables: table(
    ['variable', ''],
    [
      [code(FILE_VARIABLE), 'Configuration file, if `--config` is not given.'],
      ...checkVariables.map(({ env, description }) => [code(env), cell(description)]),
    ],
  ),
  kinds: table(
    ['kind', 'passes when'],
    checkKinds.map(({ kind, description }) => [code(kind), cell(description)]),
  ),
  'kind-options': table(
    ['kind', 'option', 'default', ''],
    ownOptions().map(({ kinds, option }) => [
      kinds.map(code).join(', '),
      code(option.path),
      option.required ? 'required' : cell(option.defaultText ?? option.default ?? ''),
      cell(option.description),
    ]),
  ),
  commands: table(
    ['command', ''],
    commands.map(({ name, argument, description }) => [
      code(['pongcheck', name, ...(argument ? [argument] : [])].join(' ')),
      cell(description),
    ]),
  ),
  exits: table(
    ['command', 'exit code', ''],
    [
      ...commands.flatMap(({ name, exits }) => exits.map(([number, meaning]) => [code(name), String(number), meaning])),
      ['any', String(EXIT_USAGE), 'The command line is invalid.'],
      [
        'any except `serve`, `ping` and `explain`',
        String(EXIT_OUTPUT),
        'Standard output could not be written, for example because the disk is full.',
      ],
    ].map((row) => row.map((text) => (text.startsWith('`') ? text : cell(text)))),
  ),
  'exit-dialects': table(
    ['`--exit`', ''],
    Object.entries(exitDialects).map(([name, { description }]) => [code(name), cell(description)]),
  ),
  reasons: table(
    ['reason', ''],
    Object.entries(reasons).map(([reason, description]) => [code(reason), cell(description)]),
  ),
  metrics: table(
    ['metric', 'type', 'labels', ''],
    metricRows.map(({ name, type, labels, help }) => [code(name), type, labels.map(code).join(', '), cell(help)]),
  ),
  errors: table(
    ['code', ''],
    Object.entries(errorCodes).map(([name, description]) => [code(name), cell(description)]),
  ),
  closes: table(
    ['reason', ''],
    closeReasons.map((reason) => [code(reason), closes[reason]]),
  ),
};

/** All tables that are generated from the code, by page and by their name in the page's comments. */
export const pages: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  'docs/embed.md': { errors: tables.errors },
  'docs/run.md': {
    commands: tables.commands,
    exits: tables.exits,
    'exit-dialects': tables['exit-dialects'],
    options: tables.options,
    variables: tables.variables,
    kinds: tables.kinds,
    'kind-options': tables['kind-options'],
    closes: tables.closes,
  },
  'docs/scrape.md': { reasons: tables.reasons, metrics: tables.metrics },
};
