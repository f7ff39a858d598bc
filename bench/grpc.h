/* gRPC as far as one unary call needs it: grpc.health.v1.Health/Check, asked over HTTP/2 without TLS. */
#include <stddef.h>
#include <stdint.h>

#define GRPC_MAX_CALL 128 /* bytes of one call, headers and message */
#define GRPC_MAX_GREETING 64
#define GRPC_MAX_ACK 32

enum grpc_kind {
  GRPC_PARTIAL, /* the frame is not whole yet */
  GRPC_SERVING, /* the message of a reply, and it says SERVING */
  GRPC_END,     /* a reply has ended */
  GRPC_ACK,     /* the server wants an acknowledgement */
  GRPC_NOTHING, /* nothing to do */
  GRPC_WRONG
};

/* What opens a connection: it never lacks the window for a reply. */
size_t grpc_greeting(unsigned char *out);

/* One call. The first one of a connection, on stream 1, teaches the server the headers; later ones only refer to them. */
size_t grpc_call(unsigned char *out, uint32_t stream);

/* Reads the first frame of what came; `size` is its length when it is whole. */
enum grpc_kind grpc_read(const unsigned char *in, size_t length, size_t *size, uint32_t *stream);

/* The acknowledgement of a frame that wants one. */
size_t grpc_ack(unsigned char *out, const unsigned char *frame);
