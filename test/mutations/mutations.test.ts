import { describe, expect, it } from '@jest/globals';
import { readSessions } from '../../src/cli/conformance/session.js';
import { readRoot, rootUrl } from '../readme/markdown.js';

interface Mutation {
  rule: string;
  name: string;
  /** Why the rule is not broken; then there is no other key. */
  why?: string;
}

// Plain JavaScript, which `npm run test:mutations` runs too.
const load = (name: string) => import(rootUrl(`test/mutations/${name}.js`).href);
const { mutations } = (await load('mutations')) as { mutations: readonly Mutation[] };
const { mutated } = (await load('run')) as { mutated(mutation: Mutation): unknown };
const { rows } = (await load('table')) as { rows(): string[][] };

const sessions = new Map(readSessions().map(({ name, rules }) => [name, rules]));

describe('the mutations of the responder', () => {
  it.each(mutations.filter(({ why }) => !why))('$rule: $name: fits the built files', (mutation) => {
    expect(() => mutated(mutation)).not.toThrow();
  });

  it('have unique names', () => {
    expect(new Set(mutations.map(({ rule, name }) => `${rule} ${name}`)).size).toBe(mutations.length);
  });

  it('break each M rule that binds a server at least twice, or say why not', () => {
    const rules = [...readRoot('protocol/SPEC.md').matchAll(/^\*\*(M\d+)\*\* \((?:server|both)\)/gm)].map(([, m]) => m);
    const isBroken = (rule: string | undefined) => {
      const own = mutations.filter((mutation) => mutation.rule === rule);
      return own.length > 1 || own.some(({ why }) => why);
    };
    expect(rules.length).toBeGreaterThan(70);
    expect(rules.filter((rule) => !isBroken(rule))).toEqual([]);
  });

  // `npm run test:mutations -- --update` writes the table.
  it('stand in the table of protocol/vectors/README.md, each with a session of its rule', () => {
    expect(rows().map(([rule, name]) => [rule, name])).toEqual(
      mutations.map(({ rule, name, why }) => [rule, why ? `not mutated: ${why}` : name]),
    );
    const found = rows().filter(([, name]) => !name?.startsWith('not mutated'));
    expect(found.filter(([rule, , session]) => !sessions.get(session ?? '')?.includes(rule ?? ''))).toEqual([]);
  });
});
