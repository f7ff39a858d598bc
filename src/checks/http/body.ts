import { promisify, TextDecoder } from 'node:util';
import zlib from 'node:zlib';
import { CheckFailure } from '../../health/reason.js';

/** Maximum number of codings. Servers apply fewer, and each one costs a pass over the body. */
const MAX_CODINGS = 4;
/** Maximum overhead of one coding on incompressible data: a header plus 1 byte per 64. */
const CODING_OVERHEAD = 1024;
const CODING_SHARE = 64;

type Decode = (bytes: Buffer, bound: { maxOutputLength: number }) => Promise<Buffer>;

const gunzip: Decode = promisify(zlib.gunzip);
const inflate: Decode = promisify(zlib.inflate);
const inflateRaw: Decode = promisify(zlib.inflateRaw);
const brotli: Decode = promisify(zlib.brotliDecompress);
/** Requires Node.js 22.15. */
const { zstdDecompress } = zlib as { zstdDecompress?: typeof zlib.brotliDecompress };

const decoders: ReadonlyMap<string, Decode> = new Map([
  ['gzip', gunzip],
  ['x-gzip', gunzip],
  ['br', brotli],
  // `deflate` is the zlib format (RFC 1950), but some servers send raw deflate data.
  ['deflate', (bytes, bound) => (hasZlibHead(bytes) ? inflate : inflateRaw)(bytes, bound)],
  ...(zstdDecompress ? [['zstd', promisify(zstdDecompress) as Decode] as const] : []),
]);

/** The codings in a Content-Encoding header, in the order in which they were applied. */
export function codingsOf(contentEncoding = ''): string[] {
  const names = contentEncoding.split(',').map((name) => name.trim().toLowerCase());
  return names.filter((name) => name !== '' && name !== 'identity');
}

/** Maximum encoded size of a body of at most `maxBody` bytes. */
export function maxCoded(maxBody: number): number {
  return maxBody + Math.ceil(maxBody / CODING_SHARE) + CODING_OVERHEAD;
}

/**
 * Decodes a body. No step may produce more bytes than the encoded form of a body of `maxBody` bytes can have. Rejects
 * with CheckFailure `bad-body`.
 */
export async function decodeBody(body: Buffer, codings: readonly string[], maxBody: number): Promise<Buffer> {
  if (body.length === 0) return body;
  if (codings.length > MAX_CODINGS) {
    throw new CheckFailure('bad-body', `the body has ${codings.length} codings; at most ${MAX_CODINGS} are supported`);
  }
  let bytes = body;
  for (let index = codings.length - 1; index >= 0; index--) {
    const coding = codings[index] as string;
    const decode = decoders.get(coding);
    if (!decode) throw new CheckFailure('bad-body', `the content coding ${coding} is not supported`);
    try {
      bytes = await decode(bytes, { maxOutputLength: index === 0 ? maxBody : maxCoded(maxBody) });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE') throw tooLong(maxBody);
      throw new CheckFailure('bad-body', `the body is not valid ${coding}`);
    }
  }
  return bytes;
}

export function tooLong(maxBody: number): CheckFailure {
  return new CheckFailure('bad-body', `the body is longer than ${maxBody} bytes`);
}

/**
 * Decodes the text of a body with the charset of its byte order mark, or else of its Content-Type. Uses UTF-8 if there
 * is no charset or it is unknown.
 */
export function textOf(bytes: Buffer, contentType = ''): string {
  const [, named] = /;\s*charset\s*=\s*["']?([^\s"';,]+)/i.exec(contentType) ?? [];
  return decoderFor(charsetOfMark(bytes) ?? named ?? 'utf-8').decode(bytes);
}

function charsetOfMark(bytes: Buffer): string | undefined {
  if (bytes[0] === 0xff && bytes[1] === 0xfe) return 'utf-16le';
  if (bytes[0] === 0xfe && bytes[1] === 0xff) return 'utf-16be';
  return bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf ? 'utf-8' : undefined;
}

function decoderFor(charset: string): TextDecoder {
  try {
    return new TextDecoder(charset);
  } catch {
    return new TextDecoder();
  }
}

/** In RFC 1950, the method is 8 and the first two bytes are a multiple of 31. */
function hasZlibHead(bytes: Buffer): boolean {
  return bytes.length > 1 && ((bytes[0] as number) & 0x0f) === 8 && bytes.readUInt16BE() % 31 === 0;
}
