/* Requests as templates, one a queue (and group), in which only a few digits change. */
#ifndef REQUEST_H
#define REQUEST_H

#include <stdarg.h>

#include "options.h"

enum { FRAME_PREFIX = 8, OPAQUE_FIRST = 100000000, OPAQUE_DIGITS = 9, OFFSET_DIGITS = 12, KEY_DIGITS = 8 };

struct request {
  char *bytes;
  int length;
  int opaque_at;     /* 9 digits, or 4 bytes of a binary header */
  int offset_at;     /* 12 digits of a pull's queueOffset, or 0 */
  int commit_at;     /* 12 digits of the offset that a group's pull commits, or 0 */
  int key_at[BATCH]; /* 8 hex digits that make a message's unique key its own */
  int keys;
};

static void put16(char *at, uint32_t v) { at[0] = v >> 8, at[1] = v; }
static void put32(char *at, uint32_t v) { put16(at, v >> 16), put16(at + 2, v); }
static uint32_t get32(const char *at) {
  const uint8_t *b = (const uint8_t *)at;
  return (uint32_t)b[0] << 24 | b[1] << 16 | b[2] << 8 | b[3];
}
static void put_digits(char *at, int digits, int base, uint64_t v) {
  for (int i = digits - 1; i >= 0; i--, v /= base) at[i] = "0123456789ABCDEF"[v % base];
}

/* JSON, in which ' stands for ". Returns its length. */
static int put_json(char *at, const char *format, ...) {
  va_list values;
  va_start(values, format);
  int length = vsprintf(at, format, values);
  va_end(values);
  for (int i = 0; i < length; i++) {
    if (at[i] == '\'') at[i] = '"';
  }
  return length;
}

#define KEY_PREFIX "7F00000100002A139A5C18B4"
#define PROPERTIES(is, and) "UNIQ_KEY" is KEY_PREFIX "00000000" and "WAIT" is "true" and "TAGS" is "TagA"
#define PROPERTIES_JSON PROPERTIES("\\u0001", "\\u0002")
#define PROPERTIES_RAW PROPERTIES("\1", "\2")
#define HEADER_TAIL \
  "},'flag':0,'language':'JAVA','opaque':100000000,'serializeTypeCurrentRPC':'JSON','version':493}"

/* UPDATE_AND_CREATE_TOPIC, a whole frame. */
static int put_create_topic(char *frame, const char *topic) {
  int length = put_json(frame + FRAME_PREFIX,
    "{'code':17,'extFields':{'topic':'%s','defaultTopic':'TBW102','readQueueNums':'%d','writeQueueNums':'%d',"
    "'perm':'6','topicFilterType':'SINGLE_TAG','topicSysFlag':'0','order':'false'" HEADER_TAIL,
    topic, opt.queues, opt.queues);
  put32(frame, 4 + length);
  put32(frame + 4, length);
  return FRAME_PREFIX + length;
}

/* The topic of a request: with --topics each message goes to another one. */
static const char *topic_of(int request, char name[TOPIC_NAME_MAX]) {
  if (opt.topics < 2) return opt.topic;
  snprintf(name, TOPIC_NAME_MAX, "%s_%d", opt.topic, request % opt.topics);
  return name;
}

/* SysFlag 4: the subscription comes with the request, so no heartbeat is needed. With --groups also 1: it commits. */
static int put_pull_header(char *at, struct request *r, int queue, int group) {
  int length = put_json(at,
    "{'code':11,'extFields':{'queueId':'%d','maxMsgNums':'%d','sysFlag':'%d','suspendTimeoutMillis':'15000',"
    "'commitOffset':'000000000000','topic':'%s','subscription':'*','queueOffset':'000000000000','expressionType':'TAG',"
    "'subVersion':'0','consumerGroup':'bench_raw_group_%d'" HEADER_TAIL,
    queue, BATCH, opt.groups ? 5 : 4, opt.topic, group);
  r->offset_at = strstr(at, "\"queueOffset\":\"") - at + 15;
  if (opt.groups) r->commit_at = strstr(at, "\"commitOffset\":\"") - at + 16;
  return length;
}

static int put_send_header(char *at, const char *topic, int queue, bool batch) {
  return put_json(at,
    "{'code':%d,'extFields':{'a':'bench_group','b':'%s','c':'TBW102','d':'4','e':'%d','f':'0',"
    "'g':'1700000000000','h':'0','i':'" PROPERTIES_JSON "','j':'0','k':'false','m':'%s'" HEADER_TAIL,
    batch ? 320 : 310, topic, queue, batch ? "true" : "false");
}

/* One field of a binary header: nameLength:int16 name valueLength:int32 value */
static int put_field(char *at, const char *name, const char *value) {
  int name_length = strlen(name), value_length = strlen(value);
  put16(at, name_length);
  memcpy(at + 2, name, name_length);
  put32(at + 2 + name_length, value_length);
  memcpy(at + 6 + name_length, value, value_length);
  return 6 + name_length + value_length;
}

/* code:int16 language:int8 version:int16 opaque:int32 flag:int32 remarkLength:int32 fieldsLength:int32 fields */
static int put_binary_header(char *at, struct request *r, const char *topic, int queue) {
  enum { FIXED = 21 };
  char queue_text[12];
  snprintf(queue_text, sizeof queue_text, "%d", queue);
  const char *fields[][2] = {
    {"a", "bench_group"}, {"b", topic}, {"c", "TBW102"}, {"d", "4"}, {"e", queue_text}, {"f", "0"},
    {"g", "1700000000000"}, {"h", "0"}, {"i", PROPERTIES_RAW}, {"j", "0"}, {"k", "false"}, {"m", "false"},
  };
  memset(at, 0, FIXED);
  put16(at, 310);
  put16(at + 3, 493);
  r->opaque_at = 5;
  int length = FIXED;
  for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
    length += put_field(at + length, fields[i][0], fields[i][1]);
  }
  put32(at + FIXED - 4, length - FIXED);
  return length;
}

/* One message of a batch:
   total:int32 magic:int32 crc:int32 flag:int32 bodyLength:int32 body propertiesLength:int16 properties */
static int put_batch_element(char *at) {
  int properties_length = strlen(PROPERTIES_RAW), total = 22 + opt.body + properties_length;
  memset(at, 0, 20);
  put32(at, total);
  put32(at + 16, opt.body);
  memset(at + 20, 'x', opt.body);
  put16(at + 20 + opt.body, properties_length);
  memcpy(at + 22 + opt.body, PROPERTIES_RAW, properties_length);
  return total;
}

static int put_header(char *at, struct request *r, const char *topic, int queue, int group) {
  if (opt.kind == KIND_BIN) return put_binary_header(at, r, topic, queue);
  bool pull = opt.kind == KIND_PULLJSON;
  int length = pull ? put_pull_header(at, r, queue, group) : put_send_header(at, topic, queue, opt.kind == KIND_BATCH32);
  r->opaque_at = strstr(at, "\"opaque\":") - at + 9;
  return length;
}

static int put_body(char *at) {
  int length = 0;
  if (opt.kind == KIND_BATCH32) {
    for (int i = 0; i < BATCH; i++) length += put_batch_element(at + length);
  } else if (opt.kind != KIND_PULLJSON) {
    memset(at, 'x', length = opt.body);
  }
  return length;
}

static struct request make_request(const char *topic, int queue, int group) {
  struct request r = {.bytes = malloc(2048 + (opt.kind == KIND_BATCH32 ? BATCH : 1) * (256 + (size_t)opt.body))};
  if (!r.bytes) die("memory");
  int header_length = put_header(r.bytes + FRAME_PREFIX, &r, topic, queue, group);
  char *body = r.bytes + FRAME_PREFIX + header_length, *end = body + put_body(body);
  r.length = end - r.bytes;
  put32(r.bytes, r.length - 4);
  put32(r.bytes + 4, header_length | (opt.kind == KIND_BIN ? 1 << 24 : 0));
  r.opaque_at += FRAME_PREFIX;
  if (r.offset_at) r.offset_at += FRAME_PREFIX;
  if (r.commit_at) r.commit_at += FRAME_PREFIX;
  /* a batch's keys are those of its messages; the one in its header stays as it is */
  const char *from = opt.kind == KIND_BATCH32 ? body : r.bytes, *key;
  const int prefix = strlen(KEY_PREFIX);
  while (r.keys < BATCH && (key = memmem(from, end - from, KEY_PREFIX, prefix))) {
    r.key_at[r.keys++] = key + prefix - r.bytes;
    from = key + prefix;
  }
  return r;
}

#endif
