import { fileURLToPath } from 'node:url';
import { describe, expect, it } from '@jest/globals';
import { validate } from 'dockerfile-utils';
import { readConfiguration } from '../../src/config/load.js';
import { readRoot, rootUrl } from '../readme/markdown.js';

const text = readRoot('deploy/Dockerfile');

describe('the Dockerfile', () => {
  it('has no linter warnings', () => {
    expect(validate(text).map(({ range, message }) => `${range.start.line + 1}: ${message}`)).toEqual([]);
    expect(validate('FROM a\nRUNN b\n')).not.toEqual([]);
  });

  it('has labels with the version and license of this package', () => {
    const { name, version, license } = JSON.parse(readRoot('package.json'));
    const labels = Object.fromEntries(
      [...text.matchAll(/org\.opencontainers\.image\.(\w+)="([^"]*)"/g)].map(([, key, value]) => [key, value]),
    );
    expect(labels).toMatchObject({ title: name, version, licenses: license });
  });

  it('runs as an unprivileged user, with the supported version of Node.js', () => {
    expect(text.match(/^USER .*/gm)).toEqual(['USER node']);
    for (const [, major] of text.matchAll(/^FROM node:(\d+)/gm)) expect(Number(major)).toBeGreaterThanOrEqual(20);
  });

  it('copies only files that exist and that the ignore file permits', () => {
    const [all, ...through] = readRoot('deploy/Dockerfile.dockerignore')
      .split('\n')
      .filter((line) => /^[*!]/.test(line));
    expect(all).toBe('*');
    const copied = [...text.matchAll(/^COPY (?!--from)(.*) \S+$/gm)].flatMap(([, sources]) =>
      (sources as string).split(' '),
    );
    expect(copied.sort()).toEqual(through.map((line) => line.slice(1)).sort());
    // package.json names everything else that the build reads.
    expect(readRoot('tsconfig.build.json')).toContain('"include": ["src"]');
  });

  it('exposes the ports that its default configuration listens on, on all addresses', async () => {
    const { settings } = await readConfiguration({ file: fileURLToPath(rootUrl('deploy/container.yml')), env: {} });
    const urls = settings.listen.map(({ url }) => new URL(url));
    expect(urls.map(({ hostname }) => hostname)).toEqual(['0.0.0.0']);
    expect(settings.http).toMatchObject({ host: '0.0.0.0' });
    const ports = [...urls.map(({ port }) => port), String((settings.http as { port: number }).port)];
    expect(/^EXPOSE (.*)$/m.exec(text)?.[1]?.split(' ')).toEqual(ports);
    expect(text).toContain('COPY deploy/container.yml /etc/pongcheck/pongcheck.yml');
    expect(text).toContain('PONGCHECK_CONFIG=/etc/pongcheck/pongcheck.yml');
  });
});
