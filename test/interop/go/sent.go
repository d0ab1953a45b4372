package main

import (
	"fmt"
	"slices"
	"sync"

	rocketmq "github.com/apache/rocketmq-client-go/v2"
	"github.com/apache/rocketmq-client-go/v2/primitive"
)

// place is where the broker said a message lies; queueID -1 where it named none (one-way).
type place struct {
	queueID int
	offset  int64
	id      string
}

// sent holds what the broker acknowledged: the id in a message's body -> its place. Bodies are ids.
type sent struct {
	mutex  sync.Mutex
	places map[string]place
}

func newSent() *sent { return &sent{places: map[string]place{}} }

// sendSync sends count messages one by one; ids are stem-0, stem-1, ...
func sendSync(t *T, p rocketmq.Producer, topic, stem string, count int) *sent {
	s := newSent()
	for _, message := range messages(topic, stem, count) {
		result, err := p.SendSync(background, message)
		t.Must(err)
		s.add(t, message, result)
	}
	return s
}

func messages(topic, stem string, count int) []*primitive.Message {
	all := make([]*primitive.Message, 0, count)
	for i := range count {
		id := fmt.Sprintf("%s-%d", stem, i)
		all = append(all, primitive.NewMessage(topic, []byte(id)).WithKeys([]string{id}))
	}
	return all
}

func (s *sent) add(t *T, message *primitive.Message, result *primitive.SendResult) {
	t.Equal("send status", primitive.SendOK, result.Status)
	s.put(string(message.Body), place{result.MessageQueue.QueueId, result.QueueOffset, result.MsgID})
}

func (s *sent) put(id string, at place) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	s.places[id] = at
}

func (s *sent) addAll(other *sent) {
	for id, at := range other.places {
		s.put(id, at)
	}
}

func (s *sent) countByQueue() map[int]int {
	counts := map[int]int{}
	for _, at := range s.places {
		counts[at.queueID]++
	}
	return counts
}

// expectDenseOffsets: the answered offsets fill each queue from 0 on without a hole or a double.
func (s *sent) expectDenseOffsets(t *T) {
	offsets := map[int][]int64{}
	for _, at := range s.places {
		offsets[at.queueID] = append(offsets[at.queueID], at.offset)
	}
	for id, found := range offsets {
		slices.Sort(found)
		for i, offset := range found {
			t.Equal(fmt.Sprintf("answered offset %d of queue %d", i, id), int64(i), offset)
		}
	}
}
