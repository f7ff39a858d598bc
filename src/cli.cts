#!/usr/bin/env node
// CommonJS: a probe then starts without the loader of ES modules.
void (process.argv[2] === 'ping' ? require('./cli/ping.cjs') : import('./cli/commands.js'));
