#!/usr/bin/env node
// CommonJS, so that a probe starts without loading the ES module loader.
void (process.argv[2] === 'ping' ? require('./cli/ping.cjs') : import('./cli/commands.js'));
