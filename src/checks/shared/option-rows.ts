import type { OptionRow } from '../../options/option.js';
import { boolean, enumeration, path, text } from '../../options/value-types.js';

/** Options of every check kind that supports TLS. */
export const tlsOptions: readonly OptionRow[] = [
  {
    path: 'tls.ca',
    type: path,
    readOnce: true,
    defaultText: 'the Node.js root CAs',
    description: 'CA file (PEM) for verifying the server.',
  },
  {
    path: 'tls.cert',
    type: path,
    readOnce: true,
    defaultText: 'none',
    description: 'Client certificate file (PEM).',
  },
  {
    path: 'tls.key',
    type: path,
    readOnce: true,
    defaultText: 'none',
    description: 'Private key file (PEM) for the client certificate.',
  },
  {
    path: 'tls.servername',
    type: text,
    defaultText: 'the host in the URL',
    description: 'Name that the server certificate must match.',
  },
  {
    path: 'tls.verify',
    type: boolean,
    default: 'true',
    description: 'If false, accepts any certificate, which allows anyone to impersonate the server.',
  },
];

/** The required role of a database server. */
export function roleOption(values: readonly string[], description: string): OptionRow {
  return { path: 'role', type: enumeration, values, default: 'any', description };
}
