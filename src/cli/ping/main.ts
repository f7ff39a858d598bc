// The build makes cli/ping.cjs of this file and all that it imports: a probe runs every few seconds, and each of 40 ES
// modules takes it 0.8 ms (protocol/DECISIONS.md).
import { runCommand, runProgram } from '../program.js';
import { pingCommand } from './command.js';

void runProgram(() => runCommand(pingCommand, process.argv.slice(3)));
