import type { Redis, RedisOptions } from 'ioredis';

export type Driver = new (options: RedisOptions) => Redis;

/** Imports the driver. Used by `load` and by runs: Node resolves the name of a module once per importing file. */
export async function importDriver(): Promise<Driver> {
  return (await import('ioredis')).Redis;
}
