package main

import (
	"log"
	"os"
	"time"

	"github.com/DataDog/datadog-go/v5/statsd"
)

func main() {
	address := map[string]string{"udp": "", "unixgram": "unixgram://", "unix": "unixstream://"}[os.Args[1]] + os.Args[2]
	c, err := statsd.New(address)
	if err != nil {
		log.Fatal(err)
	}
	tags := []string{"path:/a"}
	c.Incr("shop.hits", tags, 1)
	c.Count("shop.hits", 4, tags, 1)
	c.Gauge("shop.level", 7.5, nil, 1)
	c.Gauge("shop.cold", 30, nil, 1)
	c.Gauge("shop.cold", -12, nil, 1)
	c.Timing("shop.lat", 250*time.Millisecond, nil, 1)
	c.Histogram("shop.size", 512, nil, 1)
	c.Distribution("shop.dist", 3, nil, 1)
	c.Set("shop.users", "alice", nil, 1)
	c.Set("shop.users", "bob", nil, 1)
	c.SimpleEvent("deploy", "version 2\nis out")
	c.SimpleServiceCheck("shop.db", statsd.Ok)
	for i := 0; i < 1000; i++ {
		c.Incr("shop.sampled", nil, 0.5)
	}
	for i := 0; i < 1000; i++ {
		c.Incr("shop.burst", nil, 1)
	}
	if err := c.Close(); err != nil {
		log.Fatal(err)
	}
}
