import { readFileSync } from 'node:fs';

const root = new URL('../', import.meta.url);

/**
 * All modules that `file` loads at run time, including itself. Type imports are excluded, and so are `import()` calls,
 * which load later.
 */
export function loaded(file: string, seen = new Set<string>()): Set<string> {
  if (seen.has(file)) return seen;
  seen.add(file);
  if (!file.startsWith('src/')) return seen;
  const url = new URL(file, root);
  const text = readFileSync(url, 'utf8');
  for (const [, from] of text.matchAll(/^(?:import|export)(?! type\b)[^;']*? from '([^']+)'/gms)) {
    const name = from as string;
    if (!name.startsWith('.')) loaded(name.startsWith('node:') ? name : `third party: ${name}`, seen);
    else loaded(new URL(name.replace(/\.js$/, '.ts'), url).href.slice(root.href.length), seen);
  }
  return seen;
}
