"""The clients of the interop table: which, by which transport, what they are told and what has to come of it.

Each is a program in clients/NAME/ that gets a transport and an address, makes the same calls in the client's default settings, as far
as it has them, and closes.  A new client is a folder there and a row here.
"""
from dataclasses import dataclass, field

# --- the calls, and what has to be on /metrics and in the ledger of Redis

@dataclass(frozen=True)
class Call:
    """name, kind: of the metric in the ledger; or of a stream in Redis, whose entries count.  want: a number or a range."""
    name: str
    kind: str
    want: object
    redis: object = None          # what Redis has, where that is another number
    page: str = ""                # the sample of /metrics, when it is not the name with _ for dots


def about(low, high):
    return range(low, high + 1)


CALLS = {
    "counter": Call("shop.hits", "c", 5),
    "gauge": Call("shop.level", "g", 7.5),
    "gauge below 0": Call("shop.cold", "g", -12),
    "timing": Call("shop.lat", "h", 0.25, redis=250, page="shop_lat_sum"),
    "histogram": Call("shop.size", "h", 512, page="shop_size_sum"),
    "distribution": Call("shop.dist", "h", 3, page="shop_dist_sum"),
    "set": Call("shop.users", "s", 2),
    "sampled": Call("shop.sampled", "c", about(800, 1200)),
    "burst": Call("shop.burst", "c", 1000),
    "event": Call("{sd:events}:log", "stream", 1, page="statsd_events_total"),
    "check": Call("{sd:checks}:log", "stream", 1, page="statsd_service_checks_total"),
}
ETSY = ("counter", "gauge", "gauge below 0", "timing", "set", "sampled", "burst")
DOGSTATSD = tuple(CALLS)

GUNICORN = {
    "requests": Call("shop.gunicorn.requests", "c", 5),
    "status": Call("shop.gunicorn.request.status.200", "c", 5),
    "workers": Call("shop.gunicorn.workers", "g", 1),
}
UWSGI = {
    "total as a gauge": Call("shop.requests", "g", 5),
    "total as a counter": Call("shop.worker.0.requests", "c", 5),
}


# --- the clients

ABSOLUTE = "gauge_sign=absolute"      # for these -5|g sets a gauge to -5


@dataclass(frozen=True)
class Way:
    """By one transport.  set: what the client has to be told, as its users write it; socket: options of ours; odd: what comes out
    otherwise than as called, {call: (value, why)}, with value None where it is as called less what the client says it dropped."""
    transport: str
    set: str = ""
    socket: str = ""
    odd: dict = field(default_factory=dict)
    refused: object = 0           # lines of it that we refuse, for the reason that odd tells; None: at most what it dropped


@dataclass(frozen=True)
class Client:
    name: str
    language: str                 # a recipe of client_install.py
    package: str
    version: str                  # empty: what Debian has
    has: tuple                    # of CALLS
    ways: tuple
    calls: dict = field(default_factory=lambda: CALLS)
    tags: bool = True
    settings: str = ""            # of the server


def dogstatsd(*without):
    return tuple(c for c in DOGSTATSD if c not in without)


FULL = {call: (None, "all but what it dropped, and counted, as the socket was full") for call in ("sampled", "burst")}
NEWLINE = {"event": (0, "it sends a line break in an event's text as it is, which ends the line")}
JOINED = {"burst": (980, "it sends no line break after a packet, so the two lines at each of its ten joints are one")}

CLIENTS = [
    Client("gunicorn", "Debian", "gunicorn", "", tuple(GUNICORN), (
        Way("udp", "`--statsd-host HOST:PORT`"),
    ), calls=GUNICORN, tags=False),
    Client("gunicorn", "Python", "gunicorn", "27.0.1", tuple(GUNICORN), (
        Way("udp", "`--statsd-host HOST:PORT`"),
        Way("unixgram", "`--statsd-host unix://PATH`"),
    ), calls=GUNICORN, tags=False),
    Client("uwsgi", "Debian", "uwsgi-core", "", tuple(UWSGI), (
        Way("udp", "`--stats-push statsd:HOST:PORT,shop`", odd={
            "total as a counter": (about(6, 1000), "it sends running totals as counters, and each push adds them up again")}),
    ), calls=UWSGI, tags=False),
    Client("python3-statsd", "Debian", "python3-statsd", "", ETSY, (
        Way("udp", "`StatsClient(host, port)`"),
        Way("tcp", "`TCPStatsClient(host, port)`"),
        Way("unix", "`UnixSocketStatsClient(path)`"),
    ), tags=False),
    Client("aiodogstatsd", "Debian", "python3-aiodogstatsd", "", dogstatsd("set", "event", "check"), (
        Way("udp", "`Client(host=, port=)`", ABSOLUTE),
    )),
    Client("datadogpy", "Python", "datadog", "0.56.0", DOGSTATSD, (
        Way("udp", "`DogStatsd(host=, port=)`", ABSOLUTE),
        Way("unixgram", '`socket_path="unixgram://PATH"`', ABSOLUTE, odd=FULL),
        Way("unix", '`socket_path="unixstream://PATH"`', "framing=dsd&" + ABSOLUTE, odd=FULL, refused=None),
    )),
    Client("hot-shots", "Node", "hot-shots", "17.1.1", DOGSTATSD, (
        Way("udp", "`{ host, port }`", ABSOLUTE),
        Way("tcp", "`{ protocol: 'tcp', host, port }`", ABSOLUTE),
        Way("unixgram", "`{ protocol: 'uds', path }`", ABSOLUTE),
        Way("unix", "`{ protocol: 'stream', stream }`", ABSOLUTE),
    )),
    Client("datadog-go", "Go", "github.com/DataDog/datadog-go/v5", "5.9.1", DOGSTATSD, (
        Way("udp", '`New("HOST:PORT")`', ABSOLUTE),
        Way("unixgram", '`New("unixgram://PATH")`', ABSOLUTE),
        Way("unix", '`New("unixstream://PATH")`', "framing=dsd&" + ABSOLUTE),
    )),
    Client("go-statsd", "Go", "github.com/smira/go-statsd", "1.3.4", ("counter", "gauge", "gauge below 0", "timing", "set", "burst"), (
        Way("udp", '`NewClient("HOST:PORT")`'),
        Way("tcp", '`Network("tcp")`', odd=JOINED, refused=10),
        Way("unixgram", '`Network("unixgram")`'),
        Way("unix", '`Network("unix")`', odd=JOINED, refused=10),
    ), settings="protocol.name_tags=influx"),
    Client("go-statsd-client", "Go", "github.com/cactus/go-statsd-client/v5", "5.1.0", ETSY, (
        Way("udp", "`ClientConfig{Address, Prefix}`", ABSOLUTE),
    )),
    Client("java-dogstatsd-client", "Java", "com.datadoghq:java-dogstatsd-client", "4.4.5", DOGSTATSD, (
        Way("udp", "`hostname(…).port(…)`", ABSOLUTE),
        Way("unixgram", '`address("unixgram://PATH")`', ABSOLUTE),
        Way("unix", '`address("unixstream://PATH")`', "framing=dsd&" + ABSOLUTE),
    )),
    Client("micrometer", "Java", "io.micrometer:micrometer-registry-statsd", "1.17.2",
           ("counter", "gauge", "gauge below 0", "timing", "histogram", "burst"), (
               Way("udp", "`StatsdProtocol.UDP`", ABSOLUTE),
               Way("tcp", "`StatsdProtocol.TCP`", ABSOLUTE),
               Way("unixgram", "`StatsdProtocol.UDS_DATAGRAM`, the path as host", ABSOLUTE),
           )),
    Client("cadence", "Rust", "cadence", "1.8.0", dogstatsd("event", "check"), (
        Way("udp", "`UdpMetricSink`", ABSOLUTE),
        Way("unixgram", "`UnixMetricSink`", ABSOLUTE),
    )),
    Client("dogstatsd-rs", "Rust", "dogstatsd", "0.12.4", dogstatsd("sampled"), (
        Way("udp", "`to_addr`", ABSOLUTE, odd=NEWLINE, refused=2),
        Way("unixgram", "`socket_path`", ABSOLUTE, odd={**NEWLINE, "burst": (
            None, "all but what it dropped, and told its caller of, as the socket was full")}, refused=2),
    )),
]
