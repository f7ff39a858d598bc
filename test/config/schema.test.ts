import { readFileSync, writeFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Ajv } from 'ajv';
import { parse } from 'yaml';
import { checkKinds } from '../../src/checks/catalog.js';
import { kindOf } from '../../src/config/checks.js';
import { readConfiguration } from '../../src/config/load.js';
import type { ValueType } from '../../src/options/option.js';
import { checkSettingRows, optionRows } from '../../src/options/table.js';
import type { ServiceOptions } from '../../src/service/options.js';
import { createService } from '../../src/service/service.js';
import { readRoot, rootUrl } from '../readme/markdown.js';
import { configSchema } from './schema.js';

const FILE = 'config.schema.json';
const written = `${JSON.stringify(configSchema(), null, 2)}\n`;
// `UPDATE=1 npm test -- test/config` generates it.
if (process.env.UPDATE) writeFileSync(rootUrl(FILE), written);

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'pongcheck-schema-'));
});
afterAll(() => rm(folder, { recursive: true }));

const validate = new Ajv({
  strict: true,
  allowUnionTypes: true,
  strictRequired: false,
  keywords: ['errorMessage'],
}).compile(JSON.parse(readFileSync(rootUrl(FILE), 'utf8')));

/** The reader's error; '' if it accepts the file. */
async function readerSays(yaml: string, env: Record<string, string> = {}): Promise<string> {
  const file = join(folder, 'pongcheck.yml');
  await writeFile(file, yaml);
  return readConfiguration({ file, env }).then(
    () => '',
    (error: Error) => error.message,
  );
}

function schemaSays(yaml: string): string {
  return validate(parse(yaml, { merge: true })) ? '' : JSON.stringify(validate.errors);
}

describe(FILE, () => {
  it('is generated from the table of options (UPDATE=1 writes it)', () => expect(readRoot(FILE)).toBe(written));

  it.each(['deploy/pongcheck.yml', 'README.md'])('is named in %s, whose example is valid', async (page) => {
    const text = readRoot(page);
    const yaml = page.endsWith('.md') ? (/```yaml\n(# yaml-language-server[^]*?)```/.exec(text)?.[1] as string) : text;
    const [, named = ''] = /^# yaml-language-server: \$schema=(\S+)$/m.exec(yaml) ?? [];
    expect(named).toMatch(/(^|\/)config\.schema\.json$/);
    if (named.startsWith('.')) expect(new URL(named, rootUrl(page))).toEqual(rootUrl(FILE));
    expect(schemaSays(yaml)).toBe('');
    expect(await readerSays(yaml, { DB_URL: 'mysql://h' })).toBe('');
  });
});

/** A valid and an invalid value for each type. */
const samples: Readonly<Record<string, readonly [fits: unknown, doesNot: unknown]>> = {
  duration: ['1500ms', 'soon'],
  bytes: ['128KiB', '128kb'],
  integer: [77, '77'],
  boolean: [true, 'yes'],
  enumeration: ['', 'none of them'],
  text: ['a text', 7],
  payload: ['PING\\r\\n', 7],
  pattern: ['/a.*/', ['a']],
  textList: [['-w', '5'], 'a text'],
  texts: [{ a: 'b' }, { a: 1 }],
  patterns: [{ a: '/b/' }, 'a: b'],
  path: ['./a.pem', 7],
  requestPath: ['/ready?full', 'ready'],
  names: [['a', 'b-c'], 'a'],
  tokens: [['a-right-token-0123456789'], ['short']],
  networks: [['10.0.0.0/8', '::1'], ['lb.example']],
  peerAddresses: [['pong://[::1]:1', 'srv+pong://_pong._tcp.h'], ['pong+unix:/run/a']],
  targets: [['*.example:7464'], []],
  hostUrl: ['http://{host}:7664/', 'http://shop:7664/'],
  url: ['mysql://h/x', 'a text'],
  fileMode: ['0660', 660],
  address: ['pong://[::1]:1', 'http://h:1'],
  addresses: ['pong://h:1, h', 7],
  endpoint: ['[::1]:80', 'localhost'],
};

function sampleOf({ name }: ValueType): readonly [fits: unknown, doesNot: unknown] {
  return samples[name] as readonly [unknown, unknown];
}

/** Required options that must accompany an option. */
const beside: readonly (readonly [where: string, of: object])[] = [
  ['listen[]', { url: 'pong://h:1' }],
  ['listen[].tls', { cert: 'c.pem', key: 'k.pem' }],
  ['http.tls', { cert: 'c.pem', key: 'k.pem' }],
  ['grpc.tls', { cert: 'c.pem', key: 'k.pem' }],
  ['probe', { targets: ['h:1'] }],
  ['peers', { from: ['pongs://h'] }],
  ['fleet', { from: ['pongs://h'] }],
  ['loop', { readinessStall: 0 }],
  ['probe.modules.*', { prober: 'tcp' }],
  ...checkKinds.map(({ kind, options }) => {
    const required = options.filter((option) => option.required).map(({ path, type }) => [path, sampleOf(type)[0]]);
    return [`checks.${kind}`, { kind, ...Object.fromEntries(required) }] as const;
  }),
];

/** Returns options that contain this one and those that it requires. */
function optionsWith(path: string, value: unknown): object {
  const parts = path.split('.');
  const inner = parts.reduceRight<unknown>((below, part, index) => {
    const at = parts.slice(0, index + 1).join('.');
    const [, needed] = beside.find(([where]) => where === at) ?? [];
    const whole = needed === undefined ? below : { ...needed, ...(below as object) };
    const key = part === '*' ? 'own' : index === 1 && parts[0] === 'checks' ? 'mine' : part.replace('[]', '');
    return { [key]: part.endsWith('[]') ? [whole] : whole };
  }, value);
  return inner as object;
}

function fileWith(path: string, value: unknown): string {
  return JSON.stringify(optionsWith(path, value));
}

/** The error for the same options in code; '' if they are accepted. For a check, the error of its factory. */
async function codeSays(path: string, value: unknown): Promise<string> {
  const [, name] = /^checks\.([\w-]+)\./.exec(path) ?? [];
  const options = optionsWith(path, value) as ServiceOptions & { checks?: { mine: { kind: string } } };
  try {
    if (name === undefined) createService(options);
    else {
      const { kind, ...own } = (options.checks as { mine: { kind: string } }).mine;
      await (await kindOf(kind).load())(own);
    }
    return '';
  } catch (error) {
    expect(error).toMatchObject({ code: 'PONGCHECK_CONFIG' });
    return (error as Error).message;
  }
}

describe('each option', () => {
  const rows = optionRows.filter(({ path }) => !path.startsWith('checks.'));
  const kindRows = checkKinds.flatMap(({ kind, options }) =>
    options.map(({ path, ...row }) => ({ ...row, path: `checks.${kind}.${path}` })),
  );
  const cases = [...rows, ...kindRows].map(({ path, type, values, max }) => {
    const [fits, doesNot] = sampleOf(type);
    const bounded = max !== undefined && ['integer', 'bytes'].includes(type.name);
    return [path, values?.at(-1) ?? (bounded ? max : fits), bounded ? [doesNot, max + 1] : [doesNot]] as const;
  });

  it.each(cases)('%s accepts and refuses the same values as the reader', async (path, fits, doesNot) => {
    const place = path
      .replace('[]', '[0]')
      .replace('modules.*', 'modules.own')
      .replace(/^checks\.[\w-]+/, 'checks.mine');
    const complaint = (yaml: string) =>
      readerSays(yaml).then((said) =>
        said.split('\n').some((line) => line.includes(`${place} is `) && /; allowed: /.test(line)),
      );
    expect(await complaint(fileWith(path, fits))).toBe(false);
    expect(schemaSays(fileWith(path, fits))).toBe('');
    for (const wrong of doesNot) {
      expect(await complaint(fileWith(path, wrong))).toBe(true);
      expect(schemaSays(fileWith(path, wrong))).not.toBe('');
    }
  });

  const inCode = [
    ...rows.filter(({ fileOnly }) => !fileOnly),
    ...checkSettingRows.map((row) => ({ ...row, path: `checks.mysql.${row.path}` })),
    ...kindRows,
  ].map(({ path, type, min = 0, max }) => {
    const isNumber = ['duration', 'bytes', 'integer'].includes(type.name);
    const numbers = [min - 1, min + 0.5, '5', Number.NaN, Number.POSITIVE_INFINITY, ...(max ? [max + 1] : [])];
    return [path, isNumber ? [sampleOf(type)[1], ...numbers] : [sampleOf(type)[1], null]] as const;
  });

  it.each(inCode)('%s refuses the same values in code as in a file, with the same sentence', async (path, wrong) => {
    const place = path
      .replace('[]', '[0]')
      .replace('modules.*', 'modules.own')
      .replace(/^checks\.[\w-]+\./, '');
    // The sentence up to the allowed values, which are phrased differently; undefined if the value is accepted.
    const issue = (message: string) => message.split(`${place} is `)[1]?.split('; allowed: ')[0];
    for (const value of wrong) {
      const inFile = Number.isNaN(value) || value === Number.POSITIVE_INFINITY ? undefined : value;
      const expected = issue(await readerSays(fileWith(path, inFile)));
      if (inFile !== undefined && expected !== undefined) expect(issue(await codeSays(path, value))).toBe(expected);
      expect([value, await codeSays(path, value)]).toEqual([value, expect.stringContaining(`${place} is `)]);
      expect(await codeSays(path, value)).toContain('; allowed: ');
      // Hints about quotes apply to YAML only.
      expect(await codeSays(path, value)).not.toMatch(/\((?:in quotes|in single quotes)/);
    }
  });
});

describe('the schema', () => {
  it.each([
    '',
    'limits:\nping:\nhttp:\nchecks:\n',
    'http: false',
    'http: "0.0.0.0:80"',
    'http: { port: 0, tls: { cert: c.pem, key: k.pem } }',
    'listen: PONG://h:1',
    'listen: [{ url: "pong+unix:/run/p.sock", mode: "0660" }, { url: localhost, idleTimeout: 0 }]',
    'listen: [{ url: h, keepAlive: }]',
    'checks: { db: { kind: mysql, url: "${DB_URL:-mysql://h}", timeout: 1.5s, maxAge: 0, rise: 2, critical: false } }',
    'checks: { db: { kind: redis, url: "redis://h", rise: "${N:-3}", critical: "${C:-false}", groups: "${G:-a,b}" } }',
    'checks: { db: { kind: redis, url: "redis+sentinel://u:p,w@a:1,[::1]:2,c/shop/2", role: replica, sentinel: { password: x } } }',
    'checks: { own: { kind: module, path: ./own.js, deep: [{ x: 1 }] } }',
    'checks: { web: { kind: http, url: "https://h", headers: { a: b }, tls: { verify: false }, maxBody: 65536 } }',
    'checks: { a: &a { kind: tcp, url: "tcp://h:1" }, b: *a }',
    'checks: { a: &a { kind: redis, url: "redis://h" }, b: { <<: *a, rise: 2 } }',
    'limits: { maxQueuedBytes: 65536, pingsPerSecond: 0 }',
    'probe: { targets: ["10.0.0.0/8:*"], modules: { a: { prober: line, timeout: 2s } } }',
    'startup: { grace: 0 }',
  ])('accepts what the reader accepts: %s', async (yaml) => {
    expect(await readerSays(yaml)).toBe('');
    expect(schemaSays(yaml)).toBe('');
  });

  it('accepts a check without a URL only under the names for which the environment provides one', async () => {
    const yaml = (name: string) => `checks: { ${name}: { kind: mysql, timeout: 2s } }`;
    expect(await readerSays(yaml('mysql'), { MYSQL_URL: 'mysql://h' })).toBe('');
    expect(schemaSays(yaml('mysql'))).toBe('');
    expect(await readerSays(yaml('db'), { MYSQL_URL: 'mysql://h' })).toContain('checks.db.url is missing');
    expect(schemaSays(yaml('db'))).toContain('url');
  });

  it.each([
    '- a',
    'a: 1',
    'limit: {}',
    'limits: { max_pending: 1 }',
    'limits: 3',
    'listen: { url: "pong://h" }',
    'listen: [{}]',
    'http: localhost',
    'http: { port: 65536 }',
    'ping: { timeout: 800 }',
    'ping: { timeout: 1 s }',
    'limits: { stallTimeout: 0 }',
    'limits: { stallTimeout: 0s }',
    'limits: { maxPending: 1.5 }',
    'limits: { maxPending: 0 }',
    'detail:',
    'detail: loopbak',
    'serviceId: "a\\nb"',
    'checks: []',
    'checks: { db: "mysql://h" }',
    'checks: { db: { url: "mysql://h" } }',
    'checks: { db: { kind: mysq, url: "mysql://h" } }',
    'checks: { db: { kind: mysql } }',
    'checks: { db: { kind: mysql, url: "mysql://h", tineout: 1s } }',
    'checks: { db: { kind: redis, url: "redis://h", expectBody: x } }',
    'checks: { db: { kind: mysql, url: "mysql://h", tls: { caa: x } } }',
    'checks: { db: { kind: mysql, url: "mysql://h", groups: ["a b"] } }',
    'checks: { "a b": { kind: mysql, url: "mysql://h" } }',
    'probe: { targets: ["h:1"], modules: { a: { timeout: 2s } } }',
  ])('refuses what the reader refuses: %s', async (yaml) => {
    expect(await readerSays(yaml)).not.toBe('');
    expect(schemaSays(yaml)).not.toBe('');
  });

  it.each([
    'limits: { stallTimeout: 2h }',
    'ping: { timeout: 20s }',
    'drain: { delay: 11s }',
    'loop: { livenessStall: 1s }',
    'detail: token',
    'listen: []\nhttp: false',
    'listen: [{ url: "pongs://h" }]',
    'checks: { db: { kind: mysql, url: "${NOT_SET}" } }',
  ])('leaves to the reader what it cannot validate: %s', async (yaml) => {
    expect(await readerSays(yaml)).not.toBe('');
    expect(schemaSays(yaml)).toBe('');
  });
});
