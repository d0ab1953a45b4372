package main

import (
	"bytes"
	"fmt"
	"math/rand"
	"time"

	"github.com/apache/rocketmq-client-go/v2/primitive"
	"github.com/apache/rocketmq-client-go/v2/producer"
)

const (
	mib     = 1 << 20
	bodyMax = 4 * mib
)

var bodyChecks = []check{
	{"body-sizes", together, checkBodySizes},
	{"body-too-big", together, checkBodyTooBig},
	{"body-compressed", together, checkBodyCompressed},
	{"unicode", together, checkUnicode},
	{"properties", together, checkProperties},
}

// random gives the same bytes for the same size, and no compressing them.
func random(size int) []byte {
	body := make([]byte, size)
	rand.New(rand.NewSource(int64(size))).Read(body)
	return body
}

func uncompressed() producer.Option { return producer.WithCompressMsgBodyOverHowmuch(64 * mib) }

func checkBodySizes(t *T) {
	topic := t.Topic(1)
	p := t.Producer(uncompressed())
	sizes := []int{1, 1024, 64 * 1024, mib, bodyMax}
	for _, size := range sizes {
		_, err := p.SendSync(background, primitive.NewMessage(topic, random(size)))
		t.Must(err)
	}
	for _, message := range receive(t, topic, len(sizes)) {
		size := sizes[message.QueueOffset]
		if !bytes.Equal(random(size), message.Body) {
			t.Fatalf("the body of %d bytes differs", size)
		}
	}
}

// receive gives the messages of a topic that holds this many.
func receive(t *T, topic string, count int) []*primitive.MessageExt {
	var box inbox
	t.Consumer(t.Name("g"), topic, "*", &box)
	t.Eventually("messages", arrivalLimit, func() error {
		if len(box.all()) != count {
			return fmt.Errorf("%d instead of %d", len(box.all()), count)
		}
		return nil
	})
	return box.all()
}

// checkBodyTooBig: this client knows no limit of its own, so the broker refuses.
func checkBodyTooBig(t *T) {
	topic := t.Topic(1)
	p := t.Producer(uncompressed())
	result, err := p.SendSync(background, primitive.NewMessage(topic, random(bodyMax+1)))
	if err == nil {
		t.Fatalf("a body of %d bytes was taken: %v", bodyMax+1, result)
	}
	consumeExactly(t, topic, sendSync(t, p, topic, "m", 3))
}

func checkBodyCompressed(t *T) {
	topic := t.Topic(1)
	body := bytes.Repeat([]byte("RocketMQ "), 20_000)
	_, err := t.Producer().SendSync(background, primitive.NewMessage(topic, body))
	t.Must(err)
	message := receive(t, topic, 1)[0]
	if !bytes.Equal(body, message.Body) {
		t.Fatalf("the body differs")
	}
	if int(message.StoreSize) > len(body)/10 {
		t.Fatalf("bytes in the store: %d", message.StoreSize)
	}
}

// checkUnicode subscribes to everything: this client hashes tags by their UTF-8 bytes and the broker by UTF-16
// as Java does, so its tag filter finds no other tags than ASCII ones (seen with RocketMQ 5.5.0).
func checkUnicode(t *T) {
	topic := t.Topic(2)
	message := primitive.NewMessage(topic, []byte("Grüße, 世界 🌍"))
	message.WithTag("标签-é").WithKeys([]string{"ключ-🚀"})
	message.WithProperty("имя", "значение 🚀")
	result, err := t.Producer().SendSync(background, message)
	t.Must(err)
	s := newSent()
	s.add(t, message, result)
	var box inbox
	t.Consumer(t.Name("g"), topic, "*", &box)
	box.expectExactly(t, s)
	received := box.all()[0]
	t.Equal("tag", "标签-é", received.GetTags())
	t.Equal("keys", "ключ-🚀", received.GetKeys())
	t.Equal("property", "значение 🚀", received.GetProperty("имя"))
}

func checkProperties(t *T) {
	topic := t.Topic(1)
	message := primitive.NewMessage(topic, []byte("body")).WithTag("TagA").WithKeys([]string{"k1", "k2"})
	message.Flag = 0x1234_5678
	for i := range 100 {
		message.WithProperty(fmt.Sprintf("p%d", i), fmt.Sprintf("value %d", i))
	}
	before := time.Now().UnixMilli()
	result, err := t.Producer().SendSync(background, message)
	t.Must(err)
	after := time.Now().UnixMilli()
	received := receive(t, topic, 1)[0]
	for i := range 100 {
		name := fmt.Sprintf("p%d", i)
		t.Equal("property "+name, fmt.Sprintf("value %d", i), received.GetProperty(name))
	}
	t.Equal("flag", int32(0x1234_5678), received.Flag)
	t.Equal("tag", "TagA", received.GetTags())
	t.Equal("topic", topic, received.Topic)
	t.Equal("message id", result.MsgID, received.MsgId)
	if received.StoreTimestamp < before || received.StoreTimestamp > after {
		t.Fatalf("store time %d is not between %d and %d", received.StoreTimestamp, before, after)
	}
}
