import type { Complain, Path } from './problems.js';

const REFERENCE = /\$\$\{|\$\{([^}]*)\}?/g;
const NAME = /^([A-Za-z_][A-Za-z0-9_]*)(?::-([^]*))?$/;

/**
 * Puts the environment's values in place of `${VAR}` and `${VAR:-default}`;
 * `$${` stands for a plain `${`. undefined: the text holds no reference.
 */
export function expandVariables(
  text: string,
  env: Readonly<Record<string, string | undefined>>,
  path: Path,
  complain: Complain,
): string | undefined {
  if (!text.includes('${')) return undefined;
  return text.replace(REFERENCE, (reference, inner: string | undefined) => {
    if (reference === '$${') return '${';
    const [, name, fallback] = NAME.exec(inner ?? '') ?? [];
    if (name === undefined || !reference.endsWith('}')) {
      complain(path, 'has a ${ that begins no variable; allowed are ${VAR}, ${VAR:-default}, and $${ for a plain ${');
      return '';
    }
    const value = fallback === undefined ? env[name] : env[name] || fallback;
    if (value === undefined) {
      complain(path, `refers to the variable ${name}, which is not set; \${${name}:-default} would give it a default`);
    }
    return value ?? '';
  });
}
