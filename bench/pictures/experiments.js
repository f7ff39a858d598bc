import { colours } from './chart.js';

/**
 * The experiment charts from bench/experiments/results.json, by file name. Each has the RESULTS.md heading below which
 * it belongs, and a description.
 */
export function experimentCharts(results) {
  return { detection: detection(results), 'false-closes': falseCloses(results), loss: loss(results) };
}

const OBSERVED = 25;

function detection({ detection: rows }) {
  const schemes = Object.keys(rows[0].schemes);
  const count = (scheme) => rows.filter((row) => row.schemes[scheme]).length;
  const title = `Client PINGs detect ${count("client's PINGs")} of ${rows.length} faults, TCP keep-alive detects ${count('TCP keep-alive')}`;
  /** Split into two lines. */
  const column = (scheme) => `${scheme.replace('with ', '+ ')}|${count(scheme)} of ${rows.length}`;
  const values = rows.flatMap(({ fault, schemes: found }) =>
    schemes.map((scheme) => ({ fault, scheme: column(scheme), ...(found[scheme] ?? { never: 'never' }) })),
  );
  const y = {
    field: 'fault',
    type: 'nominal',
    sort: null,
    title: null,
    axis: { labelExpr: "split(datum.label, ':')[0]" },
  };
  const x = (field) => ({
    field,
    type: 'quantitative',
    title: 'seconds',
    scale: { domain: [0, 10.8] },
    axis: { values: [0, 5, 10] },
  });
  return {
    heading: 'Detection times',
    description: `${title}. For each fault and scheme, the chart shows the time until the application was notified. Faults detected: ${schemes.map((scheme) => `${scheme}: ${count(scheme)} of ${rows.length}`).join('; ')}.`,
    specification: {
      title: {
        text: title,
        subtitle: `Seconds from the fault until the application is notified: minimum to maximum of 10 peers, with the median. "never": not within ${OBSERVED} s.`,
      },
      data: { values },
      facet: {
        column: {
          field: 'scheme',
          type: 'nominal',
          sort: schemes.map(column),
          title: null,
          header: { labelExpr: "split(datum.label, '|')" },
        },
      },
      spacing: 16,
      spec: {
        width: 98,
        height: { step: 27 },
        layer: [
          {
            transform: [{ filter: 'isValid(datum.median)' }],
            mark: { type: 'rule', strokeWidth: 7, strokeCap: 'round', opacity: 0.45, color: colours.blue },
            encoding: { y, x: x('min'), x2: { field: 'max' } },
          },
          {
            transform: [{ filter: 'isValid(datum.median)' }],
            mark: { type: 'point', filled: true, size: 46, opacity: 1, color: colours.blue },
            encoding: { y, x: x('median') },
          },
          {
            transform: [{ filter: 'datum.never' }],
            mark: { type: 'text', color: colours.orange, fontWeight: 'bold' },
            encoding: { y, text: { field: 'never' }, x: { datum: 5 } },
          },
        ],
      },
    },
  };
}

const PEERS = 20;

function falseCloses({ innocence: rows }) {
  const servers = ['pongcheck', ...Object.keys(rows[0].others)];
  const own = rows.reduce((sum, { falsely }) => sum + falsely, 0);
  const title = `pongcheck closes ${own === 0 ? 'no' : own} living client${own === 1 ? '' : 's'} when the process or the clock jumps`;
  const values = rows.flatMap(({ trouble, falsely, others }) => [
    { trouble, server: 'pongcheck', ...bar(String(falsely)) },
    ...Object.entries(others).map(([server, text]) => ({ trouble, server, ...bar(text) })),
  ]);
  const y = { field: 'trouble', type: 'nominal', sort: null, title: null };
  const x = {
    field: 'to',
    type: 'quantitative',
    title: `closed, of ${PEERS}`,
    scale: { domain: [0, PEERS] },
    axis: { values: [0, 10, 20] },
  };
  return {
    heading: 'False closes',
    description: `${title}. Living clients, out of ${PEERS}, whose connections each server closed: ${servers
      .map(
        (server) =>
          `${server}: ${values
            .filter((one) => one.server === server)
            .map(({ trouble, label }) => `${trouble} ${label}`)
            .join(', ')}`,
      )
      .join('; ')}.`,
    specification: {
      title: {
        text: title,
        subtitle: `Closed connections, out of ${PEERS} clients that PING every second, with an idle timeout of 4 s. "silent stays": a silent client was never closed.`,
      },
      data: { values },
      facet: { column: { field: 'server', type: 'nominal', sort: servers, title: null } },
      spacing: 56,
      bounds: 'flush',
      spec: {
        width: 100,
        height: { step: 30 },
        layer: [
          { mark: { type: 'bar', height: 14, color: colours.orange, opacity: 0.35 }, encoding: { y, x } },
          { mark: { type: 'bar', height: 14, color: colours.orange }, encoding: { y, x: { ...x, field: 'from' } } },
          {
            mark: { type: 'text', align: 'left', dx: 5 },
            encoding: { y, x, text: { field: 'label' } },
          },
        ],
      },
    },
  };

  /** Parses a table cell: `20`, `8-20`, `20 / 0 (event / select)`, or text. */
  function bar(text) {
    const [, low, high = low] = /^(\d+)(?:(?:-| \/ )(\d+))?/.exec(text) ?? [];
    const label = text
      .replace(/^(\d+) \/ (\d+).*/, '$1 or $2')
      .replace(/^silent client never closed$|^the same$/, 'silent stays')
      .replace('the same on', 'silent stays on');
    const [from, to] = [Number(low ?? 0), Number(high ?? 0)].sort((a, b) => a - b);
    return { from, to, label };
  }
}

function loss({ loss: rows }) {
  const worst = (preset) => Math.max(...rows.filter((row) => row.preset === preset).map((row) => row.deadPerHour));
  const title = `With 30 % packet loss, living peers are declared dead up to ${worst('default').toFixed(1)} times per hour (preset default) or ${worst('strict').toFixed(0)} times (strict)`;
  const values = rows.map(({ towards, kernels, who, preset, deadPerHour }) => ({
    line: kernels === 'default' ? `loss ${towards}` : `loss ${towards}, ${kernels.replace('net.ipv4.', '')}`,
    preset: `preset ${preset}`,
    who: `${who} PINGs`,
    deadPerHour,
    label: deadPerHour.toFixed(2),
  }));
  const y = { field: 'line', type: 'nominal', sort: null, title: null };
  const x = {
    field: 'deadPerHour',
    type: 'quantitative',
    title: 'declared dead per connection and hour',
    scale: { domain: [0, 25] },
    axis: { tickCount: 5 },
  };
  const yOffset = { field: 'who', sort: ['server PINGs', 'client PINGs'] };
  return {
    heading: '30 % packet loss',
    description: `${title}. Declared dead per connection and hour: ${values.map(({ line, preset, who, label }) => `${line}, ${preset}, ${who}: ${label}`).join('; ')}.`,
    specification: {
      title: {
        text: title,
        subtitle: 'How often a living peer was declared dead, per connection and hour. 50 peers in each case.',
      },
      data: { values },
      facet: { column: { field: 'preset', type: 'nominal', sort: ['preset default', 'preset strict'], title: null } },
      spacing: 40,
      spec: {
        width: 270,
        height: { step: 19 },
        layer: [
          {
            mark: { type: 'bar', height: { band: 0.8 } },
            encoding: {
              y,
              yOffset,
              x,
              color: {
                field: 'who',
                sort: ['server PINGs', 'client PINGs'],
                title: null,
                scale: { range: [colours.blue, colours.orange] },
                legend: { orient: 'bottom' },
              },
            },
          },
          {
            mark: { type: 'text', align: 'left', dx: 4, fontSize: 11 },
            encoding: { y, yOffset, x, text: { field: 'label' } },
          },
        ],
      },
    },
  };
}
