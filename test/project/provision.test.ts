import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';

const provisioning = new URL('../../scripts/provision.js', import.meta.url).href;
const SENTENCE = 'Missing: pong-trial-server, pong-trial-tool. Install: pong-trial-servers pong-trial-tools.';

describe('a missing program', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'pongcheck-provision-'));
    // The tests may run without root.
    stand('sudo', 'shift; exec "$@"');
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  /** Replaces a program of the machine. */
  function stand(name: string, script: string): void {
    writeFileSync(join(folder, name), `#!/bin/sh\n${script}\n`, { mode: 0o755 });
  }

  /** Installs an apt-get that records its arguments and runs `script`. */
  function apt(script: string): void {
    stand('apt-get', `echo "$DEBIAN_FRONTEND $@" >> ${folder}/asked\n[ "$2" = install ] || exit 0\n${script}`);
  }

  function provision(programs: Record<string, string>) {
    const code = `const { provision } = await import('${provisioning}'); console.log(provision(${JSON.stringify(programs)}));`;
    const { stdout, stderr } = spawnSync(process.execPath, ['--input-type=module', '--eval', code], {
      encoding: 'utf8',
      env: { ...process.env, PATH: `${folder}${delimiter}${process.env.PATH}` },
    });
    const asked = join(folder, 'asked');
    return { answer: stdout.trim(), stderr, asked: existsSync(asked) ? readFileSync(asked, 'utf8').split('\n') : [] };
  }

  const programs = {
    sh: 'dash',
    'pong-trial-server': 'pong-trial-servers',
    'pong-trial-tool': 'pong-trial-servers pong-trial-tools',
  };

  it('is not searched for if none is missing', () => {
    apt('exit 100');
    expect(provision({ sh: 'dash', env: 'coreutils' })).toEqual({ answer: 'undefined', stderr: '', asked: [] });
  });

  it('is installed with its packages, each once, non-interactively and without recommended packages', () => {
    apt(`cp /bin/sh ${folder}/pong-trial-server; cp /bin/sh ${folder}/pong-trial-tool`);
    expect(provision(programs)).toEqual({
      answer: 'undefined',
      stderr: 'Installing pong-trial-servers, pong-trial-tools ...\n',
      asked: [
        'noninteractive -qq update',
        'noninteractive -qq install -y --no-install-recommends pong-trial-servers pong-trial-tools',
        '',
      ],
    });
  });

  it.each([
    ['apt-get fails', 'exit 100'],
    ['the package does not contain the program', 'exit 0'],
  ])('is reported with its packages in one description if %s', (_why, script) => {
    apt(script);
    expect(provision(programs).answer).toBe(SENTENCE);
  });
});
