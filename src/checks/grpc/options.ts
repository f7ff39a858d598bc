import { url } from '../../options/network-types.js';
import type { OptionRow } from '../../options/option.js';
import { text } from '../../options/value-types.js';
import { tlsOptions } from '../shared/option-rows.js';

export const grpcOptions: readonly OptionRow[] = [
  { path: 'url', type: url, required: true, description: 'grpc://HOST:PORT, or grpcs://HOST:PORT for TLS.' },
  {
    path: 'service',
    type: text,
    defaultText: 'the server as a whole',
    description: 'Name of the service to query.',
  },
  ...tlsOptions,
];
