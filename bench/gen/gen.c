/*
 * A cheap load generator for RocketMQ's remoting protocol: one thread, epoll, raw pipelining. It keeps a window
 * of requests outstanding on every connection, reads the server's CPU time from /proc, and prints one JSON line.
 *
 *   gen --port P --kind json|bin|batch32|pulljson|echo [--topic T] [--topics N] [--queues N] [--connections N]
 *       [--window N] [--warm SECONDS] [--seconds SECONDS] [--count REQUESTS] [--body BYTES] [--pull-max OFFSET] [--pids P,P]
 *       [--idle CONNECTIONS] [--groups N] [--rate REQUESTS]
 *
 *   json      SEND_MESSAGE_V2 (310), header in JSON as the Java client writes it
 *   bin       the same with the binary ROCKETMQ header
 *   batch32   SEND_BATCH_MESSAGE (320) of 32 messages
 *   pulljson  PULL_MESSAGE (11) of 32 messages, each connection round and round one queue up to --pull-max
 *   echo      the frame of json, to a server that sends back what it gets
 *
 * With --topics, sends go round so many topics, T_0 and on. --idle opens connections beside that never send anything. With
 * --groups, pulls are those of so many groups in turn, each of which commits where it is. Topics of sends are created first by
 * UPDATE_AND_CREATE_TOPIC (17). With --count it stops after that many requests and has no warm-up.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "options.h"
#include "request.h"

enum { OUT_BYTES = 2 << 20, IN_BYTES = 8 << 20, LATENCY_US_MAX = 1000000, STALL_S_MAX = 20 };

static uint64_t now_ns(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec * 1000000000ull + t.tv_nsec;
}

struct connection {
  int fd, request, outstanding;
  char *out, *in;
  int out_length, out_at, in_length;
  bool wants_write;
  uint64_t pull_offset;
};

static struct request *requests;
static int request_count;
static int epoll_fd;
static uint32_t next_opaque = OPAQUE_FIRST;
static uint64_t sent_ns[IN_FLIGHT_MAX], began, now;
static uint64_t requested, answered, messages, refused, bytes_in, unique;
static bool measuring;
static uint32_t latency_us[LATENCY_US_MAX + 1];
static uint64_t latencies;

static int dial(void) {
  int fd = socket(AF_INET, SOCK_STREAM, 0), one = 1;
  struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(opt.port)};
  to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (fd < 0 || connect(fd, (struct sockaddr *)&to, sizeof to)) die("connect");
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  return fd;
}

static void watch(struct connection *c, int operation, bool write_too) {
  struct epoll_event event = {.events = EPOLLIN | (write_too ? EPOLLOUT : 0), .data.ptr = c};
  if (epoll_ctl(epoll_fd, operation, c->fd, &event)) die("epoll_ctl");
  c->wants_write = write_too;
}

static void open_connection(struct connection *c, int number) {
  *c = (struct connection){.fd = dial(), .request = number % opt.queues};
  c->out = malloc(OUT_BYTES);
  c->in = malloc(IN_BYTES);
  if (!c->out || !c->in) die("memory");
  fcntl(c->fd, F_SETFL, O_NONBLOCK);
  watch(c, EPOLL_CTL_ADD, false);
}

static void put_request(struct connection *c) {
  const struct request *r = &requests[c->request];
  char *at = c->out + c->out_length;
  memcpy(at, r->bytes, r->length);
  if (++next_opaque > 999999999) next_opaque = OPAQUE_FIRST;
  if (opt.kind == KIND_BIN) put32(at + r->opaque_at, next_opaque);
  else put_digits(at + r->opaque_at, OPAQUE_DIGITS, 10, next_opaque);
  for (int i = 0; i < r->keys; i++) put_digits(at + r->key_at[i], KEY_DIGITS, 16, ++unique);
  if (r->offset_at) {
    put_digits(at + r->offset_at, OFFSET_DIGITS, 10, c->pull_offset);
    if (r->commit_at) put_digits(at + r->commit_at, OFFSET_DIGITS, 10, c->pull_offset);
    c->request = (c->request + opt.queues) % request_count;
    c->pull_offset += BATCH;
    if (c->pull_offset + BATCH > opt.pull_max) c->pull_offset = 0;
  } else {
    c->request = (c->request + 1) % request_count;
  }
  sent_ns[next_opaque % IN_FLIGHT_MAX] = now;
  c->out_length += r->length;
  c->outstanding++;
  requested++;
}

static bool is_due(void) {
  if (opt.count && requested >= opt.count) return false;
  return opt.rate == 0 || requested < (now - began) / 1e9 * opt.rate;
}

static void fill(struct connection *c) {
  while (c->outstanding < opt.window && is_due()
         && c->out_length + requests[c->request].length <= OUT_BYTES) put_request(c);
  while (c->out_at < c->out_length) {
    ssize_t n = write(c->fd, c->out + c->out_at, c->out_length - c->out_at);
    if (n < 0 && errno == EAGAIN) {
      if (!c->wants_write) watch(c, EPOLL_CTL_MOD, true);
      return;
    }
    if (n < 0) die("write");
    c->out_at += n;
  }
  c->out_at = c->out_length = 0;
  if (c->wants_write) watch(c, EPOLL_CTL_MOD, false);
}

static long number_after(const char *header, int length, const char *name) {
  const char *at = memmem(header, length, name, strlen(name));
  if (!at) refuse("an answer without code or opaque");
  return strtol(at + strlen(name), NULL, 10);
}

/* Messages of a pull's answer: each begins with its size. */
static int count_pulled(const char *at, const char *end) {
  int count = 0;
  for (; at + 4 <= end; at += get32(at), count++) {
    if (get32(at) < 91) refuse("a pulled message of impossible size");
  }
  return count;
}

static void take_answer(const char *frame, int length) {
  bool binary = frame[4] == 1;
  int header_length = get32(frame + 4) & 0xffffff;
  const char *header = frame + FRAME_PREFIX, *end = frame + length;
  long code, opaque;
  if (binary) {
    code = (uint8_t)header[0] << 8 | (uint8_t)header[1];
    opaque = get32(header + 5);
  } else {
    code = number_after(header, header_length, "\"code\":");
    opaque = number_after(header, header_length, "\"opaque\":");
  }
  answered++;
  if (code != 0 && opt.kind != KIND_ECHO) {
    if (!refused++) fprintf(stderr, "gen: code %ld: %.*s\n", code, binary ? 0 : header_length, header);
    return;
  }
  if (opt.kind == KIND_PULLJSON) messages += count_pulled(header + header_length, end);
  else messages += opt.kind == KIND_BATCH32 ? BATCH : 1;
  if (!measuring) return;
  uint64_t us = (now - sent_ns[opaque % IN_FLIGHT_MAX]) / 1000;
  latency_us[us < LATENCY_US_MAX ? us : LATENCY_US_MAX]++;
  latencies++;
}

static void drain(struct connection *c) {
  ssize_t n = read(c->fd, c->in + c->in_length, IN_BYTES - c->in_length);
  if (n < 0 && errno == EAGAIN) return;
  if (n < 0) die("read");
  if (n == 0) refuse("the server closed a connection");
  c->in_length += n;
  bytes_in += n;
  int at = 0;
  while (c->in_length - at >= 4) {
    uint32_t length = 4 + get32(c->in + at);
    if (length > IN_BYTES) refuse("an answer larger than 8 MiB");
    if ((uint32_t)(c->in_length - at) < length) break;
    take_answer(c->in + at, length);
    c->outstanding--;
    at += length;
  }
  memmove(c->in, c->in + at, c->in_length - at);
  c->in_length -= at;
}

static void create_topic(int fd, const char *topic) {
  char frame[2048];
  int length = put_create_topic(frame, topic);
  if (write(fd, frame, length) != length) die("write");
  if (recv(fd, frame, 4, MSG_WAITALL) != 4) die("no answer to the creation of the topic");
  length = get32(frame);
  if (length >= (int)sizeof frame || recv(fd, frame, length, MSG_WAITALL) != length) die("half an answer");
  int header_length = get32(frame) & 0xffffff;
  if (number_after(frame + 4, header_length, "\"code\":") != 0) {
    fprintf(stderr, "%.*s\n", header_length, frame + 4);
    refuse("the topic was not created");
  }
}

static void create_topics(void) {
  char name[TOPIC_NAME_MAX];
  int fd = dial();
  for (int i = 0; i < opt.topics; i++) create_topic(fd, topic_of(i, name));
  close(fd);
}

/* utime + stime of the processes in a comma separated list, seconds. */
static double cpu_seconds(const char *pids) {
  double sum = 0;
  for (const char *at = pids; *at; at += strcspn(at, ","), at += *at == ',') {
    char path[64], text[1024];
    snprintf(path, sizeof path, "/proc/%d/stat", atoi(at));
    FILE *file = fopen(path, "r");
    if (!file) die(path);
    text[fread(text, 1, sizeof text - 1, file)] = 0;
    fclose(file);
    unsigned long user, system;
    char *after_name = strrchr(text, ')');
    static const char stat_format[] = "%*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu";
    if (!after_name || sscanf(after_name + 2, stat_format, &user, &system) != 2) refuse(path);
    sum += (user + system) / (double)sysconf(_SC_CLK_TCK);
  }
  return sum;
}

static double own_cpu_seconds(void) {
  struct timespec t;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
  return t.tv_sec + t.tv_nsec / 1e9;
}

static int percentile(double share) {
  uint64_t seen = 0;
  for (int us = 0; us <= LATENCY_US_MAX; us++) {
    seen += latency_us[us];
    if (seen && seen >= latencies * share) return us;
  }
  return 0;
}

struct sample { uint64_t at_ns, requests, messages, bytes; double server_cpu, own_cpu; };

static struct sample take_sample(void) {
  return (struct sample){now, answered, messages, bytes_in, cpu_seconds(opt.pids), own_cpu_seconds()};
}

static void report(struct sample a, struct sample b) {
  double seconds = (b.at_ns - a.at_ns) / 1e9, server_us = (b.server_cpu - a.server_cpu) * 1e6;
  double count = b.messages - a.messages, frames = b.requests - a.requests;
  char line[1024];
  put_json(line,
    "{'generator':'%s','connections':%d,'window':%d,'bodyBytes':%d,'windowS':%.3f,'messages':%.0f,"
    "'messagesPerS':%.0f,'requestsPerS':%.0f,'serverCpuUsPerMessage':%.4f,'serverCpuUsPerRequest':%.4f,"
    "'serverCpuPercent':%.1f,'generatorCpuUsPerMessage':%.4f,'receivedMBPerS':%.1f,'latencyP50Us':%d,"
    "'latencyP99Us':%d,'latencyP999Us':%d,'refused':%lu}",
    kind_names[opt.kind], opt.connections, opt.window, opt.body, seconds, count,
    count / seconds, frames / seconds, server_us / (count ? count : 1), server_us / (frames ? frames : 1),
    server_us / seconds / 1e4, (b.own_cpu - a.own_cpu) * 1e6 / (count ? count : 1),
    (b.bytes - a.bytes) / seconds / 1e6, percentile(0.5), percentile(0.99), percentile(0.999), refused);
  puts(line);
}

static void run(struct connection *connections) {
  began = now = now_ns();
  uint64_t opens = now + opt.warm * 1e9, closes = opens + opt.seconds * 1e9, moved = now, before = 0;
  struct sample start = take_sample();
  if (opt.count) {
    measuring = true;
    closes = UINT64_MAX;
  }
  for (int i = 0; i < opt.connections; i++) fill(&connections[i]);
  while (now < closes && !(opt.count && answered >= opt.count)) {
    struct epoll_event events[256];
    int ready = epoll_wait(epoll_fd, events, 256, opt.rate > 0 ? 1 : 100);
    now = now_ns();
    if (!measuring && now >= opens) {
      measuring = true;
      start = take_sample();
      closes = now + opt.seconds * 1e9;
    }
    for (int i = 0; i < ready; i++) {
      struct connection *c = events[i].data.ptr;
      if (events[i].events & ~EPOLLOUT) drain(c);
      fill(c);
    }
    if (opt.rate > 0) {
      for (int i = 0; i < opt.connections; i++) fill(&connections[i]);
    }
    if (answered != before) {
      before = answered;
      moved = now;
    }
    if (now - moved > STALL_S_MAX * 1000000000ull) refuse("no answer for 20 s");
  }
  report(start, take_sample());
}

int main(int count, char **arguments) {
  read_options(count, arguments);
  if (opt.kind != KIND_ECHO && opt.kind != KIND_PULLJSON) create_topics();
  request_count = opt.topics * opt.queues * (opt.groups ? opt.groups : 1);
  requests = calloc(request_count, sizeof *requests);
  struct connection *connections = calloc(opt.connections, sizeof *connections);
  epoll_fd = epoll_create1(0);
  if (!requests || !connections || epoll_fd < 0) die("memory");
  for (int i = 0; i < request_count; i++) {
    char name[TOPIC_NAME_MAX];
    int rest = i / opt.topics;
    requests[i] = make_request(topic_of(i, name), rest % opt.queues, rest / opt.queues);
  }
  for (int i = 0; i < opt.idle; i++) dial();
  for (int i = 0; i < opt.connections; i++) open_connection(&connections[i], i);
  run(connections);
  return 0;
}
