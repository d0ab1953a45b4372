package main

import (
	"fmt"
	"time"

	rocketmq "github.com/apache/rocketmq-client-go/v2"
	"github.com/apache/rocketmq-client-go/v2/consumer"
	"github.com/apache/rocketmq-client-go/v2/primitive"
)

var pullChecks = []check{
	{"pull-from", together, checkPullFrom},
	{"pull-poll", together, checkPullPoll},
}

func startPull(t *T, topic string) rocketmq.PullConsumer {
	c, err := rocketmq.NewPullConsumer(
		consumer.WithNsResolver(resolver),
		consumer.WithInstance(instance()),
		consumer.WithGroupName(t.Name("g")),
		consumer.WithConsumeFromWhere(consumer.ConsumeFromFirstOffset),
		consumer.WithPullBatchSize(32),
	)
	t.Must(err)
	t.Must(c.Subscribe(topic, consumer.MessageSelector{Type: consumer.TAG, Expression: "*"}))
	t.Must(c.Start())
	t.Cleanup(func() { _ = c.Shutdown() })
	return c
}

// checkPullFrom: single pulls by queue and offset.
func checkPullFrom(t *T) {
	topic := t.Topic(2)
	s := sendSync(t, t.Producer(), topic, "m", 60)
	c := startPull(t, topic)
	queues, err := t.Admin().FetchPublishMessageQueues(background, topic)
	t.Must(err)
	var box inbox
	for _, queue := range queues {
		end := int64(s.countByQueue()[queue.QueueId])
		for offset := int64(0); offset < end; {
			result, err := c.PullFrom(background, queue, offset, 7)
			t.Must(err)
			t.Equal(fmt.Sprintf("status at %d", offset), primitive.PullFound, result.Status)
			found := result.GetMessageExts()
			for _, message := range found {
				message.Queue = queue
			}
			box.take(found...)
			t.Equal("next offset", offset+int64(len(found)), result.NextBeginOffset)
			t.Equal("max offset", end, result.MaxOffset)
			offset = result.NextBeginOffset
		}
	}
	box.expectExactly(t, s)
}

// checkPullPoll: polled as a member of a group, each acknowledged.
func checkPullPoll(t *T) {
	topic := t.Topic(3)
	s := sendSync(t, t.Producer(), topic, "m", 60)
	c := startPull(t, topic)
	var box inbox
	deadline := time.Now().Add(arrivalLimit)
	for len(box.ids()) < 60 && time.Now().Before(deadline) {
		request, err := c.Poll(background, 500*time.Millisecond)
		if consumer.IsNoNewMsgError(err) {
			continue
		}
		t.Must(err)
		for _, message := range request.GetMsgList() {
			message.Queue = request.GetMQ()
		}
		box.take(request.GetMsgList()...)
		c.ACK(background, request, consumer.ConsumeSuccess)
	}
	box.expectExactly(t, s)
}
