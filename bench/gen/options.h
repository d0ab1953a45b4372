/* What the generator is asked for on its command line. */
#ifndef OPTIONS_H
#define OPTIONS_H

#include <errno.h>
#include <getopt.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BATCH = 32, IN_FLIGHT_MAX = 1 << 20, BODY_MAX = 1 << 20, TOPIC_MAX = 127, TOPIC_NAME_MAX = 160 };

enum kind { KIND_JSON, KIND_BIN, KIND_BATCH32, KIND_PULLJSON, KIND_ECHO, KIND_COUNT };
static const char *const kind_names[KIND_COUNT] = {"json", "bin", "batch32", "pulljson", "echo"};

static struct {
  int port, topics, queues, connections, window, body, idle, groups;
  enum kind kind;
  const char *topic, *pids;
  double warm, seconds, rate;
  uint64_t count, pull_max;
} opt = {
  .topics = 1, .queues = 4, .connections = 4, .window = 64, .body = 100,
  .topic = "bench_raw", .pids = "", .warm = 1.5, .seconds = 5,
};

/* Ends the program; says why, with errno unless that is 0. */
static void die(const char *what) {
  fprintf(stderr, "gen: %s%s%s\n", what, errno ? ": " : "", errno ? strerror(errno) : "");
  exit(1);
}

/* The same for what no system call has caused. */
static void refuse(const char *what) {
  errno = 0;
  die(what);
}

static enum kind kind_of(const char *name) {
  for (int kind = 0; kind < KIND_COUNT; kind++) {
    if (!strcmp(name, kind_names[kind])) return kind;
  }
  refuse("--kind wants json, bin, batch32, pulljson or echo");
  return KIND_COUNT;
}

static void check_options(void) {
  if (opt.port <= 0 || opt.topics < 1 || opt.queues < 1 || opt.connections < 1 || opt.window < 1 || opt.body < 1) {
    refuse("--port and positive numbers, please");
  }
  if (opt.idle < 0 || opt.groups < 0) refuse("--idle and --groups of 0 or more");
  if (opt.body > BODY_MAX) refuse("--body of at most 1048576 bytes");
  if (strlen(opt.topic) > TOPIC_MAX) refuse("--topic of at most 127 bytes");
  if (opt.topics > 1 && opt.kind == KIND_PULLJSON) refuse("--topics are for sends");
  if ((uint64_t)opt.connections * opt.window > IN_FLIGHT_MAX) refuse("more than a million requests in flight");
  if (opt.kind == KIND_PULLJSON && opt.pull_max < BATCH) refuse("--pull-max of at least 32 for pulljson");
}

static void read_options(int count, char **arguments) {
  enum { PORT = 1, KIND, TOPIC, TOPICS, QUEUES, CONNECTIONS, WINDOW, WARM, SECONDS, COUNT, BODY, PULL_MAX, PIDS, IDLE, GROUPS, RATE };
  static const struct option known[] = {
    {"port", 1, 0, PORT}, {"kind", 1, 0, KIND}, {"topic", 1, 0, TOPIC}, {"topics", 1, 0, TOPICS}, {"queues", 1, 0, QUEUES},
    {"connections", 1, 0, CONNECTIONS}, {"window", 1, 0, WINDOW}, {"warm", 1, 0, WARM},
    {"seconds", 1, 0, SECONDS}, {"count", 1, 0, COUNT}, {"body", 1, 0, BODY}, {"pull-max", 1, 0, PULL_MAX},
    {"pids", 1, 0, PIDS}, {"idle", 1, 0, IDLE},
    {"groups", 1, 0, GROUPS}, {"rate", 1, 0, RATE}, {0},
  };
  for (int found; (found = getopt_long(count, arguments, "", known, NULL)) != -1;) {
    switch (found) {
      case PORT: opt.port = atoi(optarg); break;
      case KIND: opt.kind = kind_of(optarg); break;
      case TOPIC: opt.topic = optarg; break;
      case TOPICS: opt.topics = atoi(optarg); break;
      case QUEUES: opt.queues = atoi(optarg); break;
      case CONNECTIONS: opt.connections = atoi(optarg); break;
      case WINDOW: opt.window = atoi(optarg); break;
      case WARM: opt.warm = atof(optarg); break;
      case SECONDS: opt.seconds = atof(optarg); break;
      case COUNT: opt.count = strtoull(optarg, NULL, 10); break;
      case BODY: opt.body = atoi(optarg); break;
      case PULL_MAX: opt.pull_max = strtoull(optarg, NULL, 10); break;
      case PIDS: opt.pids = optarg; break;
      case IDLE: opt.idle = atoi(optarg); break;
      case GROUPS: opt.groups = atoi(optarg); break;
      case RATE: opt.rate = atof(optarg); break;
      default: exit(2);
    }
  }
  check_options();
}

#endif
