import { url } from '../../options/network-types.js';
import { ONE_DAY, type OptionRow } from '../../options/option.js';
import { duration } from '../../options/value-types.js';
import { tlsOptions } from '../shared/option-rows.js';

/** Upper bound of both limits, in milliseconds. */
const MAX_REMAINING = 3650 * ONE_DAY;

export const tlsExpiryOptions: readonly OptionRow[] = [
  {
    path: 'url',
    type: url,
    required: true,
    description: 'Address to connect to: tls://HOST[:PORT] or https://HOST[:PORT]. The default port is 443.',
  },
  {
    path: 'minRemaining',
    type: duration,
    default: '168h',
    max: MAX_REMAINING,
    description:
      'Minimum remaining validity of the certificate; 0 = the check fails only after the certificate has expired.',
  },
  {
    path: 'warnRemaining',
    type: duration,
    default: '504h',
    max: MAX_REMAINING,
    description: 'Remaining validity below which the check warns; 0 = never.',
  },
  ...tlsOptions,
];
