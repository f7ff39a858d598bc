import { url } from '../../options/network-types.js';
import type { OptionRow } from '../../options/option.js';
import { bytes, enumeration, integer, names, pattern, patterns, text, texts } from '../../options/value-types.js';
import { tlsOptions } from '../shared/option-rows.js';

export const httpOptions: readonly OptionRow[] = [
  { path: 'url', type: url, required: true, description: 'URL to request: http:// or https://HOST:PORT/PATH.' },
  {
    path: 'method',
    type: enumeration,
    values: ['GET', 'HEAD'],
    default: 'GET',
    description: 'Request method.',
  },
  {
    path: 'headers',
    type: texts,
    defaultText: 'none',
    secret: true,
    description: 'Request headers, such as { authorization: "Bearer ..." }.',
  },
  {
    path: 'nonSecret',
    type: names,
    defaultText: 'none',
    description: 'Names of headers that are not secret. Their values are not masked, and are sent to redirect targets.',
  },
  {
    path: 'status',
    type: text,
    default: '200-299',
    description: 'Accepted status codes: comma-separated numbers and ranges.',
  },
  {
    path: 'expectBody',
    type: pattern,
    defaultText: 'anything',
    description: 'Text that the decoded body must contain, or a /regular expression/ that it must match.',
  },
  {
    path: 'expectHeaders',
    type: patterns,
    defaultText: 'anything',
    description:
      'Map from the name of a response header to a text that it must contain, or a /regular expression/ that it must match.',
  },
  {
    path: 'maxBody',
    type: bytes,
    default: '64KiB',
    max: 64 * 1024 ** 2,
    description: 'Maximum size of the body, before and after decoding. A larger body fails the check.',
  },
  {
    path: 'redirects',
    type: integer,
    default: '0',
    max: 10,
    description:
      'Maximum number of redirects to follow. A further redirect is not followed, and its status code is checked.',
  },
  ...tlsOptions,
];
