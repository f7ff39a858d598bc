// `npm run test:mutations`: builds, then breaks one rule of the responder at a time and runs the sessions of that rule.
// Exits with 1 unless a session detects each mutation and the unchanged responder passes all sessions. `--rule M47`
// (repeatable) selects rules. `--bounded` runs only the session that the table names. `--update` writes the table to
// protocol/vectors/README.md.
import { parseArgs } from 'node:util';
import { runMutations } from '../test/mutations/run.js';
import { write } from '../test/mutations/table.js';
import { build, install, say } from './steps.js';

const { values } = parseArgs({
  options: {
    rule: { type: 'string', multiple: true },
    bounded: { type: 'boolean', default: false },
    update: { type: 'boolean', default: false },
    'no-control': { type: 'boolean', default: false },
  },
});
install();
build();
const startedAt = performance.now();
const { broken, results } = await runMutations({
  only: ({ rule }) => !values.rule || values.rule.includes(rule),
  isBounded: values.bounded,
  withControl: !values['no-control'],
  say,
});
const missed = results.filter(({ found }) => !found);
if (values.update) write(new Map(results.map(({ mutation, found }) => [mutation, found?.session.name])));
for (const { mutation } of missed) say(`No session of ${mutation.rule} finds: ${mutation.name}`);
const seconds = Math.round((performance.now() - startedAt) / 1000);
say(
  `${results.length} mutations, ${missed.length} not found, ${broken.length} sessions fail without one, in ${seconds} s.`,
);
process.exitCode = missed.length + broken.length > 0 ? 1 : 0;
