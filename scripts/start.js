// `npm start`: installs and builds, then runs the responder in this process, so that it receives signals.

import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { build, install, root } from './steps.js';

// The responder reloads on SIGHUP. Until it is running, the signal must be ignored.
process.on('SIGHUP', () => {});
install();
build();
const cli = join(root, 'dist', 'cli.js');
process.argv = [process.argv[0], cli, 'serve', ...process.argv.slice(2)];
await import(pathToFileURL(cli).href);
