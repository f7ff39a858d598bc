// The build bundles this file and all its imports into cli/ping.cjs. A probe runs every few seconds, and each of 40 ES
// modules would cost it 0.8 ms (protocol/DECISIONS.md).
import { runCommand, runProgram } from '../program.js';
import { pingCommand } from './command.js';

void runProgram(() => runCommand(pingCommand, process.argv.slice(3)));
