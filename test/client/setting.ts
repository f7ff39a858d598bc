import { afterEach } from '@jest/globals';
import { type Client, type ConnectOptions, connect } from '../../src/client.js';
import { ScriptedServer } from './scripted-server.js';

/** The servers and clients of the tests in one file. They are closed after each test. */
export function setting() {
  const servers: ScriptedServer[] = [];
  const clients: Client[] = [];
  afterEach(async () => {
    for (const client of clients.splice(0)) client.destroy();
    await Promise.all(servers.splice(0).map((server) => server.stop()));
  });
  const serve = async (...args: Parameters<typeof ScriptedServer.listen>) => {
    const server = await ScriptedServer.listen(...args);
    servers.push(server);
    return server;
  };
  const connected = async (server: ScriptedServer, options?: ConnectOptions) => {
    const client = await connect(server.address, options);
    clients.push(client);
    return client;
  };
  return { serve, connected };
}

/** The reason with which a promise was rejected. */
export async function rejection(promise: Promise<unknown>): Promise<Error & Record<string, unknown>> {
  try {
    await promise;
  } catch (error) {
    return error as Error & Record<string, unknown>;
  }
  throw new Error('it was not rejected');
}
