import { address } from '../../options/network-types.js';
import type { OptionRow } from '../../options/option.js';
import { enumeration, names, text } from '../../options/value-types.js';
import { tlsOptions } from '../shared/option-rows.js';

export const pingpongOptions: readonly OptionRow[] = [
  { path: 'url', type: address, required: true, description: 'pong://HOST:PORT, or pongs://HOST:PORT for TLS.' },
  {
    path: 'scope',
    type: enumeration,
    values: ['readiness', 'liveness', 'startup'],
    default: 'readiness',
    description: 'What it is asked for.',
  },
  {
    path: 'group',
    type: text,
    defaultText: 'that of the scope',
    description: 'The one of its groups that counts; not together with checks.',
  },
  {
    path: 'checks',
    type: names,
    defaultText: 'those of the group',
    description: 'The names of those of its checks that count, 1 to 32.',
  },
  {
    path: 'token',
    type: text,
    defaultText: 'none',
    secret: true,
    description: 'Shown to it in HELLO, where it asks for one.',
  },
  ...tlsOptions,
];
