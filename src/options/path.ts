/**
 * Whether a value is a YAML mapping, a JSON object, a namespace of a module or an instance with keys. A Map, a Date or a
 * Promise is not, because it has no keys.
 */
export function isMap(value: unknown): value is Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value) || ArrayBuffer.isView(value)) return false;
  return isPlain(value) || Object.keys(value).length > 0;
}

/** Whether an object is not an instance of a class. Other realms have their own `Object.prototype`. */
export function isPlain(value: object): boolean {
  const prototype = Object.getPrototypeOf(value);
  return prototype === null || Object.getPrototypeOf(prototype) === null;
}

/**
 * The value at a path such as `limits.maxPending`. If a section on the path is not a map (`http: false`), returns the
 * value of that section.
 */
export function at(values: Readonly<Record<string, unknown>>, path: string): unknown {
  return path.split('.').reduce<unknown>((value, key) => (isMap(value) ? value[key] : value), values);
}

/** Sets the value at a path such as `limits.maxPending`. Creates missing sections. */
export function setAt(values: Record<string, unknown>, path: string, value: unknown): void {
  const keys = path.split('.');
  const last = keys.pop() as string;
  let section = values;
  for (const key of keys) {
    const next = section[key];
    if (!isMap(next)) {
      section[key] = {};
      section = section[key] as Record<string, unknown>;
    } else section = next;
  }
  section[last] = value;
}
