/** Files that use all processors, beside which a test that measures time would fail. */
const BUSY = [
  'tutorial',
  'docs',
  'package',
  'image',
  'image-built',
  'clients',
  'client-conformance',
  'conformance-start',
  'grpc',
  'mutations',
];
/** Files that take longest. */
const LONG = ['dashboards', 'attack', 'innocence'];

const nameOf = ({ path }) => /([^/\\]+)\.test\.ts$/.exec(path)?.[1] ?? '';

function rank(test) {
  const name = nameOf(test);
  if (LONG.includes(name)) return LONG.indexOf(name) - LONG.length;
  return BUSY.includes(name) ? BUSY.indexOf(name) + 1 : 0;
}

/** Runs the busy files last and the long ones first. */
export default class Sequencer {
  sort(tests) {
    return [...tests].sort((a, b) => rank(a) - rank(b) || nameOf(a).localeCompare(nameOf(b)));
  }

  shard(tests) {
    return tests;
  }

  allFailedTests(tests) {
    return tests;
  }

  cacheResults() {}
}
