#!/usr/bin/env node
// `node dist/cli.js` is the same program as the command of the package, cli.cjs, which starts a probe faster.
if (process.argv[2] === 'ping') process.getBuiltinModule('module').createRequire(import.meta.url)('./cli/ping.cjs');
else await import('./cli/commands.js');
