import { url } from '../../options/network-types.js';
import type { OptionRow } from '../../options/option.js';
import { duration, instance } from '../../options/value-types.js';
import { roleOption, tlsOptions } from '../shared/option-rows.js';

export const mysqlOptions: readonly OptionRow[] = [
  {
    path: 'url',
    type: url,
    required: true,
    description: 'mysql:// or mariadb://USER:PASSWORD@HOST:PORT/DATABASE, with ?ssl=true for TLS.',
  },
  roleOption(['any', 'primary'], 'primary fails a server that is read_only.'),
  {
    path: 'maxLag',
    type: duration,
    defaultText: 'any',
    description:
      'How far behind its primary a replica may be; whoever asks needs the right to see that (REPLICATION CLIENT, in MariaDB SLAVE MONITOR).',
  },
  ...tlsOptions,
];

/** With a pool of the application instead of a URL. */
export const mysqlPoolOptions: readonly OptionRow[] = [
  { path: 'pool', type: instance, values: ['getConnection'], required: true, description: 'A pool of mysql2.' },
  ...mysqlOptions.filter(({ path }) => path !== 'url' && !path.startsWith('tls.')),
];
