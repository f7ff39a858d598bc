import { readFileSync } from 'node:fs';
import { type Browser, chromium, type Page } from 'playwright-core';

const axe = readFileSync('node_modules/axe-core/axe.min.js', 'utf8');

/** Debian's Chromium, with options that prevent its own requests. */
export function launchBrowser(): Promise<Browser> {
  return chromium.launch({
    executablePath: '/usr/bin/chromium',
    args: [
      '--no-sandbox',
      '--disable-gpu',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
    ],
  });
}

/**
 * The violations that axe finds on a page that permits its script: the rule, and the first element that violates it.
 */
export async function axeViolations(page: Page): Promise<(readonly [rule: string, html: string | undefined])[]> {
  await page.evaluate(axe);
  const { violations } = (await page.evaluate('axe.run()')) as {
    violations: { id: string; nodes: { html: string }[] }[];
  };
  return violations.map(({ id, nodes }) => [id, nodes[0]?.html] as const);
}
