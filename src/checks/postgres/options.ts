import { url } from '../../options/network-types.js';
import { ONE_DAY, type OptionRow } from '../../options/option.js';
import { duration, instance, integer, text } from '../../options/value-types.js';
import { roleOption, tlsOptions } from '../shared/option-rows.js';

const expectations: readonly OptionRow[] = [
  {
    path: 'query',
    type: text,
    default: 'SELECT 1',
    description: 'SQL query that must succeed. It runs in a transaction, which is then committed.',
  },
  roleOption(
    ['any', 'primary', 'replica'],
    'Required role. The check fails on a server with the other role and, with primary, on a read-only server.',
  ),
  {
    path: 'maxLag',
    type: duration,
    max: 365 * ONE_DAY,
    defaultText: 'no limit',
    description: 'Maximum replication lag of a replica.',
  },
];

export const postgresOptions: readonly OptionRow[] = [
  {
    path: 'url',
    type: url,
    defaultText: 'none',
    description: 'postgres:// or postgresql://USER:PASSWORD@HOST:PORT/DATABASE; ?sslmode=require enables TLS.',
  },
  {
    path: 'host',
    type: text,
    defaultText: 'none',
    description: 'Host name, IP address or directory of a Unix socket, instead of url.',
  },
  {
    path: 'port',
    type: integer,
    min: 1,
    max: 65_535,
    defaultText: '5432',
    description: 'Port, used with host.',
  },
  {
    path: 'user',
    type: text,
    defaultText: 'PGUSER, or the user of the process',
    description: 'User name, used with host.',
  },
  { path: 'password', type: text, defaultText: 'none', secret: true, description: 'Password, used with host.' },
  {
    path: 'database',
    type: text,
    defaultText: 'PGDATABASE, or the user',
    description: 'Database name, used with host.',
  },
  ...expectations,
  ...tlsOptions,
];

/** Options with a pool of the application instead of an address. */
export const postgresPoolOptions: readonly OptionRow[] = [
  { path: 'pool', type: instance, values: ['connect', 'query'], required: true, description: 'pg Pool.' },
  ...expectations,
];
