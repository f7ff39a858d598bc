import type { Log } from '../../src/common/log.js';

/** A log that records its messages and their fields. */
export function listening(): { log: Log; descriptions: string[]; fields: object[] } {
  const [descriptions, fields]: [string[], object[]] = [[], []];
  const hear = (more: object, description: string) => {
    fields.push(more);
    descriptions.push(description);
  };
  return { log: { debug: hear, info: hear, warn: hear, error: hear }, descriptions, fields };
}
