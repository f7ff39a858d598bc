import { isDeepStrictEqual } from 'node:util';
import { UsageError } from '../parser.js';
import type { Session, Wanted } from './session.js';

type Maps = Readonly<Record<string, unknown>>;
type Compare<Key extends keyof Wanted> = (required: NonNullable<Wanted[Key]>, has: Wanted, session: Session) => unknown;

/**
 * For each setting, returns the part of the required value that a responder with `has` lacks; undefined if it lacks
 * nothing.
 */
const lacking: { readonly [Key in keyof Wanted]?: Compare<Key> } = {
  checks: (required, { checks }, session) => {
    // Nothing is known about the checks of a responder at an address.
    if (checks === undefined) return required;
    const others = Object.keys(checks).filter((name) => !Object.hasOwn(required, name));
    // Other checks are harmless as long as they pass and the session does not mention their names.
    const areHarmless = others.every((name) => checks[name] === 'pass' && !mentions(session, name));
    return areHarmless ? differentKeys(required, checks) : required;
  },
  tokens: (required, { tokens = [] }) => (required.every((token) => tokens.includes(token)) ? undefined : required),
  proxyProtocol: (required, { proxyProtocol }) =>
    required.from.every((from) => proxyProtocol?.from.includes(from)) ? undefined : required,
};

function lackOf(key: keyof Wanted, session: Session, has: Wanted): unknown {
  const required = session.responder?.[key];
  const compare = lacking[key] as Compare<keyof Wanted> | undefined;
  if (compare) return compare(required as never, has, session);
  if (typeof required === 'object' && !Array.isArray(required))
    return differentKeys(required as Maps, (has[key] ?? {}) as Maps);
  return isDeepStrictEqual(required, has[key]) ? undefined : required;
}

/**
 * Parses the settings of a running responder, which have the form of `responder` in a session. Refuses keys that no
 * session requires.
 *
 * @throws UsageError
 */
export function parseSettings(json: string, sessions: readonly Session[]): Wanted {
  let settings: unknown;
  try {
    settings = JSON.parse(json);
  } catch (error) {
    throw new UsageError(`--with is not JSON: ${(error as Error).message}`);
  }
  if (typeof settings !== 'object' || settings === null || Array.isArray(settings))
    throw new UsageError('--with is not a JSON object');
  const known = new Set(sessions.flatMap(({ responder = {} }) => Object.keys(responder)));
  const unknown = Object.keys(settings).find((key) => !known.has(key));
  if (unknown !== undefined)
    throw new UsageError(`--with has an unknown key ${JSON.stringify(unknown)}; allowed: ${[...known].join(', ')}`);
  return settings as Wanted;
}

/** What a running responder with these settings lacks for a session; undefined if it lacks nothing. */
export function missing(session: Session, has: Wanted): string | undefined {
  const { responder = {}, steps } = session;
  const lacks = (Object.keys(responder) as (keyof Wanted)[])
    .map((key) => [key, lackOf(key, session, has)] as const)
    .filter(([, lack]) => lack !== undefined);
  const operator = steps.flatMap((step) => ('operator' in step ? [step.operator] : 'set' in step ? ['set'] : []));
  const needs = [
    ...(lacks.length > 0 ? [`a responder with ${JSON.stringify(Object.fromEntries(lacks))}`] : []),
    ...(operator.length > 0 ? [`control of the responder (${[...new Set(operator)].join(', ')})`] : []),
    ...(has.proxyProtocol && !responder.proxyProtocol ? ['a responder without proxyProtocol'] : []),
    ...(hasTokens(has) && !responder.tokens && mentions(session, 'token') ? ['a responder without tokens'] : []),
  ];
  return needs.length > 0 ? `requires ${needs.join(', and ')}` : undefined;
}

function hasTokens({ tokens = [], requireToken = false }: Wanted): boolean {
  return tokens.length > 0 || requireToken;
}

/** The keys of `required` whose value differs in `has`. */
function differentKeys(required: Maps, has: Maps): Maps | undefined {
  const different = Object.entries(required).filter(([key, value]) => !isDeepStrictEqual(has[key], value));
  return different.length > 0 ? Object.fromEntries(different) : undefined;
}

/** Whether the session sends this string in a frame body. */
function mentions({ steps }: Session, text: string): boolean {
  const hex = Buffer.from(JSON.stringify(text)).toString('hex');
  return steps.some((step) => 'send' in step && step.send.includes(hex));
}
