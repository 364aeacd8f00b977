"""The network between the servers and the nodes of Redis: a port in front of each node, which is the one that the cluster announces.

Whose connection it is stands in its first bytes: `CLIENT SETNAME statsd-<instance>` of a server, `REPLCONF` of a replica.  Each pair of
(who, node) may be cut, held up, slowed down, or lose answers; all others pass.
"""
import asyncio
import contextlib
import random
import re
import threading

CHUNK = 65536
KNOWN_WITHIN = 1 << 17           # a client says who it is within so many bytes
SERVER = re.compile(rb"(?i)SETNAME\r\n\$\d+\r\nstatsd-([^\r]+)\r\n")
REPLICA = re.compile(rb"(?i)\r\nREPLCONF\r\n")
STEP_S = 0.02
NEW = {"cut": False, "held": False, "delay": 0.0, "loses": 0.0}


class Pair:
    """cut: connections are reset, and new ones, too; held: nothing passes; delay: seconds, each way; loses: how often a connection
    ends in place of an answer."""

    def __init__(self):
        self.__dict__.update(NEW)
        self.connections = set()


class Connection:
    """Both directions of one, until either ends."""

    def __init__(self, proxy, node, client, server):
        self.proxy, self.node, self.client, self.server = proxy, node, client, server
        self.pair, self.said = Pair(), b""

    async def run(self):
        up = asyncio.ensure_future(self._pump(self.client[0], self.server[1], True))
        down = asyncio.ensure_future(self._pump(self.server[0], self.client[1], False))
        await asyncio.wait((up, down), return_when=asyncio.FIRST_COMPLETED)
        for task in (up, down):
            task.cancel()
        await asyncio.gather(up, down, return_exceptions=True)
        self.pair.connections.discard(self)
        for _, writer in (self.client, self.server):
            writer.close()

    async def _pump(self, source, drain, is_up):
        with contextlib.suppress(ConnectionError):
            while True:
                data = await source.read(CHUNK)
                if not data:
                    return
                if is_up and self.said is not None:
                    self._listen(data)
                if self.pair.delay:
                    await asyncio.sleep(self.pair.delay)
                while self.pair.held:
                    await asyncio.sleep(STEP_S)
                if self.pair.cut or (not is_up and self.pair.loses and self.proxy.random.random() < self.pair.loses):
                    self.abort()
                    return
                drain.write(data)
                await drain.drain()

    def _listen(self, data):
        self.said += data
        server, who = SERVER.search(self.said), None
        if server:
            who = server.group(1).decode()
        elif REPLICA.search(self.said):
            who = "replica"
        if who:
            self.pair = self.proxy.pair(who, self.node)
            self.pair.connections.add(self)
        if who or len(self.said) > KNOWN_WITHIN:
            self.said = None

    def abort(self):
        for _, writer in (self.client, self.server):
            writer.transport.abort()


class Proxy(threading.Thread):
    """`behind` are the ports of the nodes; `ports` those in front of them.  Its methods may be called from any thread but its own."""

    def __init__(self, ports, behind, seed):
        super().__init__(daemon=True, name="proxy")
        self.ports, self.behind, self.random = ports, behind, random.Random(seed)
        self.pairs, self.listeners = {}, [None] * len(ports)
        self.loop = asyncio.new_event_loop()

    def __enter__(self):
        self.start()
        for node in range(len(self.ports)):
            self.open(node)
        return self

    def __exit__(self, *_):
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.join(10)

    def run(self):
        asyncio.set_event_loop(self.loop)
        self.loop.run_forever()
        tasks = asyncio.all_tasks(self.loop)
        for task in tasks:
            task.cancel()
        self.loop.run_until_complete(asyncio.gather(*tasks, return_exceptions=True))
        self.loop.close()

    def _do(self, coroutine):
        return asyncio.run_coroutine_threadsafe(coroutine, self.loop).result(10)

    # --- ports

    def open(self, node):
        self._do(self._open(node))

    def close(self, node):
        """As if nobody listened; what is connected stays."""
        self._do(self._close(node))

    async def _open(self, node):
        if not self.listeners[node]:
            self.listeners[node] = await asyncio.start_server(lambda r, w: self._accept(node, (r, w)), "127.0.0.1", self.ports[node])

    async def _close(self, node):
        if self.listeners[node]:
            self.listeners[node].close()
            self.listeners[node] = None

    async def _accept(self, node, client):
        try:
            server = await asyncio.open_connection("127.0.0.1", self.behind[node])
        except OSError:
            client[1].transport.abort()
            return
        await Connection(self, node, client, server).run()

    # --- pairs

    def pair(self, who, node):
        return self.pairs.setdefault((who, node), Pair())

    def set(self, who, node, **rule):
        """rule: of NEW; the rest stays as it is."""
        assert set(rule) <= set(NEW), rule
        self._do(self._set([self.pair(who, node)], rule))

    def heal(self):
        """All is as in the beginning."""
        self._do(self._set(list(self.pairs.values()), NEW))

    async def _set(self, pairs, rule):
        for pair in pairs:
            pair.__dict__.update(rule)
            for connection in list(pair.connections) if pair.cut else ():
                connection.abort()

    def reset(self, node):
        """Every known connection to that node is reset: its machine is gone."""
        async def all_of_it():
            for (_, at), pair in self.pairs.items():
                for connection in list(pair.connections) if at == node else ():
                    connection.abort()
        self._do(all_of_it())
