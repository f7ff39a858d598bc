import type { Html } from './html.js';

/**
 * The parts of a page that change, by element id. A part is the HTML content of its element. If the id begins with
 * `item-`, it is the whole element, an item of the list `items`. `items` contains their ids in order, separated by
 * white space. `title` and `icon` are text without HTML.
 */
export type Parts = Readonly<Record<string, string>>;

/** Converts parts that are HTML or text. */
export function texts(parts: Readonly<Record<string, Html | string>>): Parts {
  return Object.fromEntries(
    Object.entries(parts).map(([id, part]) => [id, typeof part === 'string' ? part : part.text]),
  );
}

/**
 * The parts of a page, each with the revision in which it last changed, so that viewers receive only what is new to
 * them.
 */
export class PartRevisions {
  /** Incremented on each update. */
  revision = 0;
  private readonly parts = new Map<string, { text: string; revision: number }>();
  /** Messages of the current revision, by the revision that the viewer has. */
  private readonly messages = new Map<number, Buffer>();
  private wall = 0;

  /** @param wall wall-clock time of the parts, in milliseconds. */
  update(parts: Parts, wall: number): void {
    this.revision++;
    this.wall = wall;
    this.messages.clear();
    for (const id of this.parts.keys()) if (!Object.hasOwn(parts, id)) this.parts.delete(id);
    for (const [id, text] of Object.entries(parts)) {
      if (this.parts.get(id)?.text !== text) this.parts.set(id, { text, revision: this.revision });
    }
  }

  /** The message for viewers that have this revision, where 0 means none: one line of JSON, `{ now, parts }`. */
  since(revision: number): Buffer {
    let message = this.messages.get(revision);
    if (!message) {
      const changed = [...this.parts].filter(([, part]) => part.revision > revision);
      const parts = Object.fromEntries(changed.map(([id, { text }]) => [id, text]));
      message = Buffer.from(`data: ${JSON.stringify({ now: this.wall, parts })}\n\n`);
      this.messages.set(revision, message);
    }
    return message;
  }
}
