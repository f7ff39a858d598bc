/*
 * The load generator: one thread, epoll, a closed loop on each connection.
 *
 * A connection sends `inflight` requests in one write, waits until all of them are answered, checks every reply, and
 * sends the next batch, like redis-benchmark -P. Requests are the same bytes each time, optionally with an id, or gRPC
 * calls. With a rate, each connection sends at its due times instead, and latency is measured from the due time, so
 * that a slow reply cannot hide the ones that wait behind it.
 *
 * The server's CPU time is read from its process CPU clock (user and system time of all its threads, in nanoseconds)
 * at both ends of the measured window. Prints one line of JSON. Exits with code 1 on a wrong reply, a close or silence.
 */
#define _GNU_SOURCE
#include "grpc.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define SECOND 1000000000ull
#define SILENCE 5 /* in s: a server that leaves a request unanswered for longer has failed */
#define MAX_MESSAGE 64
#define MAX_BATCH (128 * 1024) /* bytes per batch: fits in the socket buffers, so that no write is partial */
#define EVENTS 256
#define GRPC_INPUT (64 * 1024)

struct message {
  unsigned char bytes[MAX_MESSAGE];
  size_t length;
};

static struct {
  const char *host, *mode;
  int port, connections, inflight, pid, id_at;
  double warmup, seconds, rate;
  struct message request, reply;
  bool grpc, sleep;
} options = {.host = "127.0.0.1", .mode = "throughput", .connections = 50, .inflight = 1, .id_at = -1, .seconds = 1};

struct connection {
  int fd;
  bool busy;
  uint32_t batch;                /* number of the batch in flight: one half of the id of its requests */
  uint64_t started, due, period; /* in ns; period 0: the next batch follows immediately */
  size_t received; /* bytes of the batch; with gRPC, of an incomplete frame */
  int answered;    /* gRPC: number of answered calls in the batch */
  unsigned char *out, *in;
  uint32_t *seen; /* by position in the batch: the last batch in which this id was answered */
};

/* Latency in ns: exact to 1/64 of the value. */
#define SUB 64
static uint64_t histogram[64 * SUB], recorded;

static void fail(const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  vfprintf(stderr, format, arguments);
  fputc('\n', stderr);
  exit(1);
}

static uint64_t clock_ns(clockid_t clock) {
  struct timespec t;
  if (clock_gettime(clock, &t) != 0) fail("cannot read the clock of process %d: %s", options.pid, strerror(errno));
  return (uint64_t)t.tv_sec * SECOND + (uint64_t)t.tv_nsec;
}

static uint64_t now(void) { return clock_ns(CLOCK_MONOTONIC); }

static size_t bucket_of(uint64_t ns) {
  if (ns < SUB) return ns;
  int shift = 63 - __builtin_clzll(ns) - 6;
  return (size_t)(shift + 1) * SUB + (ns >> shift) - SUB;
}

static double percentile_us(double share) {
  uint64_t rank = (uint64_t)(share * (double)recorded), sum = 0;
  for (size_t i = 0; i < 64 * SUB; i++) {
    sum += histogram[i];
    if (sum > rank) return (double)(i < SUB ? i : (SUB + i % SUB) << (i / SUB - 1)) / 1000;
  }
  return 0;
}

/* How long the server's threads were ready to run while something else was using their core, in ns. */
static uint64_t server_waited(void) {
  char path[320];
  unsigned long long ran, waited, sum = 0;
  snprintf(path, sizeof path, "/proc/%d/task", options.pid);
  DIR *tasks = opendir(path);
  if (tasks == NULL) fail("there is no process %d", options.pid);
  for (struct dirent *task; (task = readdir(tasks)) != NULL;) {
    snprintf(path, sizeof path, "/proc/%d/task/%s/schedstat", options.pid, task->d_name);
    FILE *file = fopen(path, "r");
    if (file == NULL) continue; /* the thread has ended, or the kernel does not provide the figure */
    if (fscanf(file, "%llu %llu", &ran, &waited) == 2) sum += waited;
    fclose(file);
  }
  closedir(tasks);
  return sum;
}

static void write_out(int fd, const unsigned char *bytes, size_t length) {
  ssize_t sent = send(fd, bytes, length, MSG_NOSIGNAL); /* blocks while the socket buffer is full */
  if (sent != (ssize_t)length) fail("a write was cut short: %s", strerror(errno));
}

static struct connection open_connection(int index) {
  struct connection c = {.fd = socket(AF_INET, SOCK_STREAM, 0)};
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)options.port)};
  if (inet_pton(AF_INET, options.host, &address.sin_addr) != 1) fail("%s is not an IPv4 address", options.host);
  if (c.fd < 0 || connect(c.fd, (struct sockaddr *)&address, sizeof address) != 0)
    fail("connection %d: %s", index, strerror(errno));
  struct timeval silence = {.tv_sec = SILENCE};
  setsockopt(c.fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
  setsockopt(c.fd, SOL_SOCKET, SO_RCVTIMEO, &silence, sizeof silence);
  setsockopt(c.fd, SOL_SOCKET, SO_SNDTIMEO, &silence, sizeof silence);
  size_t inflight = (size_t)options.inflight;
  c.out = malloc(inflight * (options.grpc ? GRPC_MAX_CALL : options.request.length));
  c.in = malloc(options.grpc ? GRPC_INPUT : inflight * options.reply.length + 1); /* one more byte, to detect an excess reply */
  c.seen = calloc(inflight, sizeof *c.seen);
  if (!c.out || !c.in || !c.seen) fail("out of memory");
  for (size_t i = 0; i < inflight; i++)
    memcpy(c.out + i * options.request.length, options.request.bytes, options.request.length);
  unsigned char greeting[GRPC_MAX_GREETING];
  if (options.grpc) write_out(c.fd, greeting, grpc_greeting(greeting));
  return c;
}

/* Stream of the first call in the batch in flight. */
static uint32_t first_stream(const struct connection *c) {
  return 1 + 2 * (c->batch - 1) * (uint32_t)options.inflight;
}

static size_t compose_calls(struct connection *c) {
  size_t length = 0;
  for (uint32_t i = 0; i < (uint32_t)options.inflight; i++) length += grpc_call(c->out + length, first_stream(c) + 2 * i);
  return length;
}

static void send_batch(struct connection *c) {
  size_t step = options.request.length, length = (size_t)options.inflight * step;
  c->batch++;
  if (options.id_at >= 0)
    for (uint32_t i = 0; i < (uint32_t)options.inflight; i++) {
      uint32_t id[2] = {c->batch, i};
      memcpy(c->out + i * step + options.id_at, id, sizeof id);
    }
  if (options.grpc) {
    length = compose_calls(c);
    c->answered = 0;
  } else {
    c->received = 0;
  }
  c->busy = true;
  c->started = c->period ? c->due : now();
  write_out(c->fd, c->out, length);
}

static void wrong_reply(const struct connection *c, size_t place) {
  const unsigned char *reply = c->in + place * options.reply.length;
  char hex[2 * MAX_MESSAGE + 1];
  for (size_t i = 0; i < options.reply.length; i++) sprintf(hex + 2 * i, "%02x", reply[i]);
  fail("wrong reply, place %zu of batch %u: %s", place, c->batch, hex);
}

/* Each reply must be the expected bytes with the id of an unanswered request of this batch, in any order. */
static void check_replies(const struct connection *c) {
  size_t step = options.reply.length, fixed = options.id_at < 0 ? step : (size_t)options.id_at;
  for (size_t i = 0; i < (size_t)options.inflight; i++) {
    const unsigned char *reply = c->in + i * step;
    if (memcmp(reply, options.reply.bytes, fixed) != 0) wrong_reply(c, i);
    if (options.id_at < 0) continue;
    uint32_t id[2];
    memcpy(id, reply + fixed, sizeof id);
    if (id[0] != c->batch || id[1] >= (uint32_t)options.inflight || c->seen[id[1]] == c->batch) wrong_reply(c, i);
    c->seen[id[1]] = c->batch;
  }
}

static uint64_t replies;

/* Each call of the batch must be answered once with SERVING and then ended. */
static void take_frame(struct connection *c, const unsigned char *frame, enum grpc_kind kind, uint32_t stream) {
  unsigned char ack[GRPC_MAX_ACK];
  if (kind == GRPC_ACK) write_out(c->fd, ack, grpc_ack(ack, frame));
  if (kind == GRPC_ACK || kind == GRPC_NOTHING) return;
  uint32_t place = (stream - first_stream(c)) / 2;
  if (kind == GRPC_WRONG || !c->busy || place >= (uint32_t)options.inflight) fail("a frame that means no SERVING");
  bool seen = c->seen[place] == c->batch;
  if (seen != (kind == GRPC_END)) fail("call %u of batch %u was not answered by one SERVING", place, c->batch);
  c->seen[place] = kind == GRPC_END ? 0 : c->batch;
  if (kind != GRPC_END) return;
  c->answered++;
  replies++;
}

static bool receive_frames(struct connection *c, size_t got) {
  c->received += got;
  size_t at = 0, size;
  for (uint32_t stream;; at += size) {
    enum grpc_kind kind = grpc_read(c->in + at, c->received - at, &size, &stream);
    if (kind == GRPC_PARTIAL) break;
    take_frame(c, c->in + at, kind, stream);
  }
  c->received -= at;
  memmove(c->in, c->in + at, c->received);
  if (!c->busy || c->answered < options.inflight) return false;
  c->busy = false;
  return true;
}

/* Reads available data, or waits for it if flags is 0. Returns true when the batch is answered. */
static bool receive(struct connection *c, int flags) {
  size_t wanted = (size_t)options.inflight * options.reply.length;
  size_t room = options.grpc ? GRPC_INPUT : wanted + 1;
  ssize_t got = recv(c->fd, c->in + c->received, room - c->received, flags);
  if (got < 0 && errno == EAGAIN && flags == MSG_DONTWAIT) return false;
  if (got < 0 && errno == EAGAIN) fail("a request was not answered within %d s", SILENCE);
  if (got < 0) fail("the server broke a connection: %s", strerror(errno));
  if (got == 0) fail("the server closed a connection");
  if (options.grpc) return receive_frames(c, (size_t)got);
  c->received += (size_t)got;
  if (!c->busy || c->received > wanted) fail("unexpected bytes");
  if (c->received < wanted) return false;
  check_replies(c);
  replies += (uint64_t)options.inflight;
  c->busy = false;
  return true;
}

static void await_replies(struct connection *c) {
  while (c->busy) receive(c, 0);
}

static struct connection *connections;

static void load(void) {
  bool paced = options.rate > 0;
  int epoll = epoll_create1(0);
  struct epoll_event events[EVENTS];
  clockid_t server_clock;
  if (clock_getcpuclockid(options.pid, &server_clock) != 0) fail("there is no process %d", options.pid);

  uint64_t start = now(), measured_from = start + (uint64_t)(options.warmup * 1e9);
  uint64_t end = measured_from + (uint64_t)(options.seconds * 1e9);
  for (int i = 0; i < options.connections; i++) {
    struct connection *c = &connections[i];
    struct epoll_event interest = {.events = EPOLLIN, .data.ptr = c};
    if (epoll_ctl(epoll, EPOLL_CTL_ADD, c->fd, &interest) != 0) fail("epoll_ctl: %s", strerror(errno));
    if (paced) {
      c->period = (uint64_t)(1e9 * options.connections / options.rate);
      c->due = start + c->period * (uint64_t)i / (uint64_t)options.connections;
    } else {
      send_batch(c);
    }
  }

  /* Polls instead of sleeping, unless told to sleep: waking a sleeping process would cost the server, and more so at a
     low load. The generator's work is therefore its CPU time without `polled`, the time of polls that found nothing. */
  bool measuring = false, polling = false;
  uint64_t from = 0, server_cpu = 0, server_wait = 0, own_cpu = 0, polled = 0, polling_from = 0;
  for (;;) {
    uint64_t time = now();
    if (!measuring && time >= measured_from) {
      measuring = true;
      from = time;
      server_cpu = clock_ns(server_clock);
      server_wait = server_waited();
      own_cpu = polling_from = clock_ns(CLOCK_PROCESS_CPUTIME_ID);
      replies = polled = 0;
    }
    if (measuring && time >= end) break;
    uint64_t next = end;
    if (paced)
      for (int i = 0; i < options.connections; i++) {
        if (!connections[i].busy && time >= connections[i].due) send_batch(&connections[i]);
        if (!connections[i].busy && connections[i].due < next) next = connections[i].due;
      }

    uint64_t pause = options.sleep && next > now() ? next - now() : 0;
    struct timespec timeout = {.tv_sec = (time_t)(pause / SECOND), .tv_nsec = (long)(pause % SECOND)};
    int ready = epoll_pwait2(epoll, events, EVENTS, &timeout, NULL);
    if (polling != (ready == 0)) {
      uint64_t cpu = clock_ns(CLOCK_PROCESS_CPUTIME_ID);
      if (polling) polled += cpu - polling_from;
      polling_from = cpu;
      polling = !polling;
    }
    for (int i = 0; i < ready; i++) {
      struct connection *c = events[i].data.ptr;
      if (!receive(c, MSG_DONTWAIT)) continue;
      if (measuring) {
        histogram[bucket_of(now() - c->started)]++;
        recorded++;
      }
      c->due += c->period;
      if (!paced) send_batch(c);
    }
  }

  uint64_t wall = now() - from, measured = replies;
  server_cpu = clock_ns(server_clock) - server_cpu;
  server_wait = server_waited() - server_wait;
  own_cpu = clock_ns(CLOCK_PROCESS_CPUTIME_ID) - own_cpu;
  for (int i = 0; i < options.connections; i++) await_replies(&connections[i]); /* receives outstanding replies */
  printf("{\"replies\":%llu,\"wall\":%.6f,\"serverCpu\":%.9f,\"serverWait\":%.9f,\"generatorWork\":%.9f,"
         "\"p50\":%.2f,\"p99\":%.2f,\"p999\":%.2f}\n",
         (unsigned long long)measured, (double)wall / 1e9, (double)server_cpu / 1e9, (double)server_wait / 1e9,
         (double)(own_cpu - polled) / 1e9, percentile_us(0.5), percentile_us(0.99), percentile_us(0.999));
}

static void exchange_on_each(void) {
  for (int i = 0; i < options.connections; i++) {
    send_batch(&connections[i]);
    await_replies(&connections[i]);
  }
}

/* Keeps all connections idle until standard input ends. The exchanges before and after show that all are served. */
static void stay_idle(void) {
  exchange_on_each();
  printf("{\"idle\":%d}\n", options.connections);
  fflush(stdout);
  while (getchar() != EOF) continue;
  exchange_on_each();
}

static struct message parse_hex(const char *hex) {
  struct message m = {.length = strlen(hex) / 2};
  if (m.length < 1 || m.length > MAX_MESSAGE) fail("a message has 1 to %d bytes", MAX_MESSAGE);
  for (size_t i = 0; i < m.length; i++)
    if (sscanf(hex + 2 * i, "%2hhx", &m.bytes[i]) != 1) fail("not hexadecimal: %s", hex);
  return m;
}

static void parse_options(int count, char **arguments) {
  for (int i = 1; i + 1 < count; i += 2) {
    const char *name = arguments[i], *value = arguments[i + 1];
    if (!strcmp(name, "--host")) options.host = value;
    else if (!strcmp(name, "--port")) options.port = atoi(value);
    else if (!strcmp(name, "--pid")) options.pid = atoi(value);
    else if (!strcmp(name, "--mode")) options.mode = value;
    else if (!strcmp(name, "--connections")) options.connections = atoi(value);
    else if (!strcmp(name, "--inflight")) options.inflight = atoi(value);
    else if (!strcmp(name, "--warmup")) options.warmup = atof(value);
    else if (!strcmp(name, "--seconds")) options.seconds = atof(value);
    else if (!strcmp(name, "--rate")) options.rate = atof(value);
    else if (!strcmp(name, "--sleep")) options.sleep = !strcmp(value, "true");
    else if (!strcmp(name, "--request")) options.request = parse_hex(value);
    else if (!strcmp(name, "--reply")) options.reply = parse_hex(value);
    else if (!strcmp(name, "--protocol")) options.grpc = !strcmp(value, "grpc");
    else if (!strcmp(name, "--id-at")) options.id_at = atoi(value); /* offset of the 8-byte id */
    else fail("unknown option %s", name);
  }
  size_t id_end = options.id_at < 0 ? 0 : (size_t)options.id_at + 8;
  if (options.port <= 0 || options.connections < 1 || options.inflight < 1) fail("port, connections, inflight: from 1");
  if (!options.grpc && (options.request.length == 0 || options.reply.length == 0))
    fail("--request and --reply are needed");
  if (id_end > 0 && (id_end != options.request.length || id_end != options.reply.length))
    fail("the id ends both the request and the reply");
  size_t step = options.grpc ? GRPC_MAX_CALL : options.request.length;
  if ((size_t)options.inflight * step > MAX_BATCH) fail("a batch has at most %d bytes", MAX_BATCH);
}

int main(int count, char **arguments) {
  parse_options(count, arguments);
  if (options.sleep) prctl(PR_SET_TIMERSLACK, 1); /* in ns; the default is 50 us */
  struct rlimit files;
  getrlimit(RLIMIT_NOFILE, &files);
  files.rlim_cur = files.rlim_max;
  setrlimit(RLIMIT_NOFILE, &files);
  connections = calloc((size_t)options.connections, sizeof *connections);
  if (!connections) fail("out of memory");
  for (int i = 0; i < options.connections; i++) connections[i] = open_connection(i);
  if (!strcmp(options.mode, "idle")) stay_idle();
  else load();
  return 0;
}
