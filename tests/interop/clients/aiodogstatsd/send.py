import asyncio
import random
import sys

import aiodogstatsd


async def send(host, port):
    c = aiodogstatsd.Client(host=host, port=int(port))
    await c.connect()
    c.increment("shop.hits", tags={"path": "/a"})
    c.increment("shop.hits", value=4, tags={"path": "/a"})
    c.gauge("shop.level", value=7.5)
    c.gauge("shop.cold", value=30)
    c.gauge("shop.cold", value=-12)
    c.timing("shop.lat", value=250)
    c.histogram("shop.size", value=512)
    c.distribution("shop.dist", value=3)
    random.seed(1)
    for _ in range(1000):
        c.increment("shop.sampled", sample_rate=0.5)
    for _ in range(1000):
        c.increment("shop.burst")
    await c.close()

asyncio.run(send(*sys.argv[2].split(":")))
