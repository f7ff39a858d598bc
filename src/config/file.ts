import { type FileHandle, open } from 'node:fs/promises';
import { configError, type Path } from '../options/issue.js';

/** Maximum file size, far more than a configuration needs. The parser takes about 1 s for a file of this size. */
const MAX_BYTES = 256 * 1024;
/** Maximum nesting depth, checked before the parser runs because the parser is recursive. */
const MAX_DEPTH = 32;
/**
 * Maximum number of alias expansions, counted as the parser counts them, so that a few lines cannot expand to
 * gigabytes.
 */
const MAX_ALIASES = 100;
/** Maximum number of reported syntax errors. */
const MAX_ERRORS = 10;

export interface ConfigFile {
  /** The parsed contents; null for an empty file. */
  readonly tree: unknown;
  /** Line number of a key, starting at 1; undefined if the key is not in the file. */
  lineOf(path: Path): number | undefined;
}

/**
 * Reads a YAML or JSON file. `name` is the file name in error messages.
 *
 * @throws PongcheckError (rejects) `PONGCHECK_CONFIG` if the file is unreadable, too large, or invalid.
 */
export async function readConfigFile(file: string, name: string): Promise<ConfigFile> {
  const source = await readText(file, name);
  const { Composer, isAlias, isMap, isSeq, LineCounter, Parser } = await import('yaml');
  const lines = new LineCounter();
  const tokens = [...new Parser(lines.addNewLine).parse(source)];
  if (depth(tokens) > MAX_DEPTH) throw configError([`${name}: is nested more than ${MAX_DEPTH} levels deep`]);

  const documents = [...new Composer({ merge: true, prettyErrors: false, logLevel: 'error' }).compose(tokens, true)];
  const document = documents[0];
  const broken = documents.flatMap(({ errors, warnings }) => [...errors, ...warnings]).slice(0, MAX_ERRORS);
  const problems = broken.map(
    ({ message, pos }) => `${name}:${lines.linePos(pos[0]).line}: is not valid YAML: ${withoutSource(message)}`,
  );
  if (documents.length > 1) problems.push(`${name}: holds ${documents.length} documents; allowed: one`);
  if (problems.length > 0 || !document) throw configError(problems);

  let tree: unknown;
  try {
    tree = document.toJS({ maxAliasCount: MAX_ALIASES });
  } catch (error) {
    throw configError([`${name}: is not valid YAML: ${withoutSource((error as Error).message)}`]);
  }
  if (isCircular(tree)) throw configError([`${name}: an alias refers to a node that contains it`]);
  return {
    tree,
    lineOf(path) {
      let node: unknown = document.contents;
      let offset: number | undefined;
      for (const key of path) {
        if (isAlias(node)) node = node.resolve(document);
        const pair = isMap(node) ? node.items.find((item) => String(item.key) === String(key)) : undefined;
        const next = pair ? pair.value : isSeq(node) ? node.items[Number(key)] : undefined;
        offset = rangeOf(pair ? pair.key : next) ?? offset;
        if (next === undefined || next === null) break;
        node = next;
      }
      return offset === undefined ? undefined : lines.linePos(offset).line;
    },
  };
}

async function readText(file: string, name: string): Promise<string> {
  let handle: FileHandle | undefined;
  try {
    handle = await open(file);
    const buffer = Buffer.alloc(MAX_BYTES + 1);
    let filled = 0;
    for (;;) {
      const { bytesRead } = await handle.read(buffer, filled, buffer.length - filled);
      filled += bytesRead;
      if (bytesRead === 0 || filled === buffer.length) break;
    }
    if (filled > MAX_BYTES) throw configError([`${name}: is larger than ${MAX_BYTES / 1024} KiB`]);
    return new TextDecoder('utf-8', { fatal: true }).decode(buffer.subarray(0, filled));
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'PONGCHECK_CONFIG') throw error;
    throw configError([`${name}: ${descriptions[code as string] ?? `cannot be read (${code})`}`]);
  } finally {
    await handle?.close();
  }
}

const descriptions: Readonly<Record<string, string>> = {
  ENOENT: 'does not exist',
  ENOTDIR: 'does not exist',
  EACCES: 'cannot be read: permission denied',
  EISDIR: 'is a directory, not a file',
  ERR_ENCODING_INVALID_ENCODED_DATA: 'is not text in UTF-8',
};

interface Token {
  value?: unknown;
  items?: readonly { key?: unknown; value?: unknown }[];
}

/** Nesting depth of maps and lists, computed without recursion. */
function depth(tokens: readonly unknown[]): number {
  let deepest = 0;
  const open = tokens.map((token): [Token, number] => [token as Token, 0]);
  for (let next = open.pop(); next; next = open.pop()) {
    const [token, level] = next;
    if (level > deepest) deepest = level;
    if (typeof token.value === 'object' && token.value !== null) open.push([token.value as Token, level]);
    for (const { key, value } of token.items ?? []) {
      if (key) open.push([key as Token, level + 1]);
      if (value) open.push([value as Token, level + 1]);
    }
  }
  return deepest;
}

function isCircular(tree: unknown): boolean {
  try {
    JSON.stringify(tree);
    return false;
  } catch {
    return true;
  }
}

/** Removes the source text that the parser quotes after a colon, because it may be a password. */
function withoutSource(message: string): string {
  return message.replace(/: [^]*$/, '').replace(/[\r\n]/g, ' ');
}

function rangeOf(node: unknown): number | undefined {
  return (node as { range?: readonly number[] } | null | undefined)?.range?.[0];
}
