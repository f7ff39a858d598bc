interface Stored {
  readonly numbers: Float64Array;
}

/** Accessors for `keys` of an object whose array `numbers` has their values, from `start` on. */
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

/** Returns a function that makes records of numbers, stored in an array. They share accessors, and so a hidden class. */
export function numberRecord<K extends string>(keys: readonly K[]): (numbers: Float64Array) => Record<K, number> {
  const accessors = numberAccessors(keys);
  return (numbers) => Object.defineProperties({}, { numbers: { value: numbers }, ...accessors }) as Record<K, number>;
}
