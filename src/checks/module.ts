import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { CheckDefinition, CheckFunction, CheckSettings } from '../health/check.js';
import { CheckFailure } from '../health/reason.js';
import { redactor } from '../health/redact.js';
import { describe, partOptions, refusal } from './options.js';
import { secretsOfMap } from './secrets.js';

const KIND = 'module';
const EXPORTS = 'a function, or an object with a function `run`, as the default export';
const redact = redactor([]);

/** Where the module is, the settings of every check, and whatever the module itself wants. */
export interface ModuleOptions extends CheckSettings {
  /** The file of the module; a relative one is looked for from the working folder. */
  path: string;
  [own: string]: unknown;
}

/**
 * A check of anyone's own: the default export of an ES module. A definition is
 * taken as it is. A function is the check itself, unless options of its own
 * are given: then it is a factory, called once with them, which returns the
 * function or the definition. Settings given here win over the definition's.
 *
 * @throws PongcheckError `PONGCHECK_CHECK` (rejects) where the module cannot be imported or exports no check.
 */
export async function module(given: ModuleOptions): Promise<CheckDefinition> {
  const { settings, options } = partOptions<ModuleOptions>(KIND, given);
  const { path, ...own } = options as Readonly<Record<string, unknown>> & { path: string };
  const exported = await importDefault(path);
  const isFactory = typeof exported === 'function' && Object.keys(own).length > 0;
  const made = isFactory ? await produce(exported as Factory, own) : exported;
  const secrets = secretsOfMap(own);
  if (typeof made === 'function') return { ...settings, kind: KIND, secrets, run: runFunction(made as CheckFunction) };
  if (!isDefinition(made)) {
    const found = isFactory ? 'a factory of' : 'a module that exports';
    throw refusal(KIND, 'path', `${found} ${describe(made)}`, EXPORTS);
  }
  return {
    ...made,
    ...settings,
    kind: KIND,
    secrets: [...secrets, ...(made.secrets ?? [])],
    // Both may be methods that need their object.
    run: (signal, deadline, hops) => made.run(signal, deadline, hops),
    ...(made.close && { close: closing(made) }),
  };
}

/** What a module exports may stand behind several checks, as while a reload renames one: the last that ends closes it. */
const users = new WeakMap<CheckDefinition, number>();

function closing(made: CheckDefinition): () => void | Promise<void> {
  users.set(made, (users.get(made) ?? 0) + 1);
  return () => {
    const left = (users.get(made) ?? 1) - 1;
    users.set(made, left);
    return left === 0 ? made.close?.() : undefined;
  };
}

type Factory = (options: Readonly<Record<string, unknown>>) => unknown;

/** What stood in each module when it was imported first. Node keeps that under its URL: what stands there since needs another one. */
const imported = new Map<string, string>();

async function importDefault(path: string): Promise<unknown> {
  const url = pathToFileURL(resolve(path));
  try {
    const content = createHash('sha256')
      .update(await readFile(url))
      .digest('hex');
    const first = imported.get(url.href) ?? content;
    imported.set(url.href, first);
    if (content !== first) url.search = content;
    return (await import(url.href)).default;
  } catch (error) {
    throw refusal(KIND, 'path', `${describe(path)}, which cannot be imported (${redact(error)})`, 'an ES module');
  }
}

async function produce(factory: Factory, options: Readonly<Record<string, unknown>>): Promise<unknown> {
  try {
    return await factory(options);
  } catch (error) {
    const redactAll = redactor(secretsOfMap(options));
    throw refusal(KIND, 'its options', `refused by the module (${redactAll(error)})`, 'what the module takes');
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
