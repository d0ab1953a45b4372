package main

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync"
	"time"

	"github.com/apache/rocketmq-client-go/v2/primitive"
)

// told: a client looks by itself every 20 s from its start on; the checks change a group soon after that, so sooner
// than this it was told by the broker.
const told = 17 * time.Second

var rebalanceChecks = []check{
	{"rebalance-two", together, checkRebalanceTwo},
	{"rebalance-one-killed", together, checkRebalanceOneKilled},
}

// checkRebalanceTwo: a second member comes and goes.
func checkRebalanceTwo(t *T) {
	topic := t.Topic(8)
	group := t.Name("g")
	var a, b inbox
	t.Consumer(group, topic, "*", &a)
	second := t.Consumer(group, topic, "*", &b)
	awaitShares(t, topic, 8, "two", map[*inbox]int{&a: 4, &b: 4})
	t.Must(second.Shutdown())
	awaitShares(t, topic, 8, "one", map[*inbox]int{&a: 8, &b: 0})
}

// awaitShares sends rounds of a message a queue until a round is shared so; no message may be lost.
func awaitShares(t *T, topic string, queueCount int, stem string, shares map[*inbox]int) {
	all := newSent()
	var boxes []*inbox
	for box := range shares {
		boxes = append(boxes, box)
	}
	round := 0
	t.Eventually("shares of the members", told, func() error {
		round++
		s := toEveryQueue(t, topic, queueCount, fmt.Sprintf("%s%d", stem, round), 1)
		all.addAll(s)
		for deadline := time.Now().Add(told); !allCame(boxes, s) && time.Now().Before(deadline); {
			time.Sleep(20 * time.Millisecond)
		}
		time.Sleep(100 * time.Millisecond) // may a second member be given it too?
		for box, share := range shares {
			if got := countOf(box, s); got != share {
				return fmt.Errorf("in round %d a member was given %d instead of %d", round, got, share)
			}
		}
		return nil
	})
	t.Eventually("messages of all rounds", arrivalLimit, func() error {
		if !allCame(boxes, all) {
			return fmt.Errorf("some of %d did not come", len(all.places))
		}
		return nil
	})
}

// allCame says whether each of these messages was given to one of the members.
func allCame(boxes []*inbox, s *sent) bool {
	came := map[string]bool{}
	for _, box := range boxes {
		for id := range box.ids() {
			came[id] = true
		}
	}
	for id := range s.places {
		if !came[id] {
			return false
		}
	}
	return true
}

func countOf(box *inbox, s *sent) int {
	count := 0
	ids := box.ids()
	for id := range s.places {
		if ids[id] > 0 {
			count++
		}
	}
	return count
}

// checkRebalanceOneKilled: the other member is another process, and dies by kill -9 while messages flow.
func checkRebalanceOneKilled(t *T) {
	topic := t.Topic(6)
	group := t.Name("g")
	var box inbox
	t.Consumer(group, topic, "*", &box)
	other := startWorker(t, topic, group)
	p := t.Producer()
	t.Eventually("messages for the other process", patience, func() error {
		sendSync(t, p, topic, "early", 6)
		if other.count() == 0 {
			return fmt.Errorf("it was given none")
		}
		return nil
	})
	s := newSent()
	for i, message := range messages(topic, "m", 400) {
		result, err := p.SendSync(background, message)
		t.Must(err)
		s.add(t, message, result)
		if i == 200 {
			other.kill()
		}
		time.Sleep(3 * time.Millisecond)
	}
	t.Equal("queues written", 6, len(s.countByQueue()))
	// What the killed member had consumed but not committed comes again; nothing may be missing.
	for id := range s.places {
		if other.has(id) {
			delete(s.places, id)
		}
	}
	box.awaitAll(t, s)
	awaitShares(t, topic, 6, "alone", map[*inbox]int{&box: 6})
}

// worker is a consumer in a process of its own.
type worker struct {
	command *exec.Cmd
	done    chan struct{}
	mutex   sync.Mutex
	ids     map[string]bool
}

func startWorker(t *T, topic, group string) *worker {
	w := &worker{
		command: exec.Command(os.Args[0], "worker", topic, group),
		done:    make(chan struct{}),
		ids:     map[string]bool{},
	}
	w.command.Stderr = os.Stderr
	_, err := w.command.StdinPipe() // the worker ends when this end of the pipe is gone
	t.Must(err)
	lines, err := w.command.StdoutPipe()
	t.Must(err)
	t.Must(w.command.Start())
	t.Cleanup(w.kill)
	go func() {
		defer close(w.done)
		for scanner := bufio.NewScanner(lines); scanner.Scan(); {
			if id, found := strings.CutPrefix(scanner.Text(), "got "); found {
				w.mutex.Lock()
				w.ids[id] = true
				w.mutex.Unlock()
			}
		}
	}()
	return w
}

func (w *worker) has(id string) bool {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	return w.ids[id]
}

func (w *worker) count() int {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	return len(w.ids)
}

// kill is kill -9; afterwards everything the process had written is read.
func (w *worker) kill() {
	_ = w.command.Process.Kill() // it may be dead already
	<-w.done
	_ = w.command.Wait()
}

// runWorker is the process itself: it writes an id before it acknowledges the message.
func runWorker(topic, group string) {
	_, err := newConsumer(group, topic, "*", func(messages ...*primitive.MessageExt) {
		for _, message := range messages {
			say("got " + string(message.Body))
		}
	})
	if err != nil {
		panic(err)
	}
	_, _ = os.Stdin.Read(make([]byte, 1))
}
