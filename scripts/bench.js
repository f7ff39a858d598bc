// `npm run bench`: sets up the requirements of the benchmark (dist, a C compiler, Redis), then runs it.
import { compileGenerator } from '../bench/generator.js';
import { help, parseOptions } from '../bench/options.js';
import { run } from '../bench/run.js';
import { provision } from './provision.js';
import { build, fail, install, run as runCommand } from './steps.js';

try {
  const options = parseOptions(process.argv.slice(2));
  if (options.help) {
    console.log(help);
  } else {
    const chosen = options.peers.map((peer) => peer.name);
    const missing = provision({
      cc: 'gcc libc6-dev',
      ...(chosen.includes('redis') && { 'redis-server': 'redis-server' }),
    });
    if (missing) fail(`${missing} Or leave Redis out with --only.`);
    if (chosen.includes('pongcheck') || chosen.includes('grpc')) install();
    if (chosen.includes('pongcheck')) build();
    compileGenerator();
    await run(options);
    if (options.whole) process.exitCode = runCommand(process.execPath, ['scripts/pictures.js', 'charts']);
  }
} catch (error) {
  fail(`bench: ${error.message}`);
}
