import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { expect, it } from '@jest/globals';
import { rootUrl } from '../readme/markdown.js';

it('conformance detects each mutation of the responder, and nothing without one', () => {
  const script = fileURLToPath(rootUrl('scripts/test-mutations.js'));
  const { status, stderr } = spawnSync(process.execPath, [script, '--bounded'], { encoding: 'utf8' });
  expect(stderr).toContain(' 0 not found, 0 sessions fail without one');
  expect(status).toBe(0);
}, 600_000);
