import type { Monitor } from './monitor.js';
import type { Selection, View } from './view.js';

/** The most selections that keep their view, and with it their serialised reports. */
const MAX_SELECTIONS = 64;

/**
 * Views of checks that callers picked by name, one for all spellings of the
 * same set. The names are a closed set but their combinations are not, so only
 * the latest are kept.
 */
export class Selections {
  private readonly kept = new Map<string, View>();

  constructor(
    private readonly monitors: ReadonlyMap<string, Monitor>,
    private readonly create: (selection: Selection) => View,
  ) {}

  /** A view of the checks of these names that nobody else gets; it says not-found while one of them does not exist. */
  own(names: readonly string[]): View {
    return this.create(() => this.pick(names));
  }

  /** Undefined where a name does not exist. */
  find(names: readonly string[]): View | undefined {
    const checks = this.pick(names);
    if (!checks) return undefined;
    const key = checks.map(({ name }) => name).join('\n');
    const view = this.kept.get(key) ?? this.own(checks.map(({ name }) => name));
    // The one that was asked for last is the last to go.
    this.kept.delete(key);
    this.kept.set(key, view);
    const [oldest] = this.kept.keys();
    if (this.kept.size > MAX_SELECTIONS) this.kept.delete(oldest as string);
    return view;
  }

  private pick(names: readonly string[]): Monitor[] | undefined {
    const wanted = new Set(names);
    for (const name of wanted) if (!this.monitors.has(name)) return undefined;
    return [...this.monitors.values()].filter(({ name }) => wanted.has(name));
  }
}
