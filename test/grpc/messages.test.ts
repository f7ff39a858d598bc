import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { decodeRequest, encodeList, encodeResponse, ServingStatus } from '../../src/grpc/messages.js';

const decode = (hex: string) => decodeRequest(Buffer.from(hex, 'hex')).service;

// The bytes are those that protobuf for Python produces. test/system/grpc.test.ts compares them.
describe('HealthCheckRequest', () => {
  it.each([
    ['of no bytes', '', ''],
    ['with a name', '0a0464617461', 'data'],
    ['with a name in UTF-8', '0a06c3bce282ac21', 'ü€!'],
    ['with a byte order mark', '0a04efbbbf61', '\ufeffa'],
    ['with two names: the last one counts', '0a01610a0162', 'b'],
    ['with unknown fields of each type', '1096010a016119010000000000000022026869350a000000', 'a'],
    ['with field 1 of another type', '08050a0161', 'a'],
    ['with a large unknown number', '10ffffffffffffffffff010a0161', 'a'],
    ['with a field number of several bytes', '82fd030161', ''],
  ])('%s', (_, hex, service) => expect(decode(hex)).toBe(service));

  it.each([
    ['a name that is cut off', '0a0561'],
    ['a length that is cut off', '0aff'],
    ['a tag that is cut off', '80'],
    ['a number of eleven bytes', '10ffffffffffffffffffff01'],
    ['a fixed field that is cut off', '19000000'],
    ['an unknown type', '0f'],
    ['a group, which proto3 does not have', '1314'],
    ['a field without a number', '0001'],
    ['a name that is not UTF-8', '0a02c328'],
    ['a length above 2^53', '0affffffffffffffffff01'],
  ])('refuses %s', (_, hex) => expect(() => decode(hex)).toThrow());

  it('with any bytes is decoded or refused', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => {
        try {
          expect(typeof decodeRequest(Buffer.from(bytes)).service).toBe('string');
        } catch (error) {
          expect(error).toBeInstanceOf(Error);
        }
      }),
    );
  });
});

describe('the responses', () => {
  it('have the bytes of protobuf', () => {
    const { UNKNOWN, SERVING, NOT_SERVING, SERVICE_UNKNOWN } = ServingStatus;
    const encoded = [UNKNOWN, SERVING, NOT_SERVING, SERVICE_UNKNOWN].map((status) =>
      encodeResponse(status).toString('hex'),
    );
    expect(encoded).toEqual(['', '0801', '0802', '0803']);
    const list = new Map<string, ServingStatus>([
      ['', SERVING],
      ['a', UNKNOWN],
      ['x'.repeat(200), NOT_SERVING],
    ]);
    expect(encodeList(list).toString('hex')).toBe(
      `0a060a00120208010a050a016112000acf010ac801${'78'.repeat(200)}12020802`,
    );
  });
});
