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
      'redis://USER:PASSWORD@HOST:PORT/DATABASE; through Sentinels redis+sentinel://USER:PASSWORD@HOST:PORT,HOST:PORT/NAME; rediss for TLS.',
  },
  roleOption(
    ['any', 'primary', 'replica'],
    'primary fails a replica, replica a primary; through Sentinels it says which of the two is checked, any being the primary.',
  ),
  {
    path: 'sentinel.username',
    type: text,
    defaultText: 'none',
    description: 'The user at the Sentinels; that of the URL is for the server.',
  },
  {
    path: 'sentinel.password',
    type: text,
    defaultText: 'none',
    secret: true,
    description: 'The password at the Sentinels.',
  },
  {
    path: 'write',
    type: text,
    defaultText: 'none',
    description:
      'A key that every run sets, with an expiry of 10 s: a server that takes no writes fails. A node of a cluster that does not serve it sets {TAG}KEY.',
  },
  ...tlsOptions,
];

/** With a client of the application instead of a URL. */
export const redisClientOptions: readonly OptionRow[] = [
  {
    path: 'client',
    type: instance,
    values: ['ping', 'on', 'off'],
    required: true,
    description: 'A client of ioredis or redis.',
  },
  ...redisOptions.filter(({ path }) => path !== 'url' && !/^(?:tls|sentinel)\./.test(path)),
];
