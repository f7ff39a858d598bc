import { readOptions, type Settings } from '../options/settings.js';

/** The options that a server uses. */
export type ServerSettings = Pick<Settings, 'heartbeat' | 'limits' | 'detail' | 'tokens'> & {
  readonly ping: Omit<Settings['ping'], 'staleLimit'>;
};

export const defaultServerSettings: ServerSettings = readOptions({});
