import { SourceTextModule } from 'node:vm';
import { describe, expect, it } from '@jest/globals';
import { readDialogues } from '../../src/cli/conformance/client/vector.js';
import { readSessions } from '../../src/cli/conformance/session.js';
import { readRoot, rootUrl } from '../readme/markdown.js';

interface Mutation {
  rule: string;
  name: string;
  isOfClient?: boolean;
  /** Why the rule has no mutation. No other key is set in this case. */
  why?: string;
}

// Plain JavaScript, because `npm run test:mutations` also runs it.
const load = (name: string) => import(rootUrl(`test/mutations/${name}.js`).href);
const { mutations } = (await load('mutations')) as { mutations: readonly Mutation[] };
const { mutated } = (await load('run')) as { mutated(mutation: Mutation): Map<string, string> };
const { rows } = (await load('table')) as { rows(): string[][] };

const vectors = new Map([...readSessions(), ...readDialogues()].map(({ name, rules }) => [name, rules]));
const rulesOf = (side: string) =>
  [...readRoot('protocol/SPEC.md').matchAll(new RegExp(`^\\*\\*(M\\d+)\\*\\* \\((?:${side}|both)\\)`, 'gm'))].map(
    ([, m]) => m,
  );

describe('the mutations of the responder and the client', () => {
  it.each(mutations.filter(({ why }) => !why))('$rule: $name: fits the built files', (mutation) => {
    for (const text of mutated(mutation).values()) expect(() => new SourceTextModule(text)).not.toThrow();
  });

  it('have unique names', () => {
    expect(new Set(mutations.map(({ rule, name }) => `${rule} ${name}`)).size).toBe(mutations.length);
  });

  it('break each M rule that binds a server at least twice, or state why not', () => {
    const rules = rulesOf('server');
    const isBroken = (rule: string | undefined) => {
      const own = mutations.filter((mutation) => mutation.rule === rule && !mutation.isOfClient);
      return own.length > 1 || own.some(({ why }) => why);
    };
    expect(rules.length).toBeGreaterThan(70);
    expect(rules.filter((rule) => !isBroken(rule))).toEqual([]);
  });

  it('break each M rule that binds a client', () => {
    const broken = mutations.filter(({ isOfClient }) => isOfClient).map(({ rule }) => rule);
    expect(rulesOf('client').filter((rule) => !broken.includes(rule as string))).toEqual([]);
  });

  // `npm run test:mutations -- --update` writes the table.
  it('are in the table of protocol/vectors/README.md, each with a session of its rule', () => {
    expect(rows().map(([rule, name]) => [rule, name])).toEqual(
      mutations.map(({ rule, name, why }) => [rule, why ? `not mutated: ${why}` : name]),
    );
    const found = rows().filter(([, name]) => !name?.startsWith('not mutated'));
    expect(found.filter(([rule, , session]) => !vectors.get(session ?? '')?.includes(rule ?? ''))).toEqual([]);
  });
});
