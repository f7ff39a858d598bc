import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { readRoot, rootUrl } from '../readme/markdown.js';

const svgs = ['bench/charts', 'bench/experiments/charts', 'docs/pictures'].flatMap((folder) =>
  readdirSync(rootUrl(folder))
    .filter((name) => name.endsWith('.svg'))
    .map((name) => `${folder}/${name}`),
);

describe('the pictures', () => {
  it('of the results are what `npm run pictures` draws from them, with their texts in the pages', () => {
    const { stderr, status } = spawnSync(process.execPath, ['scripts/pictures.js', 'charts', '--check'], {
      cwd: rootUrl('.'),
      encoding: 'utf8',
    });
    expect([status, stderr]).toEqual([0, '']);
  }, 60_000);

  it.each(svgs)('have a description, and need nothing from elsewhere: %s', (path) => {
    const svg = readRoot(path);
    expect(svg).toMatch(/<svg[^>]* role="img" aria-label="[^"]{40,}"/);
    expect(
      svg.replace('xmlns="http://www.w3.org/2000/svg"', '').replace('xmlns:xlink="http://www.w3.org/1999/xlink"', ''),
    ).not.toMatch(/https?:|<script|<image|@import/);
    const fonts = [...svg.matchAll(/font-family="([^"]*)"/g)].map(([, font]) => font);
    expect([...new Set(fonts)]).toEqual(['sans-serif']);
  });

  it('are small', () => {
    const folder = rootUrl('docs/pictures/');
    for (const name of readdirSync(folder)) expect(statSync(new URL(name, folder)).size).toBeLessThan(200 * 1024);
  });

  it('in the README have a text each', () => {
    const text = readFileSync(rootUrl('README.md'), 'utf8');
    const images = [...text.matchAll(/!\[([^\]]*)\]|<img [^>]*alt="([^"]*)"/g)].map(([, one, other]) => one ?? other);
    expect(images.length).toBeGreaterThanOrEqual(3);
    expect(images.filter((description = '') => description.length < 40)).toEqual([]);
  });
});
