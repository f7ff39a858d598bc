import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { readConfigFile } from '../../src/config/file.js';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'pongcheck-file-'));
});
afterAll(() => rm(folder, { recursive: true }));

async function read(content: string | Buffer, name = 'pongcheck.yml') {
  const file = join(folder, name);
  await writeFile(file, content);
  return readConfigFile(file, name);
}

const refusal = (content: string | Buffer) =>
  read(content).then(
    () => 'taken',
    (error) => `${error.code} ${error.message}`,
  );

describe('a configuration file', () => {
  it('is YAML, with merge keys', async () => {
    const { tree } = await read('base: &base { timeout: 1s }\nchecks:\n  a: { <<: *base, kind: tcp }\n');
    expect(tree).toEqual({ base: { timeout: '1s' }, checks: { a: { timeout: '1s', kind: 'tcp' } } });
  });

  it('prints no warning of the parser about a template that was not rendered', async () => {
    const warnings: Error[] = [];
    const add = (warning: Error) => warnings.push(warning);
    process.on('warning', add);
    expect((await read('serviceId: {{ .Values.id }}\n')).tree).toEqual({ serviceId: { '{ .Values.id }': null } });
    // Node.js emits a warning in a tick of its own.
    await new Promise(setImmediate);
    process.off('warning', add);
    expect(warnings).toEqual([]);
  });

  it('may be JSON, with tabs and escapes', async () => {
    const { tree } = await read('{\n\t"a": ["\\ud83d\\ude00\\/", 1.5, null, true]\n}\n', 'pongcheck.json');
    expect(tree).toEqual({ a: ['😀/', 1.5, null, true] });
  });

  it('has the line of a key, of an element, and of a value behind an anchor', async () => {
    const text = 'limits:\n  maxPending: 1\nlisten:\n  - url: a\n  - url: b\nx: &x\n  y: 1\nz: *x\n';
    const { lineOf } = await read(text);
    expect(lineOf(['limits'])).toBe(1);
    expect(lineOf(['limits', 'maxPending'])).toBe(2);
    expect(lineOf(['listen', 1, 'url'])).toBe(5);
    expect(lineOf(['z', 'y'])).toBe(7);
    expect(lineOf(['limits', 'missing'])).toBe(1);
    expect(lineOf(['missing'])).toBeUndefined();
  });

  it('may be empty', async () => expect((await read('# nothing yet\n')).tree).toBeNull());

  it('accepts a key that is reserved in JavaScript', async () => {
    const { tree } = await read('__proto__: { polluted: true }\n');
    expect(Object.keys(tree as object)).toEqual(['__proto__']);
    expect(({} as { polluted?: boolean }).polluted).toBeUndefined();
  });

  it.each<[string, string | Buffer, RegExp]>([
    ['key-twice', 'a: 1\na: 2\n', /^PONGCHECK_CONFIG pongcheck\.yml:2: is not valid YAML: Map keys must be unique$/],
    ['bad-indent', 'a:\n   b: 1\n  c: 2\n', /^PONGCHECK_CONFIG pongcheck\.yml:3: is not valid YAML/],
    ['unclosed-list', 'a: [1, 2\n', /is not valid YAML/],
    ['two-documents', 'a: 1\n---\nb: 2\n', /^PONGCHECK_CONFIG pongcheck\.yml: holds 2 documents; allowed: one$/],
    ['unknown-tag', 'a: !secret-tag x\n', /^PONGCHECK_CONFIG pongcheck\.yml:1: is not valid YAML: Unresolved tag$/],
    ['unknown-anchor', 'a: *nowhere\n', /is not valid YAML: Unresolved alias/],
    ['alias-bomb', bomb(), /is not valid YAML: Excessive alias count/],
    ['alias-in-itself', 'a: &a [*a]\n', /: an alias refers to a node that contains it$/],
    [
      'nested-too-deep',
      `${'['.repeat(20_000)}${']'.repeat(20_000)}`,
      /^PONGCHECK_CONFIG pongcheck\.yml: is nested more/,
    ],
    ['nested-too-deep-in-blocks', `${'- '.repeat(20_000)}1`, /is nested more than 32 levels deep$/],
    ['too-large', Buffer.alloc(300 * 1024, '#'), /^PONGCHECK_CONFIG pongcheck\.yml: is larger than 256 KiB$/],
    ['not-utf8', Buffer.from([0x61, 0x3a, 0x20, 0xff]), /^PONGCHECK_CONFIG pongcheck\.yml: is not text in UTF-8$/],
  ])('is refused: %s', async (_rule, content, description) => expect(await refusal(content)).toMatch(description));

  it.each(['p: *hunter2', 'p: !hunter2 x', 'p: @hunter2', 'p: "x" hunter2', 'p: [hunter2', 'hunter2: a: b'])(
    'does not quote invalid text: %s',
    async (content) => {
      const description = await refusal(content);
      expect(description).toMatch(/is not valid YAML/);
      expect(description).not.toContain('hunter2');
    },
  );

  it('that is missing, or a directory, is reported in one line', async () => {
    await expect(readConfigFile(join(folder, 'nope.yml'), 'nope.yml')).rejects.toThrow(/^nope\.yml: does not exist$/);
    await expect(readConfigFile(folder, 'folder')).rejects.toThrow(/^folder: is a directory, not a file$/);
  });
});

function bomb(): string {
  const level = (name: string, of: string) => `${name}: &${name} [${Array(9).fill(of).join(', ')}]\n`;
  return level('a', 'x') + level('b', '*a') + level('c', '*b') + level('d', '*c');
}
