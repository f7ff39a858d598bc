#include "grpc.h"

#include <string.h>

#define HEADER 9
#define MAX_FRAME 16384

enum type { DATA = 0, HEADERS = 1, SETTINGS = 4, PING = 6, WINDOW_UPDATE = 8 };
enum flag { END_STREAM = 1, ACK = 1, END_HEADERS = 4 };

/* An empty HealthCheckRequest, and a HealthCheckResponse with SERVING, each after its five-byte gRPC prefix. */
static const unsigned char request[] = {0, 0, 0, 0, 0};
static const unsigned char serving[] = {0, 0, 0, 0, 2, 0x08, 1};

static size_t put(unsigned char *out, const void *bytes, size_t length) {
  memcpy(out, bytes, length);
  return length;
}

static size_t frame(unsigned char *out, size_t length, enum type type, int flags, uint32_t stream) {
  unsigned char header[HEADER] = {(unsigned char)(length >> 16), (unsigned char)(length >> 8), (unsigned char)length,
                                  (unsigned char)type,           (unsigned char)flags,         (unsigned char)(stream >> 24),
                                  (unsigned char)(stream >> 16), (unsigned char)(stream >> 8), (unsigned char)stream};
  return put(out, header, HEADER);
}

/* A header that is added to the table. Its name is an index or, with index 0, a text (RFC 7541, 6.2.1). */
static size_t literal(unsigned char *out, unsigned char index, const char *name, const char *value) {
  size_t at = 0;
  out[at++] = 0x40 | index;
  if (index == 0) {
    out[at++] = (unsigned char)strlen(name);
    at += put(out + at, name, strlen(name));
  }
  out[at++] = (unsigned char)strlen(value);
  return at + put(out + at, value, strlen(value));
}

size_t grpc_greeting(unsigned char *out) {
  static const char preface[] = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
  static const unsigned char window[] = {0x7f, 0xff, 0, 0};
  size_t at = put(out, preface, sizeof preface - 1);
  at += frame(out + at, 0, SETTINGS, 0, 0);
  at += frame(out + at, sizeof window, WINDOW_UPDATE, 0, 0);
  return at + put(out + at, window, sizeof window);
}

size_t grpc_call(unsigned char *out, uint32_t stream) {
  /* :method POST, :scheme http, and the four headers in the table, the last of which has index 62. */
  static const unsigned char known[] = {0x83, 0x86, 0x80 | 65, 0x80 | 64, 0x80 | 63, 0x80 | 62};
  unsigned char *block = out + HEADER;
  size_t length;
  if (stream == 1) {
    length = put(block, known, 2);
    length += literal(block + length, 4, ":path", "/grpc.health.v1.Health/Check");
    length += literal(block + length, 1, ":authority", "localhost");
    length += literal(block + length, 31, "content-type", "application/grpc");
    length += literal(block + length, 0, "te", "trailers");
  } else {
    length = put(block, known, sizeof known);
  }
  size_t at = length + frame(out, length, HEADERS, END_HEADERS, stream);
  at += frame(out + at, sizeof request, DATA, END_STREAM, stream);
  return at + put(out + at, request, sizeof request);
}

enum grpc_kind grpc_read(const unsigned char *in, size_t length, size_t *size, uint32_t *stream) {
  if (length < HEADER) return GRPC_PARTIAL;
  size_t body = (size_t)in[0] << 16 | (size_t)in[1] << 8 | in[2];
  if (body > MAX_FRAME) return GRPC_WRONG;
  if (length < HEADER + body) return GRPC_PARTIAL;
  *size = HEADER + body;
  *stream = ((uint32_t)in[5] << 24 | (uint32_t)in[6] << 16 | (uint32_t)in[7] << 8 | in[8]) & 0x7fffffff;
  int flags = in[4];
  switch (in[3]) {
    case DATA:
      return body == sizeof serving && flags == 0 && memcmp(in + HEADER, serving, body) == 0 ? GRPC_SERVING : GRPC_WRONG;
    case HEADERS:
      if (!(flags & END_HEADERS)) return GRPC_WRONG;
      return flags & END_STREAM ? GRPC_END : GRPC_NOTHING;
    case SETTINGS:
    case PING:
      return flags & ACK ? GRPC_NOTHING : GRPC_ACK;
    case WINDOW_UPDATE:
      return GRPC_NOTHING;
    default:
      return GRPC_WRONG;
  }
}

size_t grpc_ack(unsigned char *out, const unsigned char *asked) {
  if (asked[3] == SETTINGS) return frame(out, 0, SETTINGS, ACK, 0);
  size_t at = frame(out, 8, PING, ACK, 0);
  return at + put(out + at, asked + HEADER, 8);
}
