// The official Go client, as its users write it; it finds the NameServer by the variable NAMESRV_ADDR.
package main

import (
	"context"
	"fmt"
	"os"

	rocketmq "github.com/apache/rocketmq-client-go/v2"
	"github.com/apache/rocketmq-client-go/v2/consumer"
	"github.com/apache/rocketmq-client-go/v2/primitive"
	"github.com/apache/rocketmq-client-go/v2/producer"
)

const topic = "quick-start-go"

func main() {
	namesrv := []string{os.Getenv("NAMESRV_ADDR")}
	p, err := rocketmq.NewProducer(producer.WithNameServer(namesrv), producer.WithGroupName("quick-start-producer"))
	must(err)
	must(p.Start())
	defer p.Shutdown()
	for _, body := range []string{"one", "two", "three"} {
		result, err := p.SendSync(context.Background(), primitive.NewMessage(topic, []byte(body)))
		must(err)
		fmt.Println("sent", body, result.MessageQueue.QueueId, result.QueueOffset)
	}

	received := make(chan string)
	c, err := rocketmq.NewPushConsumer(
		consumer.WithNameServer(namesrv),
		consumer.WithGroupName("quick-start-go"),
		consumer.WithConsumeFromWhere(consumer.ConsumeFromFirstOffset),
	)
	must(err)
	must(c.Subscribe(topic, consumer.MessageSelector{},
		func(_ context.Context, messages ...*primitive.MessageExt) (consumer.ConsumeResult, error) {
			for _, message := range messages {
				received <- string(message.Body)
			}
			return consumer.ConsumeSuccess, nil
		}))
	must(c.Start())
	defer c.Shutdown()
	for range 3 {
		fmt.Println("received", <-received)
	}
}

func must(err error) {
	if err != nil {
		panic(err)
	}
}
