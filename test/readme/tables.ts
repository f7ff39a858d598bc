import { checkKinds } from '../../src/checks/catalog.js';
import { checkVariables, FILE_VARIABLE, optionRows } from '../../src/config/options.js';
import { errorCodes } from '../../src/errors.js';
import { reasons } from '../../src/health/reason.js';
import { metricRows } from '../../src/metrics/table.js';
import { closeReasons } from '../../src/server/stats.js';
import { cell, code, table } from './markdown.js';

/** What people say of each reason for a close. */
const closes: Readonly<Record<(typeof closeReasons)[number], string>> = {
  'client-closed': 'The client sent FIN and was answered.',
  'client-reset': 'The client broke the connection off.',
  idle: 'Nothing came for the idle timeout.',
  dead: 'The heartbeat was not answered, or the client fell silent that had promised one.',
  'slow-peer': 'The client took none of its answers for `limits.stallTimeout`.',
  'timed-out': 'The kernel gave up: TCP keep-alive or user timeout.',
  network: 'The system reported another error; its code is in the event.',
  'protocol-error': 'The client sent what the protocol does not allow, or left a frame unfinished.',
  'too-many-pings': 'The client sent more than `limits.pingsPerSecond`.',
  unauthenticated: 'The client showed no right token.',
  tls: 'A TLS handshake failed, or came to a plain listener.',
  'wrong-protocol': 'The first octet, or a line, was none of ours.',
  answered: 'The client asked for one answer: CLOSE, `agent`, or a line answered with a bad status.',
  drained: 'The server stopped.',
  'closed-by-application': 'The application closed it.',
  internal: 'The server itself broke.',
};

/** Every table of the README that the code knows better, by its name in the README's comments. */
export const tables: Readonly<Record<string, string>> = {
  options: table(
    ['option', 'default', 'environment', ''],
    optionRows.map(({ path, default: value, defaultText = value, required, env, sentence }) => [
      code(path),
      required ? 'required' : cell(defaultText ?? ''),
      code(env),
      cell(sentence),
    ]),
  ),
  variables: table(
    ['variable', ''],
    [
      [code(FILE_VARIABLE), 'The configuration file, where no `--config` names one.'],
      ...checkVariables.map(({ env, sentence }) => [code(env), cell(sentence)]),
    ],
  ),
  kinds: table(
    ['kind', 'it passes when', 'options of its own'],
    checkKinds.map(({ kind, sentence, options }) => [
      code(kind),
      cell(sentence),
      options.map(({ name, required }) => code(name) + (required ? ' (required)' : '')).join(', '),
    ]),
  ),
  reasons: table(
    ['reason', ''],
    Object.entries(reasons).map(([reason, sentence]) => [code(reason), cell(sentence)]),
  ),
  metrics: table(
    ['metric', 'type', 'labels', ''],
    metricRows.map(({ name, type, labels, help }) => [code(name), type, labels.map(code).join(', '), cell(help)]),
  ),
  errors: table(
    ['code', ''],
    Object.entries(errorCodes).map(([name, sentence]) => [code(name), cell(sentence)]),
  ),
  closes: table(
    ['reason', ''],
    closeReasons.map((reason) => [code(reason), closes[reason]]),
  ),
};
