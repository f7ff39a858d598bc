import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { redactor } from '../../common/redact.js';
import type { CheckDefinition, CheckFunction, CheckSettings } from '../../health/check.js';
import { CheckFailure } from '../../health/reason.js';
import { formatValue } from '../../options/format-value.js';
import { invalidOption, parseCheckOptions } from '../parse-options.js';
import { orAbort } from '../shared/deadline.js';
import { secretsOfMap } from '../shared/secrets.js';
import { moduleOptions } from './options.js';

const KIND = 'module';
const EXPORTS = 'a function, or an object with a function `run`, as the default export';
const redact = redactor([]);
/** How long a module may take to be imported, and its factory to make a check. */
const LOAD_LIMIT_MS = 30_000;

/** Where the module is, the settings of every check, and whatever the module itself wants. */
export interface ModuleOptions extends CheckSettings {
  /** The file of the module; a relative one is looked for from the working folder. */
  path: string;
  /** Names of those of its own options, at any depth, whose values may be shown. Default: none. */
  nonSecret?: readonly string[];
  [own: string]: unknown;
}

/**
 * A check of anyone's own: the default export of an ES module. A definition is
 * taken as it is. A function is the check itself, unless options of its own
 * are given: then it is a factory, called once with them, which returns the
 * function or the definition. Settings given here win over the definition's.
 * Values of the module's own options are masked in outputs (`secretsOfMap`).
 *
 * @throws PongcheckError `PONGCHECK_CONFIG` (rejects) where the module cannot be imported or exports no check.
 */
export async function module(given: ModuleOptions): Promise<CheckDefinition> {
  const { settings, options } = parseCheckOptions<ModuleOptions>(KIND, moduleOptions, given, { open: true });
  const { path, nonSecret = [], ...own } = options as ModuleOptions;
  const secrets = secretsOfMap(own, nonSecret);
  const { exported } = await importDefault(path);
  const isFactory = typeof exported === 'function' && Object.keys(own).length > 0;
  const made = isFactory ? await produce(exported as Factory, own, secrets) : exported;
  if (typeof made === 'function') return { ...settings, kind: KIND, secrets, run: runFunction(made as CheckFunction) };
  const found = isFactory ? 'a factory of' : 'a module that exports';
  try {
    if (isDefinition(made)) return { ...definitionOf(made, secrets), ...settings };
  } catch (error) {
    const why = redactor(secrets)(error);
    throw invalidOption(KIND, ['path'], `${found} a definition that cannot be read (${why})`, EXPORTS);
  }
  throw invalidOption(KIND, ['path'], `${found} ${formatValue(made)}`, EXPORTS);
}

function definitionOf(made: CheckDefinition, secrets: readonly string[]): CheckDefinition {
  return {
    ...made,
    kind: KIND,
    secrets: [...secrets, ...(made.secrets ?? [])],
    // Both may be methods that need their object.
    run: (signal, deadline, hops, connected) => made.run(signal, deadline, hops, connected),
    ...(made.load && { load: () => made.load?.() }),
    ...(made.close && { close: closeWhenUnused(made) }),
  };
}

/** What a module exports may stand behind several checks, as while a reload renames one: the last that ends closes it. */
const users = new WeakMap<CheckDefinition, number>();

function closeWhenUnused(made: CheckDefinition): () => void | Promise<void> {
  users.set(made, (users.get(made) ?? 0) + 1);
  return () => {
    const left = (users.get(made) ?? 1) - 1;
    users.set(made, left);
    return left === 0 ? made.close?.() : undefined;
  };
}

type Factory = (options: Readonly<Record<string, unknown>>) => unknown;

/** The digest of each module when it was first imported. Node keeps a module under its URL: new content needs another one. */
const imported = new Map<string, string>();

/** In an object, because it may be anything, also something that cannot be awaited. */
async function importDefault(path: string): Promise<{ exported: unknown }> {
  const url = pathToFileURL(resolve(path));
  try {
    const content = createHash('sha256')
      .update(await readFile(url))
      .digest('hex');
    const first = imported.get(url.href) ?? content;
    imported.set(url.href, first);
    if (content !== first) url.search = content;
    const { default: exported } = await withTimeLimit(import(url.href));
    return { exported };
  } catch (error) {
    throw invalidOption(
      KIND,
      ['path'],
      `${formatValue(path)}, which cannot be imported (${redact(error)})`,
      'an ES module',
    );
  }
}

async function produce(
  factory: Factory,
  options: Readonly<Record<string, unknown>>,
  secrets: readonly string[],
): Promise<unknown> {
  try {
    return await withTimeLimit(Promise.resolve(factory(options)));
  } catch (error) {
    const why = redactor(secrets)(error);
    throw invalidOption(KIND, [], `refused by the module (${why})`, 'what the module takes');
  }
}

/** Rejects what takes too long. The timer keeps the process alive: without it Node would end, and not say why. */
async function withTimeLimit<T>(work: Promise<T>): Promise<T> {
  const aborter = new AbortController();
  const over = () => aborter.abort(new Error(`not done within ${LOAD_LIMIT_MS / 1000} s`));
  const timer = setTimeout(over, LOAD_LIMIT_MS);
  try {
    return await orAbort(work, aborter.signal);
  } finally {
    clearTimeout(timer);
  }
}

function isDefinition(thing: unknown): thing is CheckDefinition {
  return typeof thing === 'object' && thing !== null && 'run' in thing && typeof thing.run === 'function';
}

function runFunction(check: CheckFunction): CheckDefinition['run'] {
  return async (signal) => {
    const returned = await check(signal);
    if (typeof returned === 'function' || isDefinition(returned)) {
      throw new CheckFailure('internal', 'the module exports a factory, which is called as one only with an option');
    }
    return returned as Awaited<ReturnType<CheckDefinition['run']>>;
  };
}
