import { describe, expect, it } from '@jest/globals';
import { expandVariables } from '../../src/options/variables.js';

const env = { HOST: 'db.example', PORT: '3306', EMPTY: '', NESTED: '${HOST}', DOLLAR: '$&$1' };

function expand(text: string): { value: string | undefined; complaints: string[] } {
  const complaints: string[] = [];
  const value = expandVariables(text, env, ['checks', 'db', 'url'], (path, description) => {
    complaints.push(`${path.join('.')} ${description}`);
  });
  return { value, complaints };
}

describe('a reference to the environment', () => {
  it.each([
    ['${HOST}', 'db.example'],
    ['mysql://${HOST}:${PORT}/x', 'mysql://db.example:3306/x'],
    ['${MISSING:-localhost}', 'localhost'],
    ['${EMPTY:-localhost}', 'localhost'],
    ['${HOST:-localhost}', 'db.example'],
    ['${MISSING:-}', ''],
    ['${EMPTY}', ''],
    ['$${HOST}', '${HOST}'],
    ['$HOST ${PORT}', '$HOST 3306'],
    ['${NESTED}', '${HOST}'],
    ['${DOLLAR}', '$&$1'],
  ])('%s becomes %s', (text, value) => expect(expand(text)).toEqual({ value, complaints: [] }));

  it('needs braces: other text is unchanged', () => {
    expect(expand('$HOST costs $5')).toEqual({ value: '$HOST costs $5', complaints: [] });
  });

  it('to an unset variable is reported with the path and the name', () => {
    expect(expand('a${MISSING}b')).toEqual({
      value: undefined,
      complaints: [
        'checks.db.url refers to the variable MISSING, which is not set; use ${MISSING:-default} for a default',
      ],
    });
  });

  it.each(['${}', '${HOST', '${1X}', '${HOST-x}', '${HO ST}'])('%s is refused as invalid', (text) => {
    expect(expand(text)).toEqual({
      value: undefined,
      complaints: [expect.stringMatching(/^checks\.db\.url has an invalid \$\{ reference/)],
    });
  });
});
