import type { EventEmitter } from 'node:events';
import { onAbort } from '../abort.js';
import type { Client } from '../client.js';
import { validateWatchOptions } from '../options.js';
import type { WatchedStatus, WatchOptions } from '../watch.js';
import type { LinkChange, LinkEvents, LinkState } from './link-options.js';

const MAX_CHANGES = 1000;

/** The part of a link that its iterations use. */
interface ObservableLink extends EventEmitter<LinkEvents> {
  readonly client: Client | undefined;
  readonly state: LinkState;
}

/** Implements `Link.changes`. */
export async function* changesOf(link: ObservableLink): AsyncGenerator<LinkChange, void, void> {
  const queue: LinkChange[] = [];
  let wake = () => {};
  const onState = (change: LinkChange) => {
    queue.push(change);
    if (queue.length > MAX_CHANGES) queue.shift();
    wake();
  };
  link.on('state', onState);
  try {
    for (;;) {
      while (queue.length > 0) {
        const change = queue.shift() as LinkChange;
        yield change;
        if (change.state === 'closed') return;
      }
      if (link.state === 'closed') return;
      await new Promise<void>((resolve) => (wake = resolve));
    }
  } finally {
    link.off('state', onState);
  }
}

/** Implements `Link.watch`. */
export async function* watchOf(link: ObservableLink, options: WatchOptions): AsyncGenerator<WatchedStatus, void, void> {
  const valid = validateWatchOptions(options);
  const { signal } = valid;
  for (let client = await connected(link, signal); client; client = await connected(link, signal, client)) {
    if (signal?.aborted) return;
    try {
      yield* client.watch(valid);
      return;
    } catch (error) {
      if (client.ended === undefined) throw error;
    }
  }
}

/**
 * Resolves with the current connection, or with the next one if the current one is `before`; undefined if the link is
 * closed or `signal` aborts.
 */
async function connected(
  link: ObservableLink,
  signal: AbortSignal | undefined,
  before?: Client,
): Promise<Client | undefined> {
  const isOver = () => link.state === 'closed' || signal?.aborted;
  while (!isOver() && (link.client === undefined || link.client === before || link.client.ended)) {
    await new Promise<void>((resolve) => {
      const wake = () => {
        stopListening();
        link.off('state', wake);
        resolve();
      };
      const stopListening = onAbort(signal, wake);
      link.on('state', wake);
    });
  }
  return isOver() ? undefined : link.client;
}
