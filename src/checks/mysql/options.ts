import { url } from '../../options/network-types.js';
import { ONE_DAY, type OptionRow } from '../../options/option.js';
import { duration, instance } from '../../options/value-types.js';
import { roleOption, tlsOptions } from '../shared/option-rows.js';

export const mysqlOptions: readonly OptionRow[] = [
  {
    path: 'url',
    type: url,
    required: true,
    description: 'mysql:// or mariadb://USER:PASSWORD@HOST:PORT/DATABASE; ?ssl=true enables TLS.',
  },
  roleOption(['any', 'primary'], 'Required role. With primary, the check fails on a read_only server.'),
  {
    path: 'maxLag',
    type: duration,
    max: 365 * ONE_DAY,
    defaultText: 'no limit',
    description:
      'Maximum replication lag of a replica. Requires the REPLICATION CLIENT privilege (MariaDB: SLAVE MONITOR).',
  },
  ...tlsOptions,
];

/** Options with a pool of the application instead of a URL. */
export const mysqlPoolOptions: readonly OptionRow[] = [
  { path: 'pool', type: instance, values: ['getConnection'], required: true, description: 'mysql2 pool.' },
  ...mysqlOptions.filter(({ path }) => path !== 'url' && !path.startsWith('tls.')),
];
