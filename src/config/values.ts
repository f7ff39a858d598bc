import { type Address, formatAddress, parseAddress, type TcpAddress } from '../link/address.js';
import { isNetwork } from '../link/networks.js';
import { MAX_TOKENS, TOKEN_FORMS, tokenPattern } from '../link/tokens.js';
import { TARGET_FORMS, Targets } from '../probe/targets.js';
import { DURATION_FORMS, formatDuration, parseDuration } from './duration.js';
import { nearest } from './nearest.js';
import { formatOctets, OCTETS_FORMS, parseOctets } from './octets.js';
import type { OptionRow, OptionType } from './option.js';
import { isMap } from './path.js';

/** Thrown by a reader that does not take a value: `hint` says what was probably meant. */
export class Refusal {
  readonly hint: string | undefined;

  constructor(hint?: string) {
    this.hint = hint;
  }
}

/** How one type of option is read, described and shown. */
interface ValueType {
  /** What is allowed, as the end of "allowed is ...". */
  allowed(row: OptionRow): string;
  /** Reads a value of the file, or throws a Refusal. */
  read(value: unknown, row: OptionRow): unknown;
  /** Reads what stands in the environment, in a flag, or in place of `${VAR}`; absent: as a text of the file. */
  readText?(text: string, row: OptionRow): unknown;
  /** The number as it stands in the effective configuration; absent: as it is. */
  show?(value: number): string | number;
}

/** Names of checks and of groups. */
export const namePattern = /^[A-Za-z0-9_.-]{1,64}$/;
export const NAME_FORMS = '1 to 64 of A-Z a-z 0-9 _ . -';

export const valueTypes: Readonly<Record<OptionType, ValueType>> = {
  duration: {
    allowed: (row) => DURATION_FORMS + range(row, formatDuration),
    read(value, row) {
      if (value === 0) return within(0, row);
      if (typeof value === 'number') throw new Refusal(`a unit is missing: ${value}ms, ${value}s`);
      return within(parseDuration(text(value)), row);
    },
    show: (ms) => (ms === 0 ? 0 : formatDuration(ms)),
  },
  octets: {
    allowed: (row) => OCTETS_FORMS + range(row, formatOctets),
    read(value, row) {
      if (typeof value === 'number') return within(parseOctets(String(value)), row);
      const [, count, unit] = /^(\d+) ?([kmg])i?b?$/i.exec(text(value)) ?? [];
      const octets = parseOctets(text(value));
      if (octets === undefined && unit) throw new Refusal(`did you mean ${count}${unit.toUpperCase()}iB?`);
      return within(octets, row);
    },
    show: (octets) => (octets % 1024 === 0 && octets > 0 ? formatOctets(octets) : octets),
  },
  integer: {
    allowed: (row) => `a whole number${range(row, String)}`,
    read(value, row) {
      if (typeof value === 'string' && /^\d+$/.test(value)) throw new Refusal('without quotes');
      return within(typeof value === 'number' ? value : undefined, row);
    },
    readText: (value, row) => within(/^\d{1,15}$/.test(value) ? Number(value) : undefined, row),
  },
  boolean: {
    allowed: () => 'true or false',
    read(value) {
      if (typeof value === 'boolean') return value;
      if (value === 'true' || value === 'false') throw new Refusal('without quotes');
      throw new Refusal(yesOrNo(value));
    },
    readText(value) {
      if (value === 'true') return true;
      if (value === 'false') return false;
      throw new Refusal(yesOrNo(value));
    },
  },
  enum: {
    allowed: ({ values = [] }) => `one of ${values.join(', ')}`,
    read(value, { values = [] }) {
      if (values.includes(text(value))) return value;
      throw new Refusal(didYouMean(text(value), values));
    },
  },
  string: {
    allowed: () => 'a text of 1 to 1024 characters on one line',
    read: oneLine,
  },
  pattern: {
    allowed: () => 'a text or a /regular expression/ on one line',
    read: oneLine,
  },
  texts: {
    allowed: () => 'a map of texts, each on one line',
    read: mapOfLines,
  },
  patterns: {
    allowed: () => 'a map of texts or /regular expressions/, each on one line',
    read: mapOfLines,
  },
  path: {
    allowed: () => 'the path of a file',
    read: (value) => text(value) || refuse(),
  },
  names: {
    allowed: () => `a list of names of ${NAME_FORMS}`,
    read(value) {
      if (typeof value === 'string') throw new Refusal('a list, such as [readiness, startup]');
      if (!Array.isArray(value) || !value.every((name) => typeof name === 'string' && namePattern.test(name))) {
        throw new Refusal();
      }
      return [...new Set(value)];
    },
    readText: (value, row) => valueTypes.names.read(commaSeparated(value), row),
  },
  tokens: {
    allowed: () => `a list of 1 to ${MAX_TOKENS} texts of ${TOKEN_FORMS}, = at the end`,
    read(value) {
      return listOf(value, MAX_TOKENS, (token) => tokenPattern.test(token));
    },
    readText: (value, row) => valueTypes.tokens.read(commaSeparated(value), row),
  },
  networks: {
    allowed: () => 'a list of addresses and networks, such as [10.0.0.0/8, "::1"]',
    read(value) {
      return listOf(value, Number.POSITIVE_INFINITY, isNetwork);
    },
    readText: (value, row) => valueTypes.networks.read(commaSeparated(value), row),
  },
  targets: {
    allowed: () => `a list of ${TARGET_FORMS}`,
    read(value) {
      return listOf(value, Number.POSITIVE_INFINITY, isTarget);
    },
    readText: (value, row) => valueTypes.targets.read(commaSeparated(value), row),
  },
  url: {
    allowed: () => 'a URL, SCHEME://[USER:PASSWORD@]HOST[:PORT][/PATH]',
    read(value) {
      // A list of hosts, which the kind judges, is more than a URL may have.
      const oneHost = text(value).replace(/,[^/@?#]*(?=[/?#]|$)/, '');
      if (URL.canParse(oneHost) && oneHost.includes('://')) return value;
      throw new Refusal();
    },
  },
  mode: {
    allowed: () => 'an octal mode in quotes, such as "0660"',
    read(value) {
      if (typeof value === 'string' && /^0?[0-7]{3}$/.test(value)) return Number.parseInt(value, 8);
      throw new Refusal(typeof value === 'number' ? 'in quotes' : undefined);
    },
    show: (mode) => `0${mode.toString(8)}`,
  },
  address: {
    allowed: () => 'pong://HOST:PORT or pongs://HOST:PORT, an IPv6 address in brackets, or pong+unix:/PATH',
    read: (value) => formatAddress(addressOf(text(value))),
  },
  addresses: {
    allowed: () => 'a list such as [{ url: "pong://HOST:PORT" }]',
    read: (value) => commaSeparated(text(value)).map((url) => ({ url: formatAddress(addressOf(url)) })),
  },
  endpoint: {
    allowed: () => 'HOST:PORT, { host, port } or false',
    read(value) {
      if (value === false || value === 'false') return false;
      const [, address] = /^(?:http:\/\/)?([^/]*:\d+)$/.exec(text(value)) ?? [];
      if (address === undefined) throw new Refusal();
      const { host, port } = addressOf(address) as TcpAddress;
      return { host, port };
    },
  },
};

function refuse(): never {
  throw new Refusal();
}

/** A list of 1 to `most` texts; of a longer one the hint says which of them is not as allowed, and repeats no secret. */
function listOf(value: unknown, most: number, fits: (text: string) => boolean): string[] {
  if (!Array.isArray(value) || value.length === 0 || value.length > most) return refuse();
  const wrong = value.findIndex((text) => typeof text !== 'string' || !fits(text));
  if (wrong >= 0) throw new Refusal(value.length === 1 ? undefined : `number ${wrong + 1} of them is not`);
  return value;
}

function isTarget(text: string): boolean {
  try {
    new Targets([text]);
    return true;
  } catch {
    return false;
  }
}

function oneLine(value: unknown): string {
  if (typeof value === 'number' || typeof value === 'boolean') throw new Refusal(`in quotes: "${value}"`);
  const line = text(value);
  if (/\p{Cc}/u.test(line)) throw new Refusal('in single quotes YAML makes no line break of \\n');
  return /^.{1,1024}$/su.test(line) ? line : refuse();
}

function mapOfLines(value: unknown): object {
  return isMap(value) ? Object.fromEntries(Object.entries(value).map(([key, line]) => [key, oneLine(line)])) : refuse();
}

function text(value: unknown): string {
  if (typeof value === 'string') return value;
  throw new Refusal();
}

function addressOf(value: string): Address {
  try {
    return parseAddress(value);
  } catch {
    throw new Refusal();
  }
}

function commaSeparated(value: string): string[] {
  return value.split(',').map((part) => part.trim());
}

function within(value: number | undefined, { min = 0, max = Number.MAX_SAFE_INTEGER }: OptionRow): number {
  if (value === undefined || !Number.isInteger(value) || value < min || value > max) throw new Refusal();
  return value;
}

function range({ min = 0, max }: OptionRow, show: (value: number) => string): string {
  if (max === undefined) return min === 0 ? '' : ` of at least ${show(min)}`;
  return ` from ${show(min)} to ${show(max)}`;
}

function yesOrNo(value: unknown): string | undefined {
  if (value === 1 || /^(?:1|y|yes|on)$/i.test(String(value))) return 'did you mean true?';
  if (value === 0 || /^(?:0|n|no|off)$/i.test(String(value))) return 'did you mean false?';
  return undefined;
}

/** The hint for a word that is nearly a known one. */
export function didYouMean(word: string, known: Iterable<string>): string | undefined {
  const meant = nearest(word, known);
  return meant === undefined ? undefined : `did you mean ${meant}?`;
}
