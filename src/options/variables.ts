import type { Path, Report } from './issue.js';

export type Env = Readonly<Record<string, string | undefined>>;

const REFERENCE = /\$\$\{|\$\{([^}]*)\}?/g;
const NAME = /^([A-Za-z_][A-Za-z0-9_]*)(?::-([^]*))?$/;

/**
 * Puts the environment's values in place of `${VAR}` and `${VAR:-default}`;
 * `$${` stands for a plain `${`. undefined: the text holds no reference.
 */
export function expandVariables(text: string, env: Env, path: Path, report: Report): string | undefined {
  if (!text.includes('${')) return undefined;
  return text.replace(REFERENCE, (reference, inner: string | undefined) => {
    if (reference === '$${') return '${';
    const [, name, fallback] = NAME.exec(inner ?? '') ?? [];
    if (name === undefined || !reference.endsWith('}')) {
      report(path, 'has a ${ that begins no variable; allowed: ${VAR}, ${VAR:-default}, and $${ for a plain ${');
      return '';
    }
    const value = fallback === undefined ? env[name] : env[name] || fallback;
    if (value === undefined) {
      report(path, `refers to the variable ${name}, which is not set; \${${name}:-default} would give it a default`);
    }
    return value ?? '';
  });
}
