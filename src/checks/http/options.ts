import { url } from '../../options/network-types.js';
import type { OptionRow } from '../../options/option.js';
import { bytes, enumeration, integer, names, pattern, patterns, text, texts } from '../../options/value-types.js';
import { tlsOptions } from '../shared/option-rows.js';

export const httpOptions: readonly OptionRow[] = [
  { path: 'url', type: url, required: true, description: 'http:// or https://HOST:PORT/PATH.' },
  {
    path: 'method',
    type: enumeration,
    values: ['GET', 'HEAD'],
    default: 'GET',
    description: 'The method of the request.',
  },
  {
    path: 'headers',
    type: texts,
    defaultText: 'none',
    secret: true,
    description: 'Headers of the request, such as { authorization: "Bearer ..." }.',
  },
  {
    path: 'nonSecret',
    type: names,
    defaultText: 'none',
    description: 'Names of headers whose values are not secret: they are not masked, and are sent along a redirect.',
  },
  {
    path: 'status',
    type: text,
    default: '200-299',
    description: 'The statuses that are well: numbers and ranges, separated by commas.',
  },
  {
    path: 'expectBody',
    type: pattern,
    defaultText: 'anything',
    description: 'A text that the decoded body must contain, or a /regular expression/ that it must match.',
  },
  {
    path: 'expectHeaders',
    type: patterns,
    defaultText: 'anything',
    description: 'For headers of the answer: a text that each must contain, or a /regular expression/.',
  },
  {
    path: 'maxBody',
    type: bytes,
    default: '64KiB',
    max: 64 * 1024 ** 2,
    description: 'The largest body that is read, and the largest decoded one; a larger one fails.',
  },
  {
    path: 'redirects',
    type: integer,
    default: '0',
    max: 10,
    description: 'How many redirects are followed; beyond that the status of the redirect counts.',
  },
  ...tlsOptions,
];
