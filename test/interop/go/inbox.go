package main

import (
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/apache/rocketmq-client-go/v2/primitive"
)

// inbox holds what a consumer was given, in the order of arrival.
type inbox struct {
	mutex    sync.Mutex
	messages []*primitive.MessageExt
}

func (box *inbox) take(messages ...*primitive.MessageExt) {
	box.mutex.Lock()
	defer box.mutex.Unlock()
	box.messages = append(box.messages, messages...)
}

func (box *inbox) all() []*primitive.MessageExt {
	box.mutex.Lock()
	defer box.mutex.Unlock()
	return slices.Clone(box.messages)
}

func (box *inbox) ids() map[string]int {
	counts := map[string]int{}
	for _, message := range box.all() {
		counts[string(message.Body)]++
	}
	return counts
}

// awaitAll waits until everything that was sent has come; what came twice, or besides, is no matter here.
func (box *inbox) awaitAll(t *T, sent *sent) {
	t.Eventually("messages to come", arrivalLimit, func() error {
		ids := box.ids()
		var missing []string
		for id := range sent.places {
			if ids[id] == 0 {
				missing = append(missing, id)
			}
		}
		if len(missing) == 0 {
			return nil
		}
		slices.Sort(missing)
		some := missing[:min(5, len(missing))]
		return fmt.Errorf("%d of %d are missing, among them %v", len(missing), len(sent.places), some)
	})
}

// expectExactly: all that was sent comes, each once, nothing else, and from the place the broker had named.
func (box *inbox) expectExactly(t *T, sent *sent) {
	box.awaitAll(t, sent)
	time.Sleep(silence)
	for id, count := range box.ids() {
		if count > 1 {
			t.Fatalf("%s came %d times", id, count)
		}
	}
	for _, message := range box.all() {
		id := string(message.Body)
		at, known := sent.places[id]
		if !known {
			t.Fatalf("a message came that was not sent: %v", message)
		}
		if at.queueID < 0 {
			continue
		}
		t.Equal("queue of "+id, at.queueID, message.Queue.QueueId)
		t.Equal("queue offset of "+id, at.offset, message.QueueOffset)
		if at.id != "" {
			t.Equal("id of "+id, at.id, message.MsgId)
		}
	}
}

// byQueue gives the first arrivals of each queue's messages in their order.
func (box *inbox) byQueue() map[int][]int64 {
	offsets := map[int][]int64{}
	for _, message := range box.all() {
		id := message.Queue.QueueId
		if !slices.Contains(offsets[id], message.QueueOffset) {
			offsets[id] = append(offsets[id], message.QueueOffset)
		}
	}
	return offsets
}

// expectOrderInQueues: within each queue messages came in the order of their offsets.
func (box *inbox) expectOrderInQueues(t *T) {
	for id, offsets := range box.byQueue() {
		if !slices.IsSorted(offsets) {
			t.Fatalf("order of queue %d: %v", id, offsets)
		}
	}
}
