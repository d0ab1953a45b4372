package main

import (
	"time"

	rocketmq "github.com/apache/rocketmq-client-go/v2"
	"github.com/apache/rocketmq-client-go/v2/consumer"
)

const sendTriesMax = 300

var restartChecks = []check{
	{"restart-messages", restart, checkRestartMessages},
	{"restart-offsets", restart, checkRestartOffsets},
	{"restart-clients-stay", restart, checkClientsStay},
	{"restart-orderly", restart, checkRestartOrderly},
	{"kill-acknowledged", kill, checkRestartMessages},
	{"kill-clients-stay", kill, checkClientsStay},
}

// checkRestartMessages: what was acknowledged is there, and new messages go behind it.
func checkRestartMessages(t *T) {
	topic := t.Topic(4)
	s := sendSync(t, t.Producer(), topic, "before", 100)
	t.AfterRestart(func() {
		s.addAll(sendSync(t, t.Producer(), topic, "after", 40))
		s.expectDenseOffsets(t)
		consumeExactly(t, topic, s)
	})
}

// checkRestartOffsets: a group that had consumed a part gets exactly the rest.
func checkRestartOffsets(t *T) {
	topic := t.Topic(4)
	group := t.Name("g")
	p := t.Producer()
	consumed := sendSync(t, p, topic, "consumed", 50)
	var box inbox
	c := t.Consumer(group, topic, "*", &box)
	box.expectExactly(t, consumed)
	t.Must(c.Shutdown())
	rest := sendSync(t, p, topic, "rest", 30)
	t.AfterRestart(func() {
		var boxAfter inbox
		t.Consumer(group, topic, "*", &boxAfter)
		boxAfter.expectExactly(t, rest)
	})
}

// checkClientsStay: producer and consumer live through it.
func checkClientsStay(t *T) {
	stay(t, func(*T, *inbox) {})
}

func checkRestartOrderly(t *T) {
	stay(t, func(t *T, box *inbox) { box.expectOrderInQueues(t) }, consumer.WithConsumerOrder(true))
}

func stay(t *T, then func(*T, *inbox), options ...consumer.Option) {
	topic := t.Topic(4)
	p := t.Producer()
	box := &inbox{}
	t.Consumer(t.Name("g"), topic, "*", box, options...)
	s := sendSync(t, p, topic, "before", 20)
	box.expectExactly(t, s)
	t.AfterRestart(func() {
		s.addAll(sendPatiently(t, p, topic, "after", 40))
		box.awaitAll(t, s)
		then(t, box)
	})
}

// sendPatiently sends one by one; a try that fails while connections come back is made again.
func sendPatiently(t *T, p rocketmq.Producer, topic, stem string, count int) *sent {
	s := newSent()
	failures := 0
	for _, message := range messages(topic, stem, count) {
		for {
			result, err := p.SendSync(background, message)
			if err == nil {
				s.add(t, message, result)
				break
			}
			if failures++; failures == sendTriesMax {
				t.Must(err)
			}
			time.Sleep(200 * time.Millisecond)
		}
	}
	return s
}
