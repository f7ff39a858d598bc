import { readOptions, type Settings } from '../options/settings.js';

/** The part of the options that a server reads. */
export type ServerSettings = Pick<Settings, 'heartbeat' | 'limits' | 'detail' | 'tokens'> & {
  readonly ping: Omit<Settings['ping'], 'staleLimit'>;
};

export const defaultServerSettings: ServerSettings = readOptions({});
