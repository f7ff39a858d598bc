import { describe, expect, it } from '@jest/globals';
import { column, cut, widthOf } from '../../src/cli/width.js';

describe('the width of a text on a terminal', () => {
  it.each([
    ['', 0],
    ['db.example:7464', 15],
    ['café', 4],
    ['cafe\u0301', 4],
    ['見本', 4],
    ['한국', 4],
    ['ｆｕｌｌ', 8],
    ['🎉', 2],
    ['❤\ufe0f', 2],
    ['🇩🇪', 2],
    ['▁█', 2],
    ['…', 1],
  ])('%j takes %i columns', (text, columns) => {
    expect(widthOf(text)).toBe(columns);
  });

  it.each([
    ['abcdef', 6, 'abcdef'],
    ['abcdef', 5, 'abcd…'],
    ['見本市', 5, '見本…'],
    ['見本市', 4, '見…'],
    ['cafe\u0301s', 4, 'caf…'],
    ['abc', 1, '…'],
    ['abc', 0, ''],
  ])('%j is truncated to %i columns as %j', (text, columns, shown) => {
    expect(cut(text, columns)).toBe(shown);
    expect(widthOf(column(text, columns))).toBe(columns);
  });
});
