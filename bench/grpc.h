/* The part of gRPC that one unary call needs: grpc.health.v1.Health/Check over HTTP/2 without TLS. */
#include <stddef.h>
#include <stdint.h>

#define GRPC_MAX_CALL 128 /* bytes per call: headers and message */
#define GRPC_MAX_GREETING 64
#define GRPC_MAX_ACK 32

enum grpc_kind {
  GRPC_PARTIAL, /* the frame is incomplete */
  GRPC_SERVING, /* the message of a reply, with SERVING */
  GRPC_END,     /* a reply has ended */
  GRPC_ACK,     /* the server requests an acknowledgment */
  GRPC_NOTHING, /* nothing to do */
  GRPC_WRONG
};

/* Opens a connection, with a window that is large enough for all replies. */
size_t grpc_greeting(unsigned char *out);

/* One call. The first call of a connection, on stream 1, defines the headers. Later calls only refer to them. */
size_t grpc_call(unsigned char *out, uint32_t stream);

/* Reads the first frame of the received data. `size` is its length if it is complete. */
enum grpc_kind grpc_read(const unsigned char *in, size_t length, size_t *size, uint32_t *stream);

/* Writes the acknowledgment of a frame that requests one. */
size_t grpc_ack(unsigned char *out, const unsigned char *frame);
