"""A socket of any transport that keeps what is sent to it, as it came."""
import contextlib
import os
import re
import socket
import struct
import threading


class Recorder:
    """`with Recorder(transport, dir) as r:` listens at r.address; after the `with`, r.datagrams has the datagrams, or r.streams
    the bytes of each connection."""

    def __init__(self, transport, dir):
        self.transport, self.datagrams, self.streams = transport, [], []
        path = os.path.join(dir, "recorder.sock")
        family = socket.AF_INET if transport in ("udp", "tcp") else socket.AF_UNIX
        self.socket = socket.socket(family, socket.SOCK_DGRAM if self.of_datagrams() else socket.SOCK_STREAM)
        self.socket.bind(("127.0.0.1", 0) if family == socket.AF_INET else path)
        self.address = "%s:%d" % self.socket.getsockname() if family == socket.AF_INET else path
        if self.of_datagrams():
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 22)
        else:
            self.socket.listen()
        self.ended = False

    def of_datagrams(self):
        return self.transport in ("udp", "unixgram")

    def __enter__(self):
        self.thread = threading.Thread(target=self._datagrams if self.of_datagrams() else self._connections)
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.ended = True           # what the kernel holds by now is taken first
        self.thread.join()
        self.socket.close()

    def _until_ended(self, take):
        self.socket.settimeout(0.1)
        while True:
            ended = self.ended
            try:
                take()
            except socket.timeout:
                if ended:
                    return

    def _datagrams(self):
        self._until_ended(lambda: self.datagrams.append(self.socket.recv(65536)))

    def _connections(self):
        readers = []

        def take():
            c, _ = self.socket.accept()
            c.settimeout(60)
            got = bytearray()
            self.streams.append(got)
            readers.append(threading.Thread(target=self._read, args=(c, got)))
            readers[-1].start()
        self._until_ended(take)
        for r in readers:
            r.join()

    @staticmethod
    def _read(connection, got):
        with connection, contextlib.suppress(OSError):
            while True:
                piece = connection.recv(65536)
                if not piece:
                    return
                got += piece

    def lines(self, framing=None):
        """Every line that came; framing `dsd`: of frames with their length in front, as Datadog's clients send them on streams."""
        if framing == "dsd":
            pieces = [f for s in self.streams for f in frames(bytes(s))]
        else:
            pieces = self.datagrams if self.of_datagrams() else self.streams
        return [line for piece in pieces for line in bytes(piece).decode("utf-8", "replace").split("\n") if line]


def frames(stream):
    """What lies in each whole frame; the last may be cut off, where a client gave up waiting and connected anew."""
    at = 0
    while at + 4 <= len(stream):
        n, = struct.unpack_from("<I", stream, at)
        assert n <= 65536, "a frame of %d bytes" % n
        if at + 4 + n > len(stream):
            return
        yield stream[at + 4:at + 4 + n]
        at += 4 + n


KINDS = ["c", "g", "ms", "h", "d", "s", "event", "check"]


def kind(line):
    """What a line is, in words of KINDS."""
    if line.startswith("_e{"):
        return "event"
    if line.startswith("_sc|"):
        return "check"
    return line.split("|")[1] if "|" in line else "?"


def kinds(lines):
    """Those of KINDS that occur, in their order."""
    seen = {kind(line) for line in lines}
    return [k for k in KINDS if k in seen]


def nameless(line):
    """A line without what is another one each time: the id of a container."""
    return re.sub(r"\|c:[^|]*", "|c:…", line)
