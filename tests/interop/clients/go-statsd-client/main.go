package main

import (
	"log"
	"os"

	"github.com/cactus/go-statsd-client/v5/statsd"
)

func main() {
	sender, err := statsd.NewClientWithConfig(&statsd.ClientConfig{Address: os.Args[2], Prefix: "shop"})
	if err != nil {
		log.Fatal(err)
	}
	c := sender.(*statsd.Client)
	tag := statsd.Tag{"path", "/a"}
	c.Inc("hits", 1, 1, tag)
	c.Inc("hits", 4, 1, tag)
	c.GaugeFloat("level", 7.5, 1)
	c.Gauge("cold", 30, 1)
	c.Gauge("cold", -12, 1)
	c.Timing("lat", 250, 1)
	c.Set("users", "alice", 1)
	c.Set("users", "bob", 1)
	for i := 0; i < 1000; i++ {
		c.Inc("sampled", 1, 0.5)
	}
	for i := 0; i < 1000; i++ {
		c.Inc("burst", 1, 1)
	}
	if err := c.Close(); err != nil {
		log.Fatal(err)
	}
}
