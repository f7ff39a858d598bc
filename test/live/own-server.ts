import { it } from '@jest/globals';

/**
 * `it` for tests that stop, freeze or reconfigure a server. If `TEST_MYSQL_URL` or `TEST_REDIS_URL` is set, the server
 * does not belong to the tests, so these tests are reported as skipped.
 *
 * @example
 *     const itOwnServer = ownServer('TEST_MYSQL_URL');
 *     itOwnServer('fails while the server is frozen', async () => { ... });
 */
export function ownServer(variable: 'TEST_MYSQL_URL' | 'TEST_REDIS_URL'): OwnServerTest {
  return (description, trial, timeout) => {
    if (!process.env[variable]) return it(description, trial, timeout);
    process.stderr.write(`skipped, needs a server of its own, and ${variable} is set: ${description}\n`);
    it.skip(description, trial, timeout);
  };
}

export type OwnServerTest = (description: string, trial: () => Promise<void>, timeout?: number) => void;
