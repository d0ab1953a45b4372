package main

import (
	"os"
	"slices"
	"time"

	"github.com/apache/rocketmq-client-go/v2/admin"
)

var adminChecks = []check{
	{"admin-topic-life", together, checkTopicLife},
	{"admin-groups", together, checkGroups},
}

// checkTopicLife: a topic is made, listed and deleted.
func checkTopicLife(t *T) {
	topic := t.Topic(3)
	tools := t.Admin()
	list, err := tools.FetchAllTopicList(background)
	t.Must(err)
	if !slices.Contains(list.TopicList, topic) || !slices.Contains(list.TopicList, "TBW102") {
		t.Fatalf("%s or TBW102 is not among %v", topic, list.TopicList)
	}
	consumeExactly(t, topic, sendSync(t, t.Producer(), topic, "m", 6))
	broker := admin.WithBrokerAddrDelete(os.Getenv("BROKER_ADDR"))
	t.Must(tools.DeleteTopic(background, admin.WithTopicDelete(topic), broker))
	list, err = tools.FetchAllTopicList(background)
	t.Must(err)
	if slices.Contains(list.TopicList, topic) {
		t.Fatalf("%s was deleted and is still listed", topic)
	}
}

// checkGroups: a group that consumed is among the broker's groups, with its settings.
func checkGroups(t *T) {
	topic := t.Topic(1)
	consumeExactly(t, topic, sendSync(t, t.Producer(), topic, "m", 3))
	wrapper, err := t.Admin().GetAllSubscriptionGroup(background, os.Getenv("BROKER_ADDR"), 5*time.Second)
	t.Must(err)
	group, known := wrapper.SubscriptionGroupTable[t.Name("g")]
	if !known {
		t.Fatalf("%s is not among the broker's groups", t.Name("g"))
	}
	t.Equal("retries", 16, group.RetryMaxTimes)
	t.Equal("consuming enabled", true, group.ConsumeEnable)
}
