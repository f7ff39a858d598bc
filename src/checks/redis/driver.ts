import type { Redis, RedisOptions } from 'ioredis';

export type Driver = new (options: RedisOptions) => Redis;

/**
 * Imports the driver. `load` and all runs use this function, because Node resolves a module name once per importing
 * file.
 */
export async function importDriver(): Promise<Driver> {
  return (await import('ioredis')).Redis;
}
