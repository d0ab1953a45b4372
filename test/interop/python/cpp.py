"""RocketMQ's C++ client 1.2.x, as the wheel `rocketmq` brings it, as a program under the runner (runner/program.mjs)."""
import os
import sys
import threading
import time
import traceback

from rocketmq.client import Message, Producer, PullConsumer, PushConsumer

CHECK_S_MAX = 120
NAMESRV = os.environ["NAMESRV_ADDR"]
RUN = str(int(time.time() * 1000))


def until(is_so):
    deadline = time.monotonic() + CHECK_S_MAX
    while not is_so():
        if time.monotonic() > deadline:
            raise AssertionError("it did not come")
        time.sleep(0.02)


def equal(actual, expected):
    if actual != expected:
        raise AssertionError("expected %r, was %r" % (expected, actual))


def at_namesrv(client):
    client.set_namesrv_addr(NAMESRV)
    return client


def message(topic, body, tag=None, keys=None, properties=(), delay_level=0):
    made = Message(topic)
    made.set_body(body)
    if tag:
        made.set_tags(tag)
    if keys:
        made.set_keys(keys)
    for name, value in properties:
        made.set_property(name, value)
    if delay_level:
        made.set_delay_time_level(delay_level)
    return made


def consume(topic, expression="*", orderly=False, handle=lambda _: None):
    """A push consumer of a group named after the topic, and the list of what it took."""
    seen = []
    lock = threading.Lock()
    consumer = at_namesrv(PushConsumer("g-" + topic, orderly=orderly))
    consumer.set_instance_name(topic)

    def take(received):
        handle(received)
        with lock:
            seen.append((received.body.decode(), received.reconsume_times, received.queue_id, received.keys))

    consumer.subscribe(topic, take, expression)
    consumer.start()
    return consumer, seen


def send(producer):
    topic = "cpp-send-" + RUN
    # the client creates the topic by its first message
    until(lambda: producer.send_sync(message(topic, "first")).status == 0)
    consumer, seen = consume(topic)
    equal(producer.send_sync(message(topic, "x" * 20_000, tag="t", keys="k1", properties=[("a", "b")])).status, 0)
    producer.send_oneway(message(topic, "oneway"))
    until(lambda: len(seen) >= 2 and any(keys == b"k1" for _, _, _, keys in seen) and any(b == "oneway" for b, *_ in seen))
    consumer.shutdown()


def ordered(producer):
    topic = "cpp-ordered-" + RUN
    until(lambda: producer.send_sync(message(topic, "0")).status == 0)
    for number in range(30):
        producer.send_orderly(message(topic, str(number)), number % 3)
    consumer, seen = consume(topic, orderly=True)
    until(lambda: len(set(body for body, *_ in seen)) == 30)
    for queue in set(queue for _, _, queue, _ in seen):
        numbers = [int(body) for body, _, each, _ in seen if each == queue]
        equal([n for n in numbers if n > 0], sorted(n for n in numbers if n > 0))
    consumer.shutdown()


def filters(producer):
    topic = "cpp-filters-" + RUN
    until(lambda: producer.send_sync(message(topic, "none", tag="other")).status == 0)
    consumer, seen = consume(topic, "TagA || TagB")
    for tag in ["TagA", "TagB", "TagC"]:
        producer.send_sync(message(topic, tag, tag=tag))
    until(lambda: len(seen) >= 2)
    time.sleep(0.5)
    equal(sorted(body for body, *_ in seen), ["TagA", "TagB"])
    consumer.shutdown()


def retry(producer):
    topic = "cpp-retry-" + RUN
    until(lambda: producer.send_sync(message(topic, "first")).status == 0)

    def handle(received):
        if received.body == b"again" and received.reconsume_times == 0:
            raise RuntimeError("not now")

    consumer, seen = consume(topic, handle=handle)
    producer.send_sync(message(topic, "again"))
    until(lambda: any(body == "again" for body, *_ in seen))
    equal([times for body, times, *_ in seen if body == "again"], [1])
    consumer.shutdown()


def delay(producer):
    topic = "cpp-delay-" + RUN
    until(lambda: producer.send_sync(message(topic, "first")).status == 0)
    consumer, seen = consume(topic)
    sent = time.time()
    producer.send_sync(message(topic, "late", delay_level=2))
    until(lambda: any(body == "late" for body, *_ in seen))
    if time.time() - sent < 2:
        raise AssertionError("delivered early")
    consumer.shutdown()


def pull(producer):
    topic = "cpp-pull-" + RUN
    for number in range(8):
        until(lambda: producer.send_sync(message(topic, str(number))).status == 0)
    consumer = at_namesrv(PullConsumer("g-" + topic))
    consumer.start()
    equal(sorted(each.body.decode() for each in consumer.pull(topic)), [str(number) for number in range(8)])
    consumer.shutdown()


def main():
    checks = [send, ordered, filters, retry, delay, pull]
    chosen = [check for check in checks if not sys.argv[1:] or check.__name__ in sys.argv[1:]]
    print("@plan " + " ".join(check.__name__ for check in chosen), flush=True)
    producer = at_namesrv(Producer("cpp-producer"))
    producer.start()
    for check in chosen:
        started = time.monotonic()
        try:
            check(producer)
            print("@ok %s %d" % (check.__name__, (time.monotonic() - started) * 1000), flush=True)
        except BaseException:  # reported, then the next one runs
            reason = traceback.format_exc().replace("\n", " | ")
            print("@not-ok %s %s" % (check.__name__, reason), flush=True)
    producer.shutdown()
    # the library's threads may not end by themselves
    os._exit(0)


main()
