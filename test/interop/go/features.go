package main

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	rocketmq "github.com/apache/rocketmq-client-go/v2"
	"github.com/apache/rocketmq-client-go/v2/consumer"
	"github.com/apache/rocketmq-client-go/v2/primitive"
	"github.com/apache/rocketmq-client-go/v2/producer"
)

const (
	// levelTime: the broker of these checks has levels of as many seconds; a first retry waits level 3.
	levelTime  = time.Second
	firstRetry = 3
	// lateLimit is how late a message may be where the machine is busy.
	lateLimit = 15 * time.Second
	// retryTopicLimit: the Go client looks for a new retry topic only every 20 s, and then a held pull may follow.
	retryTopicLimit = 80 * time.Second
)

// featureChecks show what a broker does beyond storing and handing out. Not requests: this client makes replies
// without a body, and cannot be found for its own ones before its first heartbeat.
var featureChecks = []check{
	// What waits longest goes first.
	{"retry-dead-letter", together, checkRetryDeadLetter},
	{"retry-later", together, checkRetryLater},
	{"transaction-checked", together, checkTransactionChecked},
	{"transaction-ended", together, checkTransactionEnded},
	{"delay-levels", together, checkDelayLevels},
	{"filter-sql", together, checkFilterSQL},
	{"delay-over-kill", kill, checkDelayOverKill},
}

// delivery is one of a message to a consumer.
type delivery struct {
	id    string
	times int32
	topic string
	at    time.Time
}

// deliveries holds all of them, also those of messages that the consumer does not want yet.
type deliveries struct {
	mutex sync.Mutex
	all   []delivery
}

func (d *deliveries) add(message *primitive.MessageExt) int {
	d.mutex.Lock()
	defer d.mutex.Unlock()
	id := string(message.Body)
	before := 0
	for _, earlier := range d.all {
		if earlier.id == id {
			before++
		}
	}
	d.all = append(d.all, delivery{id, message.ReconsumeTimes, message.Topic, time.Now()})
	return before
}

func (d *deliveries) list() []delivery {
	d.mutex.Lock()
	defer d.mutex.Unlock()
	return slices.Clone(d.all)
}

// awaitCount waits for so many deliveries, and looks whether there are more.
func (d *deliveries) awaitCount(t *T, count int) []delivery {
	t.Eventually("deliveries", arrivalLimit, func() error {
		if came := len(d.list()); came < count {
			return fmt.Errorf("%d of %d", came, count)
		}
		return nil
	})
	time.Sleep(silence)
	t.Equal("deliveries", count, len(d.list()))
	return d.list()
}

// consume starts a consumer of a new group; take says whether it is done with the delivery, of which there were
// so many before.
func consume(
	t *T, topic string, selector consumer.MessageSelector, d *deliveries,
	take func(before int) consumer.ConsumeResult, options ...consumer.Option,
) {
	c, err := rocketmq.NewPushConsumer(append([]consumer.Option{
		consumer.WithNsResolver(resolver),
		consumer.WithInstance(instance()),
		consumer.WithGroupName(t.Name("g")),
		consumer.WithConsumeFromWhere(consumer.ConsumeFromFirstOffset),
	}, options...)...)
	t.Must(err)
	t.Must(c.Subscribe(topic, selector,
		func(_ context.Context, messages ...*primitive.MessageExt) (consumer.ConsumeResult, error) {
			return take(d.add(messages[0])), nil
		}))
	t.Must(c.Start())
	t.Cleanup(func() { _ = c.Shutdown() })
}

func everything() consumer.MessageSelector { return consumer.MessageSelector{} }

func done(int) consumer.ConsumeResult { return consumer.ConsumeSuccess }

// sendDelayed notes when each message may come at the earliest.
func sendDelayed(t *T, topic string, level, count int, due map[string]time.Time) {
	p := t.Producer(producer.WithGroupName(t.Name(fmt.Sprintf("p%d", level))))
	for _, message := range messages(topic, fmt.Sprintf("l%d", level), count) {
		message.WithDelayTimeLevel(level)
		due[string(message.Body)] = time.Now().Add(time.Duration(level) * levelTime)
		_, err := p.SendSync(background, message)
		t.Must(err)
	}
}

func checkDelayLevels(t *T) {
	topic := t.Topic(4)
	var d deliveries
	consume(t, topic, everything(), &d, done)
	due := map[string]time.Time{}
	for level := range 4 {
		sendDelayed(t, topic, level+1, 10, due)
	}
	for _, came := range d.awaitCount(t, len(due)) {
		if late := came.at.Sub(due[came.id]); late < 0 || late > lateLimit {
			t.Fatalf("%s came %v after its time", came.id, late)
		}
	}
}

func checkDelayOverKill(t *T) {
	topic := t.Topic(2)
	due := map[string]time.Time{}
	sendDelayed(t, topic, 1, 20, due)
	sendDelayed(t, topic, 6, 20, due)
	t.AfterRestart(func() {
		var d deliveries
		consume(t, topic, everything(), &d, done)
		t.Eventually("messages", arrivalLimit, func() error {
			came := map[string]bool{}
			for _, each := range d.list() {
				came[each.id] = true
			}
			if len(came) < len(due) {
				return fmt.Errorf("%d of %d", len(came), len(due))
			}
			return nil
		})
		for _, came := range d.list() {
			if came.at.Before(due[came.id]) {
				t.Fatalf("%s came %v before its time", came.id, due[came.id].Sub(came.at))
			}
		}
	})
}

func checkRetryLater(t *T) {
	topic := t.Topic(2)
	var d deliveries
	consume(t, topic, everything(), &d, func(before int) consumer.ConsumeResult {
		if before < 2 {
			return consumer.ConsumeRetryLater
		}
		return consumer.ConsumeSuccess
	})
	s := sendSync(t, t.Producer(), topic, "m", 6)
	came := d.awaitCount(t, 3*len(s.places))
	for id := range s.places {
		tries := slices.DeleteFunc(slices.Clone(came), func(each delivery) bool { return each.id != id })
		t.Equal("tries of "+id, 3, len(tries))
		for i, try := range tries {
			t.Equal("counted tries", int32(i), try.times)
			t.Equal("topic that is shown", topic, try.topic)
			if i == 0 {
				continue
			}
			least := time.Duration(firstRetry+i-1) * levelTime
			if waited := try.at.Sub(tries[i-1].at); waited < least || waited > least+retryTopicLimit {
				t.Fatalf("%s came again after %v", id, waited)
			}
		}
	}
}

func checkRetryDeadLetter(t *T) {
	topic := t.Topic(1)
	var d deliveries
	consume(t, topic, everything(), &d,
		func(int) consumer.ConsumeResult { return consumer.ConsumeRetryLater },
		consumer.WithMaxReconsumeTimes(1))
	s := sendSync(t, t.Producer(), topic, "m", 4)
	d.awaitCount(t, 2*len(s.places))
	var box inbox
	c, err := newConsumer(t.Name("undertaker"), "%DLQ%"+t.Name("g"), "*", box.take)
	t.Must(err)
	t.Cleanup(func() { _ = c.Shutdown() })
	box.awaitAll(t, s)
	for _, letter := range box.all() {
		t.Equal("origin of "+letter.String(), topic, letter.GetProperty(primitive.PropertyRetryTopic))
	}
}

// ends answers for a transaction by its message's last digit, or does not know.
type ends struct {
	known   bool
	mutex   sync.Mutex
	checked map[string]int
}

func (e *ends) ExecuteLocalTransaction(message *primitive.Message) primitive.LocalTransactionState {
	if !e.known {
		return primitive.UnknowState
	}
	return evenCommits(message.Body)
}

func (e *ends) CheckLocalTransaction(message *primitive.MessageExt) primitive.LocalTransactionState {
	e.mutex.Lock()
	defer e.mutex.Unlock()
	e.checked[string(message.Body)]++
	return evenCommits(message.Body)
}

func evenCommits(body []byte) primitive.LocalTransactionState {
	if (body[len(body)-1]-'0')%2 == 0 {
		return primitive.CommitMessageState
	}
	return primitive.RollbackMessageState
}

// checkTransactions sends six transactions, of which every other one is committed.
func checkTransactions(t *T, known bool) *ends {
	topic := t.Topic(1)
	var d deliveries
	consume(t, topic, everything(), &d, done)
	listener := &ends{known: known, checked: map[string]int{}}
	p, err := rocketmq.NewTransactionProducer(listener,
		producer.WithNsResolver(resolver),
		producer.WithInstanceName(instance()),
		producer.WithGroupName(t.Name("p")),
		producer.WithSendMsgTimeout(sendLimit))
	t.Must(err)
	t.Must(p.Start())
	t.Cleanup(func() { _ = p.Shutdown() })
	for _, message := range messages(topic, "m", 6) {
		_, err := p.SendMessageInTransaction(background, message)
		t.Must(err)
	}
	ids := map[string]bool{}
	for _, came := range d.awaitCount(t, 3) {
		ids[came.id] = true
	}
	t.Equal("committed", map[string]bool{"m-0": true, "m-2": true, "m-4": true}, ids)
	return listener
}

func checkTransactionEnded(t *T) {
	t.Equal("questions", map[string]int{}, checkTransactions(t, true).checked)
}

func checkTransactionChecked(t *T) {
	listener := checkTransactions(t, false)
	t.Eventually("questions", patience, func() error {
		listener.mutex.Lock()
		defer listener.mutex.Unlock()
		if len(listener.checked) < 6 {
			return fmt.Errorf("asked about %v", listener.checked)
		}
		return nil
	})
}

func checkFilterSQL(t *T) {
	topic := t.Topic(2)
	p := t.Producer()
	wanted := map[string]bool{}
	for i, message := range messages(topic, "m", 40) {
		message.WithProperty("number", fmt.Sprint(i))
		if i%3 == 0 {
			message.WithProperty("mark", "yes")
		}
		if i >= 10 && i < 20 && i%3 == 0 {
			wanted[string(message.Body)] = true
		}
		_, err := p.SendSync(background, message)
		t.Must(err)
	}
	var d deliveries
	consume(t, topic, consumer.MessageSelector{
		Type:       consumer.SQL92,
		Expression: "number BETWEEN 10 AND 19 AND mark IS NOT NULL",
	}, &d, done)
	found := map[string]bool{}
	for _, came := range d.awaitCount(t, len(wanted)) {
		found[came.id] = true
	}
	t.Equal("found", wanted, found)
}
