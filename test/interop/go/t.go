package main

import (
	"context"
	"fmt"
	"os"
	"reflect"
	"strconv"
	"sync/atomic"
	"time"

	rocketmq "github.com/apache/rocketmq-client-go/v2"
	"github.com/apache/rocketmq-client-go/v2/admin"
	"github.com/apache/rocketmq-client-go/v2/consumer"
	"github.com/apache/rocketmq-client-go/v2/primitive"
	"github.com/apache/rocketmq-client-go/v2/producer"
)

const (
	sendLimit = 15 * time.Second
	// patience is how long to wait for what has to come: it costs only where a check fails, and a machine may be slow.
	patience = 90 * time.Second
	// silence is how long to listen for what should not come.
	silence = 700 * time.Millisecond
)

var (
	run        = fmt.Sprintf("%x", time.Now().UnixMilli()%100_000_000)
	clients    atomic.Int64
	background = context.Background()
	resolver   = primitive.NewEnvResolver()
	// arrivalLimit is patience with messages, shorter where the runner lies, and most checks wait in vain.
	arrivalLimit = limitFrom("ARRIVE_SECONDS_MAX")
)

func limitFrom(name string) time.Duration {
	if seconds, err := strconv.Atoi(os.Getenv(name)); err == nil {
		return time.Duration(seconds) * time.Second
	}
	return patience
}

// failure is why a check does not hold.
type failure string

func (f failure) Error() string { return string(f) }

// T is what one check works with, in the manner of testing.T: names and clients of its own, and their end.
type T struct {
	check string
	ends  []func()
	rest  func()
}

// Fatalf ends the check: it does not hold.
func (t *T) Fatalf(format string, args ...any) {
	panic(failure(fmt.Sprintf(format, args...)))
}

// Must ends the check when a client call that has to succeed did not.
func (t *T) Must(err error) {
	if err != nil {
		t.Fatalf("%v", err)
	}
}

// Equal ends the check when the two differ.
func (t *T) Equal(what string, expected, actual any) {
	if !reflect.DeepEqual(expected, actual) {
		t.Fatalf("%s: expected %v, was %v", what, expected, actual)
	}
}

// Eventually waits until probe finds nothing to complain about.
func (t *T) Eventually(what string, limit time.Duration, probe func() error) {
	deadline := time.Now().Add(limit)
	for {
		err := probe()
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%s, within %v: %v", what, limit, err)
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// AfterRestart says how the check goes on when the broker is back.
func (t *T) AfterRestart(rest func()) { t.rest = rest }

// Cleanup adds to what is done when the check is over, the youngest first.
func (t *T) Cleanup(end func()) { t.ends = append(t.ends, end) }

func (t *T) end() {
	for i := len(t.ends) - 1; i >= 0; i-- {
		t.ends[i]()
	}
}

// Name gives a topic or group name that nobody else uses.
func (t *T) Name(stem string) string { return t.check + "-" + stem + "-" + run }

// Topic makes a topic with this many queues and waits until clients can find it.
func (t *T) Topic(queueCount int) string {
	topic := t.Name("t")
	createTopic(t, topic, queueCount)
	return topic
}

func createTopic(t *T, topic string, queueCount int) {
	tools := t.Admin()
	t.Must(tools.CreateTopic(background,
		admin.WithTopicCreate(topic),
		admin.WithBrokerAddrCreate(os.Getenv("BROKER_ADDR")),
		admin.WithReadQueueNums(queueCount),
		admin.WithWriteQueueNums(queueCount)))
	t.Eventually("queues of "+topic, patience, func() error {
		queues, err := tools.FetchPublishMessageQueues(background, topic)
		if err == nil && len(queues) != queueCount {
			err = fmt.Errorf("%d instead of %d", len(queues), queueCount)
		}
		return err
	})
}

// Admin gives an admin client.
func (t *T) Admin() admin.Admin {
	tools, err := admin.NewAdmin(admin.WithResolver(resolver))
	t.Must(err)
	t.Cleanup(func() { _ = tools.Close() })
	return tools
}

func instance() string { return fmt.Sprintf("i%d-%d", clients.Add(1), os.Getpid()) }

// Producer gives a started producer.
func (t *T) Producer(options ...producer.Option) rocketmq.Producer {
	p, err := rocketmq.NewProducer(append([]producer.Option{
		producer.WithNsResolver(resolver),
		producer.WithInstanceName(instance()),
		producer.WithGroupName(t.Name("p")),
		producer.WithSendMsgTimeout(sendLimit),
	}, options...)...)
	t.Must(err)
	t.Must(p.Start())
	t.Cleanup(func() { _ = p.Shutdown() })
	return p
}

// Consumer starts a push consumer that fills the inbox; a new group begins at the first message.
func (t *T) Consumer(
	group, topic, expression string, box *inbox, options ...consumer.Option,
) rocketmq.PushConsumer {
	c, err := newConsumer(group, topic, expression, box.take, options...)
	t.Must(err)
	t.Cleanup(func() { _ = c.Shutdown() })
	return c
}

func newConsumer(
	group, topic, expression string, take func(...*primitive.MessageExt), options ...consumer.Option,
) (rocketmq.PushConsumer, error) {
	c, err := rocketmq.NewPushConsumer(append([]consumer.Option{
		consumer.WithNsResolver(resolver),
		consumer.WithInstance(instance()),
		consumer.WithGroupName(group),
		consumer.WithConsumeFromWhere(consumer.ConsumeFromFirstOffset),
	}, options...)...)
	if err != nil {
		return nil, err
	}
	listener := func(_ context.Context, messages ...*primitive.MessageExt) (consumer.ConsumeResult, error) {
		take(messages...)
		return consumer.ConsumeSuccess, nil
	}
	selector := consumer.MessageSelector{Type: consumer.TAG, Expression: expression}
	if err := c.Subscribe(topic, selector, listener); err != nil {
		return nil, err
	}
	return c, c.Start()
}
