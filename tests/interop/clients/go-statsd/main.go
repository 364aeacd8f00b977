package main

import (
	"os"
	"time"

	"github.com/smira/go-statsd"
)

func main() {
	c := statsd.NewClient(os.Args[2], statsd.Network(os.Args[1]))
	tag := statsd.StringTag("path", "/a")
	c.Incr("shop.hits", 1, tag)
	c.Incr("shop.hits", 4, tag)
	c.FGauge("shop.level", 7.5)
	c.Gauge("shop.cold", 30)
	c.Gauge("shop.cold", -12)
	c.Timing("shop.lat", 250)
	c.SetAdd("shop.users", "alice")
	c.SetAdd("shop.users", "bob")
	for i := 0; i < 1000; i++ {
		c.Incr("shop.burst", 1)
	}
	// What closes before it has connected sends nothing.
	time.Sleep(300 * time.Millisecond)
	c.Close()
}
