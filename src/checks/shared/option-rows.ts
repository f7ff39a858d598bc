import type { OptionRow } from '../../options/option.js';
import { boolean, enumeration, path, text } from '../../options/value-types.js';

/** Options of every check kind that supports TLS. */
export const tlsOptions: readonly OptionRow[] = [
  {
    path: 'tls.ca',
    type: path,
    readOnce: true,
    defaultText: 'the CAs of Node.js',
    description: 'CA file (PEM) to verify the server with.',
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
    description: 'Private key file (PEM) of the client certificate.',
  },
  {
    path: 'tls.servername',
    type: text,
    defaultText: 'the host of the URL',
    description: 'Name that the certificate of the server must match.',
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
