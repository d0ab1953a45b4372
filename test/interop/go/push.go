package main

import (
	"fmt"
	"slices"
	"time"

	"github.com/apache/rocketmq-client-go/v2/consumer"
	"github.com/apache/rocketmq-client-go/v2/primitive"
	"github.com/apache/rocketmq-client-go/v2/producer"
)

// atOnce: without being woken a held pull looks again after 5 s; slower than this is not woken, or the machine stalled.
const atOnce = 3 * time.Second

var pushChecks = []check{
	{"push-concurrent", together, checkPushConcurrent},
	{"push-orderly", together, checkPushOrderly},
	{"push-tags", together, checkPushTags},
	{"push-at-once", together, checkPushAtOnce},
	{"push-resume", together, checkPushResume},
	{"push-two-groups", together, checkPushTwoGroups},
	{"broadcast", together, checkBroadcast},
}

func checkPushConcurrent(t *T) {
	topic := t.Topic(4)
	s := sendSync(t, t.Producer(), topic, "m", 200)
	t.Equal("queues used", 4, len(s.countByQueue()))
	consumeExactly(t, topic, s)
}

func checkPushOrderly(t *T) {
	topic := t.Topic(8)
	s := toEveryQueue(t, topic, 8, "m", 40)
	var box inbox
	t.Consumer(t.Name("g"), topic, "*", &box, consumer.WithConsumerOrder(true))
	box.expectExactly(t, s)
	box.expectOrderInQueues(t)
	t.Equal("queues", 8, len(box.byQueue()))
}

// toEveryQueue sends count messages to each queue.
func toEveryQueue(t *T, topic string, queueCount int, stem string, count int) *sent {
	p := t.Producer(byHand(), producer.WithGroupName(t.Name("p-"+stem)))
	queues, err := t.Admin().FetchPublishMessageQueues(background, topic)
	t.Must(err)
	t.Equal("queues", queueCount, len(queues))
	s := newSent()
	for _, queue := range queues {
		for _, message := range messages(topic, fmt.Sprintf("%s-q%d", stem, queue.QueueId), count) {
			message.Queue = queue
			result, err := p.SendSync(background, message)
			t.Must(err)
			s.add(t, message, result)
		}
	}
	return s
}

// checkPushTags: the hashes of AaAa and BBBB are equal, the tags are not.
func checkPushTags(t *T) {
	topic := t.Topic(3)
	p := t.Producer()
	byTag := map[string]*sent{}
	for _, tag := range []string{"AaAa", "BBBB", "TagA", "TagB"} {
		byTag[tag] = newSent()
		for _, message := range messages(topic, tag, 20) {
			result, err := p.SendSync(background, message.WithTag(tag))
			t.Must(err)
			byTag[tag].add(t, message, result)
		}
	}
	expected := map[string][]string{
		"AaAa":         {"AaAa"},
		"TagA || TagB": {"TagA", "TagB"},
		"BBBB||TagB":   {"BBBB", "TagB"},
		"TagC":         {},
		"*":            {"AaAa", "BBBB", "TagA", "TagB"},
	}
	boxes := map[string]*inbox{}
	for expression := range expected {
		boxes[expression] = &inbox{}
		t.Consumer(t.Name(fmt.Sprintf("g%d", len(boxes))), topic, expression, boxes[expression])
	}
	for expression, tags := range expected {
		wanted := newSent()
		for _, tag := range tags {
			wanted.addAll(byTag[tag])
		}
		boxes[expression].expectExactly(t, wanted)
	}
}

// checkPushAtOnce: a pull that is held is woken by the message it waits for.
func checkPushAtOnce(t *T) {
	topic := t.Topic(4)
	arrived := make(chan time.Time, 1)
	c, err := newConsumer(t.Name("g"), topic, "*", func(_ ...*primitive.MessageExt) { arrived <- time.Now() })
	t.Must(err)
	t.Cleanup(func() { _ = c.Shutdown() })
	p := t.Producer()
	time.Sleep(3 * time.Second) // every queue's first pull is held by now
	var took []time.Duration
	for _, message := range messages(topic, "m", 12) {
		departed := time.Now()
		_, err := p.SendSync(background, message)
		t.Must(err)
		select {
		case at := <-arrived:
			took = append(took, at.Sub(departed))
		case <-time.After(arrivalLimit):
			t.Fatalf("%s did not come", message.Body)
		}
	}
	slices.Sort(took)
	if took[len(took)/2] > atOnce {
		t.Fatalf("most took longer than %v: %v", atOnce, took)
	}
}

// checkPushResume: a group that comes back goes on where it stopped.
func checkPushResume(t *T) {
	topic := t.Topic(4)
	group := t.Name("g")
	p := t.Producer()
	first := sendSync(t, p, topic, "first", 30)
	var box inbox
	c := t.Consumer(group, topic, "*", &box)
	box.expectExactly(t, first)
	t.Must(c.Shutdown())
	second := sendSync(t, p, topic, "second", 30)
	var boxAfter inbox
	t.Consumer(group, topic, "*", &boxAfter)
	boxAfter.expectExactly(t, second)
}

func checkPushTwoGroups(t *T) {
	topic := t.Topic(3)
	boxes := []*inbox{{}, {}}
	for i, box := range boxes {
		t.Consumer(t.Name(fmt.Sprintf("g%d", i)), topic, "*", box)
	}
	s := sendSync(t, t.Producer(), topic, "m", 60)
	for _, box := range boxes {
		box.expectExactly(t, s)
	}
}

// checkBroadcast: every member gets everything.
func checkBroadcast(t *T) {
	topic := t.Topic(3)
	boxes := []*inbox{{}, {}}
	for _, box := range boxes {
		t.Consumer(t.Name("g"), topic, "*", box, consumer.WithConsumerModel(consumer.BroadCasting))
	}
	s := sendSync(t, t.Producer(), topic, "m", 60)
	for _, box := range boxes {
		box.expectExactly(t, s)
	}
}
