import type { ReceivedFrame } from './dialogue.js';
import type { WantedFrame } from './session.js';

/**
 * Describes the first difference from the expected frame; undefined if there is none.
 *
 * @param named values from earlier frames, for `=NAME` in a body. The first value of a name is added.
 */
export function difference(
  wanted: WantedFrame,
  received: ReceivedFrame,
  named: Map<string, unknown> = new Map(),
): string | undefined {
  if (received.version !== 1) return `the version is ${received.version}`;
  for (const key of ['type', 'flags', 'code', 'id'] as const) {
    const value = wanted[key];
    if (value === undefined || (key === 'id' && /^0*\*$/.test(String(value)))) continue;
    const allowed: readonly unknown[] = Array.isArray(value) ? value : [value];
    if (!allowed.includes(received[key])) return `the ${key} is ${received[key]}, expected ${allowed.join(' or ')}`;
  }
  return bodyDifference(wanted.body, received.body, named);
}

function bodyDifference(
  wanted: WantedFrame['body'],
  received: Buffer | undefined,
  named: Map<string, unknown>,
): string | undefined {
  if (wanted === undefined) return undefined;
  if (wanted === null)
    return received === undefined ? undefined : `there is a body of ${received.length} bytes, expected none`;
  if (received === undefined) return Object.keys(wanted).length === 0 ? undefined : 'there is no body';
  let body: unknown;
  try {
    body = JSON.parse(received.toString());
  } catch {
    return 'the body is not JSON';
  }
  return valueDifference(wanted, body, 'the body', named);
}

function valueDifference(
  wanted: unknown,
  received: unknown,
  what: string,
  named: Map<string, unknown>,
): string | undefined {
  if (wanted === '*') return received === undefined ? `${what} is missing` : undefined;
  const range = typeof wanted === 'string' ? /^(\d+)\.\.(\d*)$/.exec(wanted) : null;
  if (range) return rangeDifference(range, received, what);
  if (typeof wanted === 'string' && wanted.startsWith('=')) {
    if (!named.has(wanted)) named.set(wanted, received);
    return valueDifference(named.get(wanted) ?? '*', received, what, named);
  }
  if (wanted === null) return received === undefined ? undefined : `${what} is present, expected to be absent`;
  if (Array.isArray(wanted)) {
    if (!Array.isArray(received)) return `${what} is not an array`;
    if (received.length !== wanted.length) return `${what} has ${received.length} elements, expected ${wanted.length}`;
    return first(wanted.map((element, index) => valueDifference(element, received[index], `${what}[${index}]`, named)));
  }
  if (typeof wanted === 'object') {
    if (typeof received !== 'object' || received === null || Array.isArray(received)) return `${what} is not an object`;
    const map = received as Record<string, unknown>;
    return first(
      Object.entries(wanted as object).map(([key, value]) => valueDifference(value, map[key], `${what}.${key}`, named)),
    );
  }
  return received === wanted ? undefined : `${what} is ${JSON.stringify(received)}, expected ${JSON.stringify(wanted)}`;
}

function rangeDifference([text, min, max]: RegExpExecArray, received: unknown, what: string): string | undefined {
  const isIn = typeof received === 'number' && received >= Number(min) && received <= (max ? Number(max) : Infinity);
  return isIn ? undefined : `${what} is ${JSON.stringify(received)}, expected ${text}`;
}

function first(differences: readonly (string | undefined)[]): string | undefined {
  return differences.find((difference) => difference !== undefined);
}
