import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from '@jest/globals';
import { defaultServerSettings } from '../../src/server/settings.js';
import { FrameType, maxBody, Scope, Status, WireError } from '../../src/wire/codes.js';

const root = fileURLToPath(new URL('../..', import.meta.url));
const spec = readFileSync(join(root, 'protocol', 'SPEC.md'), 'utf8');
const sources = readdirSync(join(root, 'src'), { recursive: true, encoding: 'utf8' })
  .filter((name) => name.endsWith('.ts'))
  .map((name) => readFileSync(join(root, 'src', name), 'utf8'));

/** The words under a heading. */
function section(title: string): string {
  return spec.split(/^## /m).find((part) => part.startsWith(title)) ?? '';
}

describe('the specification', () => {
  it('has every section that the code cites', () => {
    const cited = new Set(
      sources.flatMap((text) => [...text.matchAll(/SPEC\s+(?:\*\s*)?"([^"]+)"/g)].map(([, title]) => title)),
    );
    const titles = [...spec.matchAll(/^## (.+)$/gm)].map(([, title]) => title);
    expect(cited.size).toBeGreaterThan(5);
    expect([...cited].filter((title) => !titles.includes(title as string))).toEqual([]);
  });

  it('numbers every MUST once, in rising order', () => {
    const numbers = [...spec.matchAll(/`\[M(\d+)\]`/g)].map(([, number]) => Number(number));
    const expected = numbers.map((_, i) => i + 1);
    // The first is the one that explains the numbers.
    expect(numbers.slice(1)).toEqual(expected.slice(0, -1));
  });

  it('lists the types with their numbers and their largest bodies', () => {
    const rows = section('Frames');
    for (const [name, type] of Object.entries(FrameType)) {
      const hex = type.toString(16).padStart(2, '0');
      expect(rows).toContain(`| ${hex} | ${name} |`);
      const [line] = rows.split('\n').filter((row) => row.startsWith(`| ${hex} |`));
      expect(line).toMatch(new RegExp(`[Bb]ody up to ${maxBody[type] / 1024} KiB`));
    }
  });

  it.each([
    ['scope', Scope],
    ['status', Status],
    ['error', WireError],
  ])('lists every %s', (_name, codes) => {
    const words = section('Registries');
    for (const [name, code] of Object.entries(codes)) {
      expect(words).toMatch(new RegExp(`\\| ${code} \\| ${name.toLowerCase().replaceAll('_', ' ')}\\b`));
    }
  });

  it('tells the defaults of the limits', () => {
    const shown = (key: string) =>
      section('Limits')
        .split('\n')
        .find((row) => row.includes(`\`${key}\``))
        ?.split('|')[2]
        ?.trim();
    const { heartbeat, limits } = defaultServerSettings;
    expect(shown('heartbeat.idleTimeout')).toBe(`${heartbeat.idleTimeout / 1000} s`);
    expect(shown('limits.frameTimeout')).toBe(`${limits.frameTimeout / 1000} s`);
    expect(shown('limits.maxPending')).toBe(limits.maxPending.toLocaleString('en'));
    expect(shown('limits.maxQueuedBytes')).toBe(`${limits.maxQueuedBytes / 1024} KiB`);
    expect(shown('limits.stallTimeout')).toBe(`${limits.stallTimeout / 1000} s`);
    expect(shown('limits.pingsPerSecond')).toBe(limits.pingsPerSecond.toLocaleString('en'));
    expect(shown('limits.maxWatches')).toBe(String(limits.maxWatches));
    expect(shown('limits.maxConnections')).toBe(limits.maxConnections.toLocaleString('en'));
  });
});
