interface Stored {
  readonly numbers: Float64Array;
}

/** Accessors for `keys` of an object that stores their values in its array `numbers`, beginning at `start`. */
export function numberAccessors(keys: readonly string[], start = 0): PropertyDescriptorMap {
  const accessor = (slot: number): PropertyDescriptor & ThisType<Stored> => ({
    enumerable: true,
    get() {
      return this.numbers[slot];
    },
    set(value: number) {
      this.numbers[slot] = value;
    },
  });
  return Object.fromEntries(keys.map((key, index) => [key, accessor(start + index)]));
}

/**
 * Returns a function that creates records backed by an array of numbers. The records share accessors, and therefore a
 * hidden class.
 */
export function numberRecord<K extends string>(keys: readonly K[]): (numbers: Float64Array) => Record<K, number> {
  const accessors = numberAccessors(keys);
  return (numbers) => Object.defineProperties({}, { numbers: { value: numbers }, ...accessors }) as Record<K, number>;
}
