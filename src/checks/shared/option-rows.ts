import type { OptionRow } from '../../options/option.js';
import { boolean, enumeration, path, text } from '../../options/value-types.js';

/** Options of every kind that supports TLS. */
export const tlsOptions: readonly OptionRow[] = [
  {
    path: 'tls.ca',
    type: path,
    readOnce: true,
    defaultText: 'the authorities that Node trusts',
    description: 'A PEM file with the authorities that may have signed the certificate.',
  },
  {
    path: 'tls.cert',
    type: path,
    readOnce: true,
    defaultText: 'none',
    description: 'A PEM file with the certificate of this client.',
  },
  {
    path: 'tls.key',
    type: path,
    readOnce: true,
    defaultText: 'none',
    description: 'A PEM file with the key of that certificate.',
  },
  {
    path: 'tls.servername',
    type: text,
    defaultText: 'the host of the URL',
    description: 'The name that the certificate must have.',
  },
  {
    path: 'tls.verify',
    type: boolean,
    default: 'true',
    description: 'false takes any certificate, so that anyone could answer in its place.',
  },
];

/** The required role of a database server. */
export function roleOption(values: readonly string[], description: string): OptionRow {
  return { path: 'role', type: enumeration, values, default: 'any', description };
}
