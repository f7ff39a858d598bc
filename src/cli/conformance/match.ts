import type { CameFrame } from './dialogue.js';
import type { WantedFrame } from './session.js';

/** What is other than wanted, in a few words; undefined: nothing. */
export function difference(wanted: WantedFrame, came: CameFrame): string | undefined {
  if (came.version !== 1) return `the version is ${came.version}`;
  for (const key of ['type', 'flags', 'code', 'id'] as const) {
    const value = wanted[key];
    if (value === undefined || (key === 'id' && /^0*\*$/.test(String(value)))) continue;
    if (came[key] !== value) return `the ${key} is ${came[key]}, wanted ${value}`;
  }
  return bodyDifference(wanted.body, came.body);
}

function bodyDifference(wanted: WantedFrame['body'], came: Buffer | undefined): string | undefined {
  if (wanted === undefined) return undefined;
  if (wanted === null) return came === undefined ? undefined : `there is a body of ${came.length} octets, wanted none`;
  if (came === undefined) return Object.keys(wanted).length === 0 ? undefined : 'there is no body';
  let body: unknown;
  try {
    body = JSON.parse(came.toString());
  } catch {
    return 'the body is no JSON';
  }
  return valueDifference(wanted, body, 'the body');
}

function valueDifference(wanted: unknown, came: unknown, what: string): string | undefined {
  if (wanted === '*') return came === undefined ? `${what} is missing` : undefined;
  if (wanted === null) return came === undefined ? undefined : `${what} stands there, and should not`;
  if (Array.isArray(wanted)) {
    if (!Array.isArray(came)) return `${what} is no array`;
    if (came.length !== wanted.length) return `${what} has ${came.length} elements, wanted ${wanted.length}`;
    return first(wanted.map((element, index) => valueDifference(element, came[index], `${what}[${index}]`)));
  }
  if (typeof wanted === 'object') {
    if (typeof came !== 'object' || came === null || Array.isArray(came)) return `${what} is no object`;
    const map = came as Record<string, unknown>;
    return first(
      Object.entries(wanted as object).map(([key, value]) => valueDifference(value, map[key], `${what}.${key}`)),
    );
  }
  return came === wanted ? undefined : `${what} is ${JSON.stringify(came)}, wanted ${JSON.stringify(wanted)}`;
}

function first(differences: readonly (string | undefined)[]): string | undefined {
  return differences.find((difference) => difference !== undefined);
}
