import random
import sys

import statsd

transport, address = sys.argv[1:]
host, _, port = address.rpartition(":")
if transport == "udp":
    c = statsd.StatsClient(host, int(port))
elif transport == "tcp":
    c = statsd.TCPStatsClient(host, int(port))
else:
    c = statsd.UnixSocketStatsClient(address)
c.incr("shop.hits")
c.incr("shop.hits", 4)
c.gauge("shop.level", 7.5)
c.gauge("shop.cold", 30)
c.gauge("shop.cold", -12)
c.timing("shop.lat", 250)
c.set("shop.users", "alice")
c.set("shop.users", "bob")
random.seed(1)
for _ in range(1000):
    c.incr("shop.sampled", rate=0.5)
for _ in range(1000):
    c.incr("shop.burst")
c.close()
