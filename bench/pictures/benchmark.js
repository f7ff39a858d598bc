import { colours } from './chart.js';

/** The benchmark charts, from bench/results.json, in the form of those in experiments.js. */
export function benchmarkCharts(results) {
  return {
    replies: replies(results),
    latency: latency(results),
    application: application(results),
    memory: memory(results),
  };
}

const plain = (title) => title.replaceAll('`', '');
const colourOf = (name) =>
  name === 'limit' ? colours.orange : /^pongcheck$|^threads/.test(name) ? colours.blue : colours.grey;
const byName = { field: 'colour', type: 'nominal', scale: null, legend: null };

function median(values) {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

const summary = (values) => ({ median: median(values), min: Math.min(...values), max: Math.max(...values) });

/** The figures of a peer in a cell, in all rounds; undefined if it was not measured. */
function series({ rounds }, cell, name, figure) {
  const measured = rounds.flatMap(({ cells }) => cells[cell]?.[name] ?? []);
  return measured.length > 0 ? measured.map(figure) : undefined;
}

function short(value) {
  if (value >= 1e6) return `${(value / 1e6).toFixed(1)} M`;
  return value >= 1000 ? `${(value / 1000).toFixed(0)} k` : value.toPrecision(3);
}

const perCpuSecond = ({ replies: count, serverCpu }) => count / serverCpu;

function replies(results) {
  const { rounds, peers } = results;
  const cells = Object.keys(rounds[0].cells).filter((title) => /^\d+ in flight$/.test(title));
  const values = cells.flatMap((cell) =>
    peers.flatMap(({ name, title }) => {
      const measured = series(results, cell, name, perCpuSecond);
      if (!measured) return [];
      const figures = summary(measured);
      return [{ cell, name, peer: plain(title), colour: colourOf(name), ...figures, label: short(figures.median) }];
    }),
  );
  const of = (cell, name) => values.find((one) => one.cell === cell && one.name === name)?.median;
  const own = of('64 in flight', 'pongcheck');
  const limit = of('64 in flight', 'limit');
  const title = limit
    ? `${((100 * own) / limit).toFixed(0)} % of the kernel's limit, an echo in C, and ${(own / of('64 in flight', 'redis')).toFixed(1)} times Redis, with 64 PINGs in flight`
    : `${(own / of('64 in flight', 'redis')).toFixed(1)} times the replies of Redis per CPU-second, with 64 PINGs in flight`;
  const y = { field: 'peer', type: 'nominal', sort: peers.map((peer) => plain(peer.title)), title: null };
  const x = (field) => ({
    field,
    type: 'quantitative',
    title: 'replies per CPU-second',
    axis: { tickCount: 3, format: '~s' },
  });
  return {
    heading: 'Replies per second of server CPU',
    description: `${title}. Replies per second of server CPU. ${cells
      .map(
        (cell) =>
          `${cell}: ${values
            .filter((one) => one.cell === cell)
            .map(({ peer, label }) => `${peer} ${label}`)
            .join(', ')}`,
      )
      .join('; ')}.`,
    specification: {
      title: {
        text: title,
        subtitle:
          'Replies per second of server CPU: median of all rounds, with minimum and maximum. The scales differ.',
      },
      data: { values },
      facet: { column: { field: 'cell', type: 'nominal', sort: cells, title: null } },
      spacing: 34,
      resolve: { scale: { x: 'independent' } },
      spec: {
        width: 190,
        height: { step: 28 },
        layer: [
          {
            transform: [{ filter: "datum.name === 'limit'" }],
            mark: { type: 'rule', strokeDash: [4, 4], color: colours.orange },
            encoding: { x: x('median') },
          },
          { mark: { type: 'bar', height: 15 }, encoding: { y, x: x('median'), color: byName } },
          {
            mark: { type: 'rule', strokeWidth: 1.5, color: '#767676' },
            encoding: { y, x: x('min'), x2: { field: 'max' } },
          },
          { mark: { type: 'text', align: 'left', dx: 6 }, encoding: { y, x: x('max'), text: { field: 'label' } } },
        ],
      },
    },
  };
}

const percentiles = { p50: 'p50', p99: 'p99', p999: 'p99.9' };

/** Medians of percentiles, with one row per percentile. */
function percentilesOf(results, cell, name, more) {
  return Object.entries(percentiles).flatMap(([key, percentile]) => {
    const measured = series(results, cell, name, (figures) => figures[key]);
    return measured ? [{ ...more, percentile, us: median(measured) }] : [];
  });
}

const time = (us) => (us < 1000 ? `${us.toPrecision(3)} µs` : `${(us / 1000).toPrecision(3)} ms`);
const inWords = (values) => values.map(({ percentile, us }) => `${percentile} ${time(us)}`).join(', ');

/** Layers that show percentiles as points on a line, on a logarithmic axis. */
function dots(y) {
  const x = {
    field: 'us',
    type: 'quantitative',
    title: 'latency, on a logarithmic scale',
    scale: { type: 'log', nice: true },
    axis: {
      tickCount: 4,
      labelExpr:
        "datum.value < 1e3 ? datum.value + ' µs' : datum.value < 1e6 ? datum.value / 1e3 + ' ms' : datum.value / 1e6 + ' s'",
    },
  };
  return [
    {
      mark: { type: 'line', strokeWidth: 2, opacity: 0.6 },
      encoding: { y, x, detail: [{ field: 'peer' }], color: byName },
    },
    {
      mark: { type: 'point', filled: true, size: 75, opacity: 1 },
      encoding: {
        y,
        x,
        color: byName,
        shape: {
          field: 'percentile',
          sort: Object.values(percentiles),
          title: null,
          scale: { range: ['circle', 'square', 'triangle-right'] },
          legend: { orient: 'bottom', symbolFillColor: '#767676', symbolStrokeColor: '#767676' },
        },
      },
    },
  ];
}

function latency(results) {
  const cells = ['1 connection, 1 in flight', '20,000 a second'];
  const values = cells.flatMap((cell) =>
    results.peers.flatMap(({ name, title }) =>
      percentilesOf(results, cell, name, { cell, name, peer: plain(title), colour: colourOf(name) }),
    ),
  );
  const of = (cell, name) => values.filter((one) => one.cell === cell && one.name === name);
  const p50 = (name) => of(cells[0], name)[0].us;
  const title = `A PING and its PONG take ${time(p50('pongcheck'))} at the median, a bare node:net echo ${time(p50('echo'))}`;
  const y = { field: 'peer', type: 'nominal', sort: results.peers.map((peer) => plain(peer.title)), title: null };
  return {
    heading: 'Latency in µs',
    description: `${title}. ${cells.map((cell) => `${cell}: ${results.peers.map(({ name, title: peer }) => `${plain(peer)} ${inWords(of(cell, name))}`).join('; ')}`).join('. ')}.`,
    specification: {
      title: { text: title, subtitle: 'Latency over loopback: medians of the percentiles of all rounds.' },
      data: { values },
      facet: { column: { field: 'cell', type: 'nominal', sort: cells, title: null } },
      spacing: 40,
      spec: { width: 290, height: { step: 26 }, layer: dots(y) },
    },
  };
}

function application(results) {
  const peers = results.peers.filter(({ name }) => series(results, 'liveness, busy', name, ({ p99 }) => p99));
  const values = ['liveness', 'readiness'].flatMap((scope) =>
    peers.flatMap(({ name, title }) =>
      ['idle', 'busy'].flatMap((load) =>
        percentilesOf(results, `${scope}, ${load}`, name, {
          scope,
          name,
          load,
          peer: `${plain(title)}, application ${load}`,
          colour: name === 'pongcheck' ? colours.orange : colours.blue,
        }),
      ),
    ),
  );
  const p99 = (name) =>
    values.find(
      (one) => one.scope === 'liveness' && one.load === 'busy' && one.name === name && one.percentile === 'p99',
    ).us;
  const title = `Beside a blocked event loop, a PING thread answers liveness in ${time(p99('threads-1'))} at p99 instead of ${time(p99('pongcheck'))}`;
  const rows = [...new Set(values.map(({ peer }) => peer))];
  const y = { field: 'peer', type: 'nominal', sort: rows, title: null };
  return {
    heading: 'Latency in µs beside an application',
    description: `${title}. ${['liveness', 'readiness'].map((scope) => `${scope}: ${rows.map((peer) => `${peer} ${inWords(values.filter((one) => one.scope === scope && one.peer === peer))}`).join('; ')}`).join('. ')}.`,
    specification: {
      title: {
        text: title,
        subtitle:
          'The busy application works for 250 ms without a pause, 80 % of a core. Readiness waits for a run of its check once a second.',
      },
      data: { values },
      facet: { column: { field: 'scope', type: 'nominal', title: null } },
      spacing: 40,
      spec: { width: 290, height: { step: 30 }, layer: dots(y) },
    },
  };
}

function memory(results) {
  const values = results.peers.flatMap(({ name, title }) => {
    const measured = results.memory[name];
    if (!measured) return [];
    const kib = (key) => summary(measured.map((figures) => figures[key] / 1024));
    return ['settled', 'soon'].map((key) => {
      const figures = kib(key);
      return {
        when: key === 'settled' ? 'settled' : 'a second after the last accept',
        key,
        name,
        peer: plain(title),
        colour: colourOf(name),
        ...figures,
        label: figures.median.toPrecision(3),
      };
    });
  });
  const of = (name) => values.find((one) => one.key === 'settled' && one.name === name)?.label;
  const title = `An idle connection takes ${of('pongcheck')} KiB, a bare node:net echo ${of('echo')} KiB`;
  const y = { field: 'peer', type: 'nominal', sort: results.peers.map((peer) => plain(peer.title)), title: null };
  const x = (field) => ({ field, type: 'quantitative', title: 'KiB per connection', axis: { tickCount: 4 } });
  return {
    heading: 'Resident memory per connection',
    description: `${title}. ${['settled', 'soon']
      .map(
        (key) =>
          `${values.find((one) => one.key === key).when}: ${values
            .filter((one) => one.key === key)
            .map(({ peer, label }) => `${peer} ${label} KiB`)
            .join(', ')}`,
      )
      .join('; ')}.`,
    specification: {
      title: {
        text: title,
        subtitle:
          'Resident memory of the server per idle connection, with 5,000 of them: median, with minimum and maximum.',
      },
      data: { values },
      facet: {
        column: { field: 'when', type: 'nominal', sort: ['settled', 'a second after the last accept'], title: null },
      },
      spacing: 40,
      spec: {
        width: 270,
        height: { step: 28 },
        layer: [
          { mark: { type: 'bar', height: 15 }, encoding: { y, x: x('median'), color: byName } },
          {
            mark: { type: 'rule', strokeWidth: 1.5, color: '#767676' },
            encoding: { y, x: x('min'), x2: { field: 'max' } },
          },
          { mark: { type: 'text', align: 'left', dx: 6 }, encoding: { y, x: x('max'), text: { field: 'label' } } },
        ],
      },
    },
  };
}
