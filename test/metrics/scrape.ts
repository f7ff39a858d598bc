/** One line of the text format. */
export interface Sample {
  name: string;
  labels: Record<string, string>;
  value: number;
}

export interface Family {
  help: string;
  type: string;
  samples: Sample[];
}

const sampleLine = /^([a-z_:][a-z0-9_:]*)(?:\{(.*)\})? (\S+)$/i;
const labelPair = /([a-z_][a-z0-9_]*)="((?:[^"\\\n]|\\["\\n])*)"(?:,|$)/giy;
const escapes: Record<string, string> = { '\\n': '\n', '\\"': '"', '\\\\': '\\' };

/** Parses the text format strictly, as a scraper does. Throws on a syntax error. */
export function parseScrape(text: string): Map<string, Family> {
  const families = new Map<string, Family>();
  let current: [string, Family] | undefined;
  for (const line of text.split('\n')) {
    const comment = /^# (HELP|TYPE) (\S+) (.*)$/.exec(line);
    if (comment) {
      const [, kind, name = '', rest = ''] = comment;
      if (kind === 'HELP') {
        if (families.has(name)) throw new Error(`${name} stands twice`);
        current = [name, { help: rest, type: '', samples: [] }];
        families.set(...current);
      } else if (current?.[0] === name) current[1].type = rest;
      else throw new Error(`a TYPE out of place: ${line}`);
    } else if (line !== '') {
      const sample = parseSample(line);
      const [name, family] = current ?? ['', undefined];
      const suffix = sample.name.slice(name.length);
      const ofFamily = family?.type === 'histogram' ? ['_bucket', '_sum', '_count'].includes(suffix) : suffix === '';
      if (!family || !sample.name.startsWith(name) || !ofFamily) throw new Error(`a sample out of place: ${line}`);
      family.samples.push(sample);
    }
  }
  return families;
}

function parseSample(line: string): Sample {
  const [, name = '', pairs = '', text = ''] = sampleLine.exec(line) ?? [];
  const value = text === '+Inf' ? Infinity : Number(text);
  // prom-client resets its delays on each scrape. An immediate second scrape finds none, so their mean is NaN.
  const isEmptyLag = name.startsWith('nodejs_eventloop_lag_') && text === 'Nan';
  if (name === '' || (Number.isNaN(value) && !isEmptyLag)) throw new Error(`not a sample: ${line}`);
  const labels: Record<string, string> = {};
  labelPair.lastIndex = 0;
  let read = 0;
  for (let pair = labelPair.exec(pairs); pair; pair = labelPair.exec(pairs)) {
    const [, key = '', escaped = ''] = pair;
    labels[key] = escaped.replace(/\\[n"\\]/g, (escape) => escapes[escape] as string);
    read = labelPair.lastIndex;
  }
  if (read !== pairs.length) throw new Error(`labels that cannot be read: ${line}`);
  return { name, labels, value };
}

/** The value of the only series with exactly these labels. */
export function valueOf(families: Map<string, Family>, name: string, labels: Record<string, string> = {}): number {
  const samples = [...families.values()].flatMap((family) => family.samples);
  const key = canonical(labels);
  const found = samples.filter((sample) => sample.name === name && canonical(sample.labels) === key);
  if (found.length !== 1) throw new Error(`${found.length} series of ${name} ${key}`);
  return (found[0] as Sample).value;
}

/** Canonical form of labels, independent of their order. */
export function canonical(labels: Record<string, string>): string {
  return JSON.stringify(Object.entries(labels).sort(([a], [b]) => (a < b ? -1 : 1)));
}
