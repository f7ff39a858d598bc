import { it } from '@jest/globals';

/**
 * `it` for trials that stop, freeze or reconfigure a server: with
 * `TEST_MYSQL_URL` or `TEST_REDIS_URL` given the server is somebody else's, so
 * these are printed and counted as skipped.
 *
 * @example const itOwnServer = ownServer('TEST_MYSQL_URL');
 *          itOwnServer('fails while the server is frozen', async () => { ... });
 */
export function ownServer(variable: 'TEST_MYSQL_URL' | 'TEST_REDIS_URL'): OwnServerTest {
  return (description, trial, timeout) => {
    if (!process.env[variable]) return it(description, trial, timeout);
    process.stderr.write(`skipped, needs a server of its own, and ${variable} is set: ${description}\n`);
    it.skip(description, trial, timeout);
  };
}

export type OwnServerTest = (description: string, trial: () => Promise<void>, timeout?: number) => void;
