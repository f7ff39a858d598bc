// `npm run pictures`: draws the charts of bench/ from the stored results, inserts them into the pages, and takes the
// screenshots of the status page. `-- charts` and `-- page` run one part. `-- charts --check` only compares and writes
// nothing.
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { provision } from './provision.js';
import { build, fail, install, root, run } from './steps.js';

const parts = process.argv.slice(2).filter((argument) => !argument.startsWith('--'));
const check = process.argv.includes('--check');
const unknown = parts.find((part) => !['charts', 'page'].includes(part));
if (unknown) fail(`pictures: '${unknown}' is none of charts, page`);

if (!check) install();
if (parts.length === 0 || parts.includes('charts')) await makeCharts();
if (parts.length === 0 || parts.includes('page')) makeScreenshots();

async function makeCharts() {
  const { draw } = await import('../bench/pictures/chart.js');
  const { benchmarkCharts } = await import('../bench/pictures/benchmark.js');
  const { experimentCharts } = await import('../bench/pictures/experiments.js');
  for (const [folder, chartsOf] of [
    ['bench', benchmarkCharts],
    ['bench/experiments', experimentCharts],
  ]) {
    const results = JSON.parse(read(join(folder, 'results.json')));
    for (const [name, { heading, specification, description }] of Object.entries(chartsOf(results))) {
      const file = join(folder, 'charts', `${name}.svg`);
      write(file, await draw(specification, description));
      const image = (page) => `![${description}](${relative(dirname(page), file)})`;
      const results = join(folder, 'RESULTS.md');
      write(results, withPicture(read(results), heading, image(results)));
      for (const page of ['README.md', 'protocol/HEARTBEATS.md'])
        write(page, betweenMarks(read(page), name, image(page)));
    }
  }
}

/** Inserts a picture below its heading, or replaces the existing one. */
function withPicture(text, heading, image) {
  const [before, after] = text.split(`## ${heading}\n\n`);
  if (after === undefined) return text;
  return `${before}## ${heading}\n\n${image}\n\n${after.replace(/^!\[[^\n]*\n\n/, '')}`;
}

/** Inserts a picture between the comments that name it, if the page contains them. */
function betweenMarks(text, name, image) {
  const marks = new RegExp(`(<!-- picture: ${name} -->\n)[^]*?(<!-- /picture: ${name} -->)`);
  return text.replace(marks, (_all, open, close) => `${open}${image}\n${close}`);
}

function makeScreenshots() {
  const missing = provision({ chromium: 'chromium', 'redis-server': 'redis-server' });
  if (missing) fail(missing);
  build();
  const register =
    "import { register } from 'node:module'; register('./bench/experiments/typescript.js', new URL('file://' + process.cwd() + '/'));";
  const program = ['--import', `data:text/javascript,${encodeURIComponent(register)}`, 'bench/pictures/page.ts'];
  if (run(process.execPath, program) !== 0) fail('The screenshots were not taken.');
}

function read(path) {
  return readFileSync(join(root, path), 'utf8');
}

function write(path, text) {
  const file = join(root, path);
  if (existsSync(file) && read(path) === text) return;
  if (check) {
    process.exitCode = 1;
    console.error(`${path} is not as its data is: run \`npm run pictures -- charts\``);
    return;
  }
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, text);
}
