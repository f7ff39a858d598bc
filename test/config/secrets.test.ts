import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { stringify } from 'yaml';
import { checkKinds } from '../../src/checks/catalog.js';
import { buildChecks, closeOthers } from '../../src/config/checks.js';
import { readConfiguration } from '../../src/config/load.js';
import { effective, redactorOf } from '../../src/config/print.js';
import type { OptionRow } from '../../src/options/option.js';
import { setAt } from '../../src/options/path.js';
import { optionRows } from '../../src/options/table.js';

const SECRET = 'hunter2-hunter2-hunter2-';
const NUMBER = 13_579_246;

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'pongcheck-secrets-'));
  await writeFile(join(folder, 'own.js'), 'export default () => () => {};\n');
});
afterAll(() => rm(folder, { recursive: true }));

/** What else a section requires. A `*` in a path of the table becomes the name `x`. */
const sections: Readonly<Record<string, object>> = {
  tokens: {},
  peers: { peers: { from: ['pong://127.0.0.1:1'] } },
  fleet: { fleet: { from: ['pong://127.0.0.1:1'] } },
  probe: { probe: { targets: ['127.0.0.1:1'], modules: { x: { prober: 'http' } } } },
};

/** The minimum options of each kind. If the URL of a kind may contain credentials, it does. */
const kinds: Readonly<Record<string, object>> = {
  mysql: { url: `mysql://u:${SECRET}@h/x` },
  postgres: { url: `postgres://u:${SECRET}@h/x` },
  redis: { url: `redis+sentinel://:${SECRET}@a,b:1/x` },
  http: { url: `http://h/?api_key=${SECRET}` },
  grpc: { url: 'grpc://h:1' },
  tcp: { url: 'tcp://h:1' },
  dns: { name: 'h' },
  'tls-expiry': { url: 'tls://h' },
  pingpong: { url: 'pong://h' },
  process: {},
  disk: { path: '/' },
  exec: { command: '/bin/true' },
  module: { path: 'own.js', deep: { password: SECRET } },
};

interface Place {
  readonly path: string;
  /** Returns a configuration with another value at the path. */
  with(value: unknown): object;
  /** A value that the type of the option allows. */
  readonly secret: unknown;
}

function place(path: string, type: string, rest: object): Place {
  const secret = { text: SECRET, payload: SECRET, tokens: [SECRET], texts: { x: SECRET } }[type];
  return {
    path,
    secret,
    with(value) {
      const tree = structuredClone(rest) as Record<string, unknown>;
      setAt(tree, path, value);
      return tree;
    },
  };
}

const isSecret = ({ secret }: OptionRow) => secret === true;
const places: Place[] = [
  ...optionRows.filter(isSecret).map((row) => {
    const path = row.path.replace('*', 'x');
    return place(path, row.type.name, sections[path.split('.')[0] as string] as object);
  }),
  ...checkKinds.flatMap(({ kind, options }) =>
    options.filter(isSecret).map((row) => {
      const url = row.path === 'password' ? { host: 'h' } : (kinds[kind] as object);
      return place(`checks.x.${row.path}`, row.type.name, { checks: { x: { kind, ...url } } });
    }),
  ),
];

async function read(tree: object) {
  const file = join(folder, 'pongcheck.yml');
  await writeFile(file, stringify(tree));
  return readConfiguration({ file, env: {} });
}

async function build(tree: object) {
  const configuration = await read(tree);
  const checks = await buildChecks(configuration);
  await closeOthers(checks);
  return { settings: configuration.settings, checks };
}

const printed: [string, object][] = [
  ...places.map((one): [string, object] => [one.path, one.with(one.secret)]),
  ...checkKinds
    .filter(({ kind }) => JSON.stringify(kinds[kind]).includes(SECRET))
    .map(({ kind }): [string, object] => [`of ${kind}`, { checks: { x: { kind, ...kinds[kind] } } }]),
];

describe('a secret in the configuration', () => {
  it('is defined for each section and kind', () => {
    expect(places.filter(({ secret }) => secret === undefined)).toEqual([]);
    expect(checkKinds.map(({ kind }) => kind)).toEqual(Object.keys(kinds));
  });

  it.each(printed)('(%s) is in no output and in no error', async (_path, tree) => {
    const built = await build(tree);
    const shown = JSON.stringify(effective(built));
    expect(shown).toContain('***');
    expect(shown).not.toContain('hunter2');
    const redact = redactorOf(built);
    for (const text of [SECRET, encodeURIComponent(SECRET), Buffer.from(SECRET).toString('base64')]) {
      const line = redact(new Error(`unexpected ${text} there`));
      expect(line).toBe('unexpected *** there');
    }
  });

  const wrong = [NUMBER, { x: NUMBER }, [NUMBER], [SECRET, [SECRET]], `${SECRET}\n${SECRET}`, { x: [SECRET] }];
  it.each(places)('($path) is not in the message about a value of another type', async (one) => {
    for (const value of wrong) {
      const error = await read(one.with(value)).then(
        () => undefined,
        (thrown: Error) => thrown,
      );
      expect(error?.message).toContain(one.path);
      expect(error?.message).not.toMatch(/hunter2|13579246/);
    }
  });

  it.each(places.filter(({ path }) => path.includes('.')))(
    '($path) is not in the message about a section that is not a map',
    async (one) => {
      const section = one.path.slice(0, one.path.lastIndexOf('.'));
      for (const value of [SECRET, NUMBER]) {
        const tree = one.with(one.secret) as Record<string, unknown>;
        setAt(tree, section, value);
        await expect(read(tree)).rejects.toThrow(/^(?:(?!hunter2|13579246)[^])*$/);
      }
    },
  );
});
