import type { Log } from '../../src/common/log.js';

/** A log, its sentences, and all that stands beside them. */
export function listening(): { log: Log; sentences: string[]; fields: object[] } {
  const [sentences, fields]: [string[], object[]] = [[], []];
  const hear = (more: object, sentence: string) => {
    fields.push(more);
    sentences.push(sentence);
  };
  return { log: { debug: hear, info: hear, warn: hear, error: hear }, sentences, fields };
}
