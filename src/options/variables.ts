import type { Path, Report } from './issue.js';

export type Env = Readonly<Record<string, string | undefined>>;

const REFERENCE = /\$\$\{|\$\{([^}]*)\}?/g;
const NAME = /^([A-Za-z_][A-Za-z0-9_]*)(?::-([^]*))?$/;

/**
 * Replaces `${VAR}` and `${VAR:-default}` with values from the environment, and `$${` with a literal `${`. Reports each
 * invalid reference; the result is then undefined.
 */
export function expandVariables(text: string, env: Env, path: Path, report: Report): string | undefined {
  let isValid = true;
  const refuse = (description: string) => {
    isValid = false;
    report(path, description);
    return '';
  };
  const expanded = text.replace(REFERENCE, (reference, inner: string | undefined) => {
    if (reference === '$${') return '${';
    const [, name, fallback] = NAME.exec(inner ?? '') ?? [];
    if (name === undefined || !reference.endsWith('}')) {
      return refuse('has an invalid ${ reference; allowed: ${VAR}, ${VAR:-default}, and $${ for a literal ${');
    }
    const value = fallback === undefined ? env[name] : env[name] || fallback;
    return value ?? refuse(`refers to the variable ${name}, which is not set; use \${${name}:-default} for a default`);
  });
  return isValid ? expanded : undefined;
}
