import { url } from '../../options/network-types.js';
import type { OptionRow } from '../../options/option.js';
import { instance, text } from '../../options/value-types.js';
import { roleOption, tlsOptions } from '../shared/option-rows.js';

export const redisOptions: readonly OptionRow[] = [
  {
    path: 'url',
    type: url,
    required: true,
    description:
      'redis://USER:PASSWORD@HOST:PORT/DATABASE, or redis+sentinel://USER:PASSWORD@HOST:PORT,HOST:PORT/NAME to connect through Sentinels. rediss:// and rediss+sentinel:// use TLS.',
  },
  roleOption(
    ['any', 'primary', 'replica'],
    'Required role. The check fails on a server with the other role. With Sentinels, this option selects the server to check, and any selects the primary.',
  ),
  {
    path: 'sentinel.username',
    type: text,
    defaultText: 'none',
    description: 'User name for the Sentinels. The credentials in the URL are for the Redis server.',
  },
  {
    path: 'sentinel.password',
    type: text,
    defaultText: 'none',
    secret: true,
    description: 'Password for the Sentinels.',
  },
  {
    path: 'write',
    type: text,
    defaultText: 'none',
    description:
      'Key that every run sets, with an expiry of 10 s, to detect a server that rejects writes. On a cluster node that does not serve this key, {TAG}KEY is set instead.',
  },
  ...tlsOptions,
];

/** Options with a client of the application instead of a URL. */
export const redisClientOptions: readonly OptionRow[] = [
  {
    path: 'client',
    type: instance,
    values: ['ping', 'on', 'off'],
    required: true,
    description: 'ioredis or redis client.',
  },
  ...redisOptions.filter(({ path }) => path !== 'url' && !/^(?:tls|sentinel)\./.test(path)),
];
