package main

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"sync"

	"github.com/apache/rocketmq-client-go/v2/primitive"
	"github.com/apache/rocketmq-client-go/v2/producer"
)

var sendChecks = []check{
	{"send-sync", together, checkSendSync},
	{"send-async", together, checkSendAsync},
	{"send-oneway", together, checkSendOneway},
	{"send-batch", together, checkSendBatch},
	{"send-selector", together, checkSendSelector},
	{"send-auto-create", together, checkSendAutoCreate},
}

func checkSendSync(t *T) {
	topic := t.Topic(4)
	s := sendSync(t, t.Producer(), topic, "m", 41)
	t.Equal("queues used", 4, len(s.countByQueue()))
	s.expectDenseOffsets(t)
	consumeExactly(t, topic, s)
}

// consumeExactly: a new group is given exactly this.
func consumeExactly(t *T, topic string, s *sent) {
	var box inbox
	t.Consumer(t.Name("g"), topic, "*", &box)
	box.expectExactly(t, s)
}

func checkSendAsync(t *T) {
	topic := t.Topic(4)
	p := t.Producer()
	s := newSent()
	problems := make(chan error, 200)
	var answers sync.WaitGroup
	for _, message := range messages(topic, "m", 200) {
		answers.Add(1)
		t.Must(p.SendAsync(background, func(_ context.Context, result *primitive.SendResult, err error) {
			defer answers.Done()
			if err != nil {
				problems <- err
				return
			}
			s.put(string(message.Body), place{result.MessageQueue.QueueId, result.QueueOffset, result.MsgID})
		}, message))
	}
	answers.Wait()
	if len(problems) > 0 {
		t.Fatalf("%d sends failed, the first: %v", len(problems), <-problems)
	}
	s.expectDenseOffsets(t)
	consumeExactly(t, topic, s)
}

func checkSendOneway(t *T) {
	topic := t.Topic(4)
	p := t.Producer()
	s := newSent()
	for _, message := range messages(topic, "m", 100) {
		t.Must(p.SendOneWay(background, message))
		s.put(string(message.Body), place{queueID: -1})
	}
	consumeExactly(t, topic, s)
}

func checkSendBatch(t *T) {
	topic := t.Topic(4)
	p := t.Producer()
	s := newSent()
	for round := range 3 {
		batch := messages(topic, fmt.Sprintf("b%d", round), 50)
		for i, message := range batch {
			message.WithTag("tag" + strconv.Itoa(i))
		}
		result, err := p.SendSync(background, batch...)
		t.Must(err)
		t.Equal("status", primitive.SendOK, result.Status)
		t.Equal("offset ids in the answer", 50, len(strings.Split(result.OffsetMsgID, ",")))
		for i, message := range batch {
			s.put(string(message.Body), place{result.MessageQueue.QueueId, result.QueueOffset + int64(i), ""})
		}
	}
	var box inbox
	t.Consumer(t.Name("g"), topic, "*", &box)
	box.expectExactly(t, s)
	for _, message := range box.all() {
		_, number, _ := strings.Cut(string(message.Body), "-")
		t.Equal("tag of "+string(message.Body), "tag"+number, message.GetTags())
		t.Equal("key of "+string(message.Body), string(message.Body), message.GetKeys())
	}
}

// checkSendSelector: by hand to the queue that was chosen, and by hash to one queue for one order.
func checkSendSelector(t *T) {
	topic := t.Topic(5)
	chooser := t.Producer(byHand(), producer.WithGroupName(t.Name("p1")))
	queues, err := t.Admin().FetchPublishMessageQueues(background, topic)
	t.Must(err)
	s := newSent()
	for i, message := range messages(topic, "hand", 50) {
		message.Queue = queues[i%5]
		result, err := chooser.SendSync(background, message)
		t.Must(err)
		t.Equal("queue of "+string(message.Body), queues[i%5].QueueId, result.MessageQueue.QueueId)
		s.add(t, message, result)
	}
	byHash := producer.WithQueueSelector(producer.NewHashQueueSelector())
	hasher := t.Producer(byHash, producer.WithGroupName(t.Name("p2")))
	order := newSent()
	for _, message := range messages(topic, "hash", 10) {
		result, err := hasher.SendSync(background, message.WithShardingKey("order 4711"))
		t.Must(err)
		order.add(t, message, result)
	}
	t.Equal("queues of one order", 1, len(order.countByQueue()))
	s.addAll(order)
	s.expectDenseOffsets(t)
	consumeExactly(t, topic, s)
}

// byHand sends each message to the queue it names.
func byHand() producer.Option { return producer.WithQueueSelector(producer.NewManualQueueSelector()) }

// checkSendAutoCreate: the first message to an unknown topic makes it, with the client's four queues.
func checkSendAutoCreate(t *T) {
	topic := t.Name("new")
	s := sendSync(t, t.Producer(), topic, "m", 8)
	tools := t.Admin()
	t.Eventually("queues", patience, func() error {
		queues, err := tools.FetchPublishMessageQueues(background, topic)
		if err == nil && len(queues) != 4 {
			err = fmt.Errorf("there are %d", len(queues))
		}
		return err
	})
	consumeExactly(t, topic, s)
}
