import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { waitingClock } from '../../common/clock.js';
import { redactor } from '../../common/redact.js';
import { withTimeout } from '../../common/with-timeout.js';
import type { CheckDefinition, CheckFunction, CheckSettings } from '../../health/check.js';
import { CheckFailure } from '../../health/reason.js';
import { formatValue } from '../../options/format-value.js';
import { invalidOption, parseCheckOptions } from '../parse-options.js';
import { moduleOptions } from './options.js';

const KIND = 'module';
const EXPORTS = 'a function, or an object with a function `run`, as the default export';
const redact = redactor([]);
/** Timeout for importing a module, and for calling its factory, in milliseconds. */
const LOAD_LIMIT_MS = 30_000;

/** Options of the `module` check: the settings common to all checks, and options defined by the module. */
export interface ModuleOptions extends CheckSettings {
  /** Path of the module, relative to the working directory. */
  path: string;
  /** Names of module options, at any depth, whose values are not secret. Default: none. */
  nonSecret?: readonly string[];
  [own: string]: unknown;
}

/**
 * A check defined by the default export of an ES module, which is a check definition or a function. A function is the
 * check itself, unless options of the module are given. With options, it is a factory that is called once with them and
 * returns the function or the definition. Settings given here override those of the definition. Values of the module's
 * options are masked in outputs, except those of `nonSecret`.
 *
 * @throws PongcheckError `PONGCHECK_CONFIG` (as a rejection) if the module cannot be imported or exports no check.
 */
export async function moduleCheck(given: ModuleOptions): Promise<CheckDefinition> {
  const { settings, options } = parseCheckOptions<ModuleOptions>(KIND, moduleOptions, given, { open: true });
  const { path, nonSecret: _, ...own } = options as ModuleOptions;
  const { secrets } = settings;
  const { exported } = await importDefault(path);
  const isFactory = typeof exported === 'function' && Object.keys(own).length > 0;
  const made = isFactory ? await produce(exported as Factory, own, secrets) : exported;
  if (typeof made === 'function')
    return { ...settings, kind: KIND, target: path, run: runFunction(made as CheckFunction) };
  const found = isFactory ? 'a factory of' : 'a module that exports';
  try {
    if (isDefinition(made)) {
      const allSecrets = [...secrets, ...(made.secrets ?? [])];
      return { target: path, ...definitionOf(made), ...settings, secrets: allSecrets };
    }
  } catch (error) {
    const why = redactor(secrets)(error);
    throw invalidOption(KIND, ['path'], `${found} a definition that cannot be read (${why})`, EXPORTS);
  }
  throw invalidOption(KIND, ['path'], `${found} ${formatValue(made)}`, EXPORTS);
}

function definitionOf(made: CheckDefinition): CheckDefinition {
  return {
    ...made,
    kind: KIND,
    // The members may be methods that use `this`.
    run: (signal, deadline, hops, connected) => made.run(signal, deadline, hops, connected),
    ...(made.load && { load: () => made.load?.() }),
    ...(made.close && { close: closeWhenUnused(made) }),
  };
}

/**
 * Number of checks that use a definition. While a reload renames a check, there are briefly two. The last one to close
 * also closes the definition.
 */
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

/** Digest of each module when it was first imported. Node caches modules by URL, so new content needs another URL. */
const imported = new Map<string, string>();

/** Wrapped in an object, because the export may be anything, even a thenable. */
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
    throw invalidOption(KIND, [], `rejected by the module (${why})`, 'options that the module accepts');
  }
}

/** Settles like `work`, or rejects after `LOAD_LIMIT_MS`. */
function withTimeLimit<T>(work: Promise<T>): Promise<T> {
  return withTimeout(waitingClock, LOAD_LIMIT_MS, work, () => {
    throw new Error(`not done within ${LOAD_LIMIT_MS / 1000} s`);
  });
}

function isDefinition(thing: unknown): thing is CheckDefinition {
  return typeof thing === 'object' && thing !== null && 'run' in thing && typeof thing.run === 'function';
}

function runFunction(check: CheckFunction): CheckDefinition['run'] {
  return async (signal) => {
    const returned = await check(signal);
    if (typeof returned === 'function' || isDefinition(returned)) {
      throw new CheckFailure('internal', 'the module exports a factory, but the check has no options for it');
    }
    return returned as Awaited<ReturnType<CheckDefinition['run']>>;
  };
}
