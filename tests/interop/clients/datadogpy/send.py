import random
import sys
import time

from datadog.dogstatsd.base import DogStatsd

transport, address = sys.argv[1:]
if transport == "udp":
    host, _, port = address.rpartition(":")
    c = DogStatsd(host=host, port=int(port))
else:
    c = DogStatsd(socket_path={"unixgram": "unixgram://", "unix": "unixstream://"}[transport] + address)
tags = ["path:/a"]
c.increment("shop.hits", tags=tags)
c.increment("shop.hits", 4, tags=tags)
c.gauge("shop.level", 7.5)
c.gauge("shop.cold", 30)
c.gauge("shop.cold", -12)
c.timing("shop.lat", 250)
time.sleep(0.1)         # it drops what finds a Unix socket full, which ten datagrams fill; an application is seldom that fast
c.histogram("shop.size", 512)
c.distribution("shop.dist", 3)
c.set("shop.users", "alice")
c.set("shop.users", "bob")
c.event("deploy", "version 2\nis out", tags=tags)
c.service_check("shop.db", c.OK, message="fine")
time.sleep(0.1)
random.seed(1)
for _ in range(1000):
    c.increment("shop.sampled", sample_rate=0.5)
for _ in range(1000):
    c.increment("shop.burst")
c.flush()
print("dropped: %d" % c.packets_dropped)
c.close_socket()
