import type { Html } from './html.js';

/**
 * The HTML of the parts of a page that change, by element id. The content of an element is replaced, or with an id that
 * begins with `item-` the whole element: an item of the list `items`. `items` has their ids in order, separated by white
 * space; `title` and `icon` are text, without HTML.
 */
export type Parts = Readonly<Record<string, string>>;

/** Parts of HTML and text. */
export function texts(parts: Readonly<Record<string, Html | string>>): Parts {
  return Object.fromEntries(
    Object.entries(parts).map(([id, part]) => [id, typeof part === 'string' ? part : part.text]),
  );
}

/** The parts of a page, each with the revision in which it last changed: viewers receive only what they have not seen. */
export class PartRevisions {
  /** Incremented by each update. */
  revision = 0;
  private readonly parts = new Map<string, { text: string; revision: number }>();
  /** Messages of the current revision, by the revision that their viewers have. */
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

  /** The message for viewers that have a revision; 0 for none. On one line: `{ now, parts }`. */
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
