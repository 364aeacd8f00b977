"""`statsd convert`: configs as other servers' documentation has them become configs that pass `statsd check`."""
import pytest

from harness import Server, run

pytestmark = pytest.mark.command

# The unit of a package, and what its EnvironmentFile holds.
EXPORTER_UNIT = r"""[Unit]
Description=statsd_exporter
[Service]
User=statsd
ExecStart=/usr/local/bin/statsd_exporter \
    --statsd.listen-udp=":8125" --statsd.listen-tcp="" \
    --web.listen-address=127.0.0.1:9102 \
    --statsd.relay.address=10.0.0.7:9125 --statsd.relay.packet-length=1400 \
    --statsd.cache-size=1000
ExecReload=/bin/kill -HUP $MAINPID
[Install]
WantedBy=multi-user.target
"""

EXPORTER_COMPOSE = """services:
  statsd:
    image: prom/statsd-exporter:v0.28.0
    command:
      - "--web.listen-address=:9102"   # scraped
      - '--statsd.listen-unixgram=/run/statsd/dsd.sock'
      - --statsd.unixsocket-mode=0770
      - --no-statsd.parse-signalfx-tags
      - --log.level=warn
    ports: ["9102:9102", "9125:9125/udp"]
"""

# The keys of dogstatsd in datadog.yaml, and the example of the mapper's documentation.
DATADOG = """## The Datadog API key
api_key: 0123456789abcdef0123456789abcdef
site: datadoghq.eu
tags:
  - team:infra
  - "env:prod"
dogstatsd_port: 8125
dogstatsd_non_local_traffic: true
dogstatsd_socket: /var/run/datadog/dsd.socket
dogstatsd_stream_socket: /var/run/datadog/stream.socket
dogstatsd_so_rcvbuf: 8388608
dogstatsd_tags: ["via:dogstatsd"]
dogstatsd_buffer_size: 8192
histogram_aggregates: ["max", "median", "avg", "count"]
histogram_percentiles: ["0.95", "0.99"]
statsd_forward_host: 10.1.1.1
statsd_forward_port: 8125
statsd_metric_namespace: shop
dogstatsd_mapper_profiles:
  - name: my_custom_metric_profile
    prefix: custom_metric.
    mappings:
      - match: 'custom_metric.process.*.*'
        match_type: wildcard
        name: 'custom_metric.process.prod.$1.live'
        tags:
          tag_key_2: '$2'
      - match: 'custom_metric\\.process\\.([\\w_]+)\\.(.+)'
        match_type: regex
        name: 'custom_metric.process'
        tags:
          tag_key_1: '$1'
"""

BRUBECK = """{
  "sharding" : false,
  "server_name" : "brubeck_debug",
  "dumpfile" : "./brubeck.dump",
  "capacity" : 15,
  "http" : ":8080",

  "backends" : [ { "type" : "carbon", "address" : "localhost", "port" : 2003, "frequency" : 10 } ],

  "samplers" : [
    { "type" : "statsd", "address" : "0.0.0.0", "port" : 8126, "workers" : 4, "multisock" : true, "multimsg" : 8 },
    { "type" : "statsd-secure", "address" : "0.0.0.0", "port" : 9126, "max_drift" : 3, "hmac_key" : "hunter2" }
  ]
}
"""

ETSY = """/*
Required Variables:
  port:             StatsD listening port [default: 8125]
*/
{
  graphitePort: 2003
, graphiteHost: "graphite.example.com"
, port: 8125
, mgmt_port: 8126
, backends: [ "./backends/graphite" ]
, flushInterval: 10000
, percentThreshold: [90, 99.9]
, deleteIdleStats: true
, repeater: [ { host: '10.10.10.10', port: 8125 } ]
, histogram: [ { metric: 'render', bins: [ 10, 100, 'inf'] } ]
, graphite: { globalSuffix: require('os').hostname().split('.')[0] }
}
"""

EXAMPLES = {
    "unit": ("statsd_exporter", EXPORTER_UNIT,
             ["\nsocket = udp://0.0.0.0:8125\n", "\nlisten = 127.0.0.1:9102\n", "\nto = udp://10.0.0.7:9125\n",
              "\ngauge_sign = delta\n", "\nname_tags = librato,influx,signalfx\n", "# --statsd.cache-size ("], ["tcp://", "ExecReload"]),
    "compose": ("statsd_exporter", EXPORTER_COMPOSE,
                ["\nsocket = udp://0.0.0.0:9125\n", "\nsocket = unixgram:///run/statsd/dsd.sock?mode=0770\n",
                 "\nsocket = tcp://0.0.0.0:9125\n", "\nname_tags = librato,influx\n", "\nlog_level = warn\n"], ["scraped"]),
    "datadog": ("datadog", DATADOG,
                ["\nsocket = udp://0.0.0.0:8125\n", "\nsocket = unixgram:///var/run/datadog/dsd.socket\n",
                 "\nsocket = unixstream:///var/run/datadog/stream.socket?framing=dsd\n", "\nrcvbuf = 8388608\n", "\ngauge_sign = absolute\n",
                 "\nquantiles = 0.5,0.95,0.99,1\n", "global_tags = team:infra,env:prod,via:dogstatsd\n",
                 "\nto = udp://10.1.1.1:8125\n", 'name: "shop_custom_metric_process_prod_${1}_live"\n',
                 r'match: "^custom_metric\\.process\\.([\\w_]+)\\.(.+)$"', 'tag_key_2: "$2"\n', 'name: "shop_${1}"\n'],
                ["0123456789abcdef"]),
    "brubeck": ("brubeck", BRUBECK,
                ["\nsocket = udp://0.0.0.0:8126\n", "\nworkers = 4\n", "\ninterval = 10s\n", "\nlisten = 0.0.0.0:8080\n",
                 "\ninstance = brubeck_debug\n", "signed datagrams are not understood"], ["hunter2", "9126"]),
    "etsy": ("etsy", ETSY,
             ["\nsocket = udp://0.0.0.0:8125\n", "\nlisten = 0.0.0.0:8126\n", "\ninterval = 10000ms\n",
              "\nquantiles = 0.9,0.999\n", "\nttl = 1h\n", "\nto = udp://10.10.10.10:8125\n", "buckets: [0.01, 0.1]\n"], []),
}


@pytest.mark.parametrize("name", EXAMPLES)
def test_a_documented_config_becomes_one_that_passes_check(name, tmp_path):
    server, text, there, absent = EXAMPLES[name]
    (tmp_path / "theirs").write_text(text)
    for words in (["-"], [str(tmp_path / "theirs")], ["--mapping-out", str(tmp_path / "mapping.yml"), str(tmp_path / "theirs")]):
        got = run("convert", server, *words, stdin=text.encode())
        assert (got.returncode, got.stderr) == (0, b"")
        (tmp_path / "ours.conf").write_bytes(got.stdout)
        checked = run("check", "-c", str(tmp_path / "ours.conf"))
        assert (checked.returncode, checked.stderr) == (0, b""), got.stdout.decode()
        made = got.stdout.decode()
        if (tmp_path / "mapping.yml").exists():
            assert "mapping = %s\n" % (tmp_path / "mapping.yml") in made
            made += (tmp_path / "mapping.yml").read_text()
        made += made.replace("\n# ", " ")  # comments are wrapped, and where depends on the length of the path
        assert [s for s in there if s not in made] == [], made
        assert [s for s in absent if s in made] == [], made


def test_flags_behind_two_dashes_are_converted(tmp_path):
    got = run("convert", "statsd_exporter", "--", "--statsd.listen-udp=127.0.0.1:0", "--web.enable-lifecycle", "--log.level", "debug")
    made = got.stdout.decode()
    assert got.returncode == 0
    for line in ("socket = udp://127.0.0.1:0", "lifecycle = on", "log_level = debug"):
        assert "\n%s\n" % line in made
    (tmp_path / "ours.conf").write_text(made)
    with Server(config=tmp_path / "ours.conf", sockets=()) as s:
        assert s.logged("listening")


def test_an_existing_mapping_file_is_not_overwritten(tmp_path):
    (tmp_path / "mapping.yml").write_text("mine")
    got = run("convert", "datadog", "-", "--mapping-out", str(tmp_path / "mapping.yml"), stdin=DATADOG.encode())
    assert got.returncode == 1 and b"mapping.yml: File exists" in got.stderr and got.stdout == b""
    assert (tmp_path / "mapping.yml").read_text() == "mine"


def test_mistakes_are_told_all_at_once_and_nothing_is_printed():
    got = run("convert", "datadog", "-", stdin=b"dogstatsd_port: x\nhistogram_percentiles: [95]\napi_key: hunter2\n")
    assert got.returncode == 2 and got.stdout == b"" and b"hunter2" not in got.stderr
    lines = got.stderr.decode().split("\n")
    assert lines[0].startswith("standard input:1: dogstatsd_port: ") and lines[1].startswith("standard input:2: histogram_percentiles: ")
    assert lines[2] == "statsd: 2 mistakes; nothing was converted"


@pytest.mark.parametrize("flag, answer", [
    ("--statsd.listen-udp=:9125", "write --set listen.socket=udp://0.0.0.0:9125"),
    ("--statsd.read-buffer=4096", "write --set listen.rcvbuf=4096"),
    ("--statsd.parse-librato-tags", "write --set protocol.name_tags=librato"),
    ("--statsd.cache-size=1000", "leave it out"),
    ("--statsd.relay.address=h:1", "write --set mirror.to=udp://h:1"),
    ("--web.config.file=x", "write --set http.web_config=x"),
    ("--check-config", "write statsd check"),
    ("--percent-threshold=90,99", "write --set aggregate.quantiles=0.9,0.99"),
    ("--stream_cmd=x", "values go to /metrics and to Redis"),
])
def test_a_flag_of_another_server_is_answered(flag, answer):
    got = run(flag)
    assert got.returncode == 2 and answer in got.stderr.decode()
