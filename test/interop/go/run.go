package main

import (
	"bufio"
	"fmt"
	"os"
	"runtime/debug"
	"strings"
	"sync"
	"time"
)

const (
	checkLimit = 240 * time.Second
	sideBySide = 6
)

// phase says when a check runs.
type phase int

const (
	// together: beside others, it touches only topics and groups of its own.
	together phase = iota
	// restart: in two halves, with a clean restart of the broker between.
	restart
	// kill: in two halves, with a kill -9 and a start of the broker between.
	kill
)

// check is one claim about the broker. What body hands to T.AfterRestart goes on after the broker came back.
type check struct {
	name  string
	phase phase
	body  func(*T)
}

// running is a check on its way.
type running struct {
	check
	t     *T
	spent time.Duration
}

// runAll runs the checks phase by phase and reports each of them once.
func runAll(checks []check) {
	names := make([]string, 0, len(checks))
	for _, c := range checks {
		names = append(names, c.name)
	}
	say("@plan " + strings.Join(names, " "))
	answers := bufio.NewScanner(os.Stdin)
	for _, p := range []phase{together, restart, kill} {
		var ours []*running
		for _, c := range checks {
			if c.phase == p {
				ours = append(ours, &running{check: c, t: &T{check: c.name}})
			}
		}
		if len(ours) > 0 {
			runPhase(p, ours, answers)
		}
	}
}

func runPhase(p phase, checks []*running, answers *bufio.Scanner) {
	going := each(checks, func(r *running) { r.body(r.t) })
	if p != together {
		if err := askRunner(p, answers); err != nil {
			for _, r := range going {
				r.failed(err)
			}
			return
		}
		going = each(going, func(r *running) { r.t.rest() })
	}
	for _, r := range going {
		say(fmt.Sprintf("@ok %s %d", r.name, r.spent.Milliseconds()))
		r.t.end()
	}
}

// askRunner has the runner of the suite (runner/program.mjs) stop or kill the broker and start it again.
func askRunner(p phase, answers *bufio.Scanner) error {
	request := map[phase]string{restart: "@restart", kill: "@kill"}[p]
	say(request)
	if !answers.Scan() || answers.Text() != "@done" {
		return fmt.Errorf("%s was answered: %s", request, answers.Text())
	}
	return nil
}

// each takes a step of every check, some side by side. It reports those that failed and returns the others.
func each(checks []*running, step func(*running)) []*running {
	var (
		going []*running
		mutex sync.Mutex
		group sync.WaitGroup
	)
	places := make(chan struct{}, sideBySide)
	for _, r := range checks {
		places <- struct{}{}
		group.Add(1)
		go func() {
			defer group.Done()
			defer func() { <-places }()
			if err := r.take(step); err != nil {
				r.failed(err)
				return
			}
			mutex.Lock()
			defer mutex.Unlock()
			going = append(going, r)
		}()
	}
	group.Wait()
	return going
}

// take gives the step its time and no more.
func (r *running) take(step func(*running)) error {
	start := time.Now()
	defer func() { r.spent += time.Since(start) }()
	end := make(chan error, 1)
	go func() {
		defer func() {
			switch reason := recover().(type) {
			case nil:
				end <- nil
			case failure:
				end <- reason
			default:
				end <- fmt.Errorf("panic: %v\n%s", reason, debug.Stack())
			}
		}()
		step(r)
	}()
	select {
	case err := <-end:
		return err
	case <-time.After(checkLimit):
		return fmt.Errorf("not done after %v", checkLimit)
	}
}

func (r *running) failed(err error) {
	say(fmt.Sprintf("@not-ok %s %s", r.name, strings.ReplaceAll(err.Error(), "\n", " | ")))
	r.t.end()
}

var sayMutex sync.Mutex

func say(line string) {
	sayMutex.Lock()
	defer sayMutex.Unlock()
	fmt.Println(line)
}
