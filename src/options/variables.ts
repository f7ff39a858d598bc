import type { Path, Report } from './issue.js';

export type Env = Readonly<Record<string, string | undefined>>;

const REFERENCE = /\$\$\{|\$\{([^}]*)\}?/g;
const NAME = /^([A-Za-z_][A-Za-z0-9_]*)(?::-([^]*))?$/;

/**
 * Replaces `${VAR}` and `${VAR:-default}` with values from the environment, and `$${` with a literal `${`. Returns
 * undefined if the text contains no reference.
 */
export function expandVariables(text: string, env: Env, path: Path, report: Report): string | undefined {
  if (!text.includes('${')) return undefined;
  return text.replace(REFERENCE, (reference, inner: string | undefined) => {
    if (reference === '$${') return '${';
    const [, name, fallback] = NAME.exec(inner ?? '') ?? [];
    if (name === undefined || !reference.endsWith('}')) {
      report(path, 'has an invalid ${ reference; allowed: ${VAR}, ${VAR:-default}, and $${ for a literal ${');
      return '';
    }
    const value = fallback === undefined ? env[name] : env[name] || fallback;
    if (value === undefined) {
      report(path, `refers to the variable ${name}, which is not set; use \${${name}:-default} for a default`);
    }
    return value ?? '';
  });
}
