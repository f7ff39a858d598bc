import { MAX_CHECKS } from '../../health/health.js';
import { address } from '../../options/network-types.js';
import type { OptionRow } from '../../options/option.js';
import { enumeration, names, text } from '../../options/value-types.js';
import { tlsOptions } from '../shared/option-rows.js';

export const pingpongOptions: readonly OptionRow[] = [
  {
    path: 'url',
    type: address,
    required: true,
    description: 'Address of the responder: pong://HOST:PORT, or pongs://HOST:PORT for TLS.',
  },
  {
    path: 'scope',
    type: enumeration,
    values: ['readiness', 'liveness', 'startup'],
    default: 'readiness',
    description: 'Scope to query.',
  },
  {
    path: 'group',
    type: text,
    defaultText: 'the group of the scope',
    description: 'Group to query. Cannot be combined with checks.',
  },
  {
    path: 'checks',
    type: names,
    max: MAX_CHECKS,
    defaultText: 'all checks of the group',
    description: 'Names of the checks to query, 1 to 32. Cannot be combined with group.',
  },
  {
    path: 'token',
    type: text,
    defaultText: 'none',
    secret: true,
    description: 'Token to send in HELLO, if the responder requires one.',
  },
  ...tlsOptions,
];
