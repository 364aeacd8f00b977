/**
 * option_rows: every option of the configuration, in one table.
 *
 * A row makes the member of struct config, its parser, its environment variable and its line of
 * `statsd describe options`; tests hold statsd.conf.example to it.  So adding an option is adding a
 * row, and its lines in statsd.conf.example.
 *
 * X(section, key, KIND, default, min, max, words, takes, help)
 *   section, key   the member of struct config is section_key; DURATION adds _ms
 *   KIND           of OPTION_KINDS in options.h
 *   default        spelled as in the file
 *   min, max       of numbers, durations (ms), sizes (bytes) and each number of a list; 0, 0: none
 *   words          ENUM, FLAGS: joined by '|', in the order of the C enum (FLAGS: bit i is word i)
 *   takes          RELOAD: a change takes effect when the configuration is read again; RESTART: at
 *                  the next start (enum option_takes)
 *   help           sentences, each with its full stop
 */
#ifndef CONFIG_OPTION_ROWS_H
#define CONFIG_OPTION_ROWS_H

enum { OPTION_HOUR_MS = 3600 * 1000, OPTION_DAY_MS = 24 * OPTION_HOUR_MS };
#define OPTION_YEAR_MS (365.0 * OPTION_DAY_MS)
#define OPTION_KIB     1024.0
#define OPTION_MIB     (1024 * OPTION_KIB)
#define OPTION_GIB     (1024 * OPTION_MIB)

/* clang-format off */
#define OPTIONS(X)                                                                                 \
    X(server, interval, DURATION, "10s", 100, OPTION_HOUR_MS, "", RESTART,                         \
      "How often an interval is closed and handed to the sinks. Intervals are aligned to the "     \
      "wall clock. /metrics does not wait for it.")                                                \
    X(server, workers, UINT, "0", 0, 64, "", RESTART,                                              \
      "Threads that receive and aggregate. 0 means one less than the cores, but at least 1.")      \
    X(server, instance, STRING, "", 0, 0, "", RESTART,                                             \
      "Who this server is among those that write to the same Redis; must be unique there. "        \
      "Empty means the host name.")                                                                \
    X(server, log_level, ENUM, "info", 0, 0, "debug|info|warn|error", RELOAD,                      \
      "The lowest level that is logged.")                                                          \
    X(server, log_format, ENUM, "logfmt", 0, 0, "logfmt|json", RELOAD,                             \
      "How a log line is written to standard output.")                                             \
    X(server, drain_timeout, DURATION, "8s", 0, OPTION_HOUR_MS, "", RESTART,                       \
      "How long a stop (TERM, INT) waits for Redis to take what is queued; a second signal "       \
      "ends the wait. What is left then is lost: it is logged, and the exit status is 1. 0 "       \
      "means not to wait. Docker kills 10 s after its TERM.")                                      \
    X(server, state_dir, STRING, "", 0, 0, "", RESTART,                                            \
      "A folder for what outlives the process: a stop (TERM, INT) writes statsd.state there, the " \
      "next start reads it and goes on where the last one ended (docs/restart.md). It has to "     \
      "exist and is this server's alone. Empty means the folder that systemd names "               \
      "(STATE_DIRECTORY), or that nothing is kept.")                                               \
    X(server, state_interval, DURATION, "60s", 0, OPTION_DAY_MS, "", RESTART,                      \
      "How often gauges and sets are written to server.state_dir, for a start after a crash; "     \
      "counters and timers then begin at 0. 0 means never.")                                       \
    X(server, control_socket, STRING, "", 0, 0, "", RESTART,                                       \
      "A path where `statsd --takeover` reaches the server that runs, of the same user, to take "  \
      "its place without losing a datagram (docs/restart.md). Empty means that none can.")         \
    X(server, user, STRING, "", 0, 0, "", RESTART,                                                 \
      "Who the process becomes once its sockets are open, for good: NAME or UID, or with :GROUP. " \
      "It has to be started as root then (docs/sandbox.md). Empty means that it stays who it is.") \
    X(server, sandbox, ENUM, "on", 0, 0, "off|log|on|kill", RESTART,                               \
      "Keep the process from files and system calls that it does not need (docs/sandbox.md): on "  \
      "refuses them, log has the kernel log the calls, off lets all through. Where the kernel "    \
      "cannot do it, that is logged. kill ends the process at a call that is not in the table, "   \
      "for tests.")                                                                                \
    X(listen, socket, STRINGS, "udp://127.0.0.1:8125", 0, 0, "", RESTART,                          \
      "Where to receive: datagrams on udp://HOST:PORT (HOST an address, localhost for 127.0.0.1 "  \
      "and [::1], or * for every IPv4 address) or unixgram:///PATH (unixgram://@NAME is "          \
      "abstract), streams on tcp://HOST:PORT or unix:///PATH (or unixstream://). May repeat; in "  \
      "the environment, separated by blanks or commas. Port 0 picks a free one. Options of one "   \
      "socket follow as ?KEY=VALUE&KEY=VALUE: gauge_sign and rcvbuf; of udp:// spread; of udp:// " \
      "and tcp:// allow (networks whose senders are let in, such as 10.0.0.0/8,fd00::/8; may be "  \
      "given several times, which the environment needs); of unix "                                \
      "sockets mode (permissions, octal, default 0666) and owner (USER or USER:GROUP); of "        \
      "streams framing (line, or dsd: a length before each datagram, as Datadog clients send on "  \
      "unixstream://), idle_timeout, max_connections, and of tcp:// max_per_address, tls_cert "    \
      "and tls_key (PEM files of a certificate and its key, which make it TLS), tls_client_ca "    \
      "(clients need a certificate that a CA of that file has signed).")                           \
    X(listen, rcvbuf, SIZE, "32MiB", 4 * OPTION_KIB, OPTION_GIB, "", RESTART,                      \
      "Receive buffer to ask the kernel for, for each socket of datagrams (streams have one in "   \
      "their URL, else the kernel's choice). Beyond net.core.rmem_max this "                       \
      "needs CAP_NET_ADMIN; what was granted is logged.")                                          \
    X(listen, spread, ENUM, "auto", 0, 0, "auto|source|payload", RESTART,                          \
      "How datagrams of a UDP socket are spread over the workers: source is by the sender's "      \
      "address; payload is by the name of the first line (its first 64 bytes), for when one "      \
      "sender is most of the traffic; auto begins with source and changes to payload when one "    \
      "worker alone is overloaded. With payload, datagrams that begin with one name keep their "   \
      "order; a name's lines that stand behind others in their datagrams may be taken by two "     \
      "workers, in either order, which matters to gauges only.")                                   \
    X(listen, idle_timeout, DURATION, "1h", 0, OPTION_YEAR_MS, "", RESTART,                        \
      "A connection (tcp://, unix://) that has brought no byte for this long is closed; 0 "        \
      "means never. A peer that is gone is found out earlier, by keep-alive.")                     \
    X(protocol, gauge_sign, ENUM, "auto", 0, 0, "auto|delta|absolute", RESTART,                    \
      "What +5 and -5 mean for a gauge: delta changes it (etsy), absolute sets it (Datadog), "     \
      "auto sets it only where the line has a field that only DogStatsD clients send.")            \
    X(protocol, name_tags, FLAGS, "", 0, 0, "librato|influx|signalfx|graphite", RESTART,           \
      "Styles of tags inside the metric's name that are understood.")                              \
    X(protocol, origin_tags, BOOL, "off", 0, 0, "", RESTART,                                       \
      "Make the container id that DogStatsD clients send the tag container_id. Raises the "        \
      "number of series.")                                                                         \
    X(protocol, keep_internal_tags, BOOL, "off", 0, 0, "", RESTART,                                \
      "Keep tags whose key starts with dd.internal. instead of dropping them.")                    \
    X(protocol, log_rejected, BOOL, "on", 0, 0, "", RELOAD,                                        \
      "Log the first five refused lines of each reason a minute, cut at 200 bytes, with the "      \
      "listener and who sent them. Off where lines are private: they are counted all the same.")   \
    X(protocol, cpu, ENUM, "auto", 0, 0, "auto|avx512|avx2|sse2|portable|neon", RESTART,           \
      "Instructions that the parser uses; auto: the best that the CPU has. The others are for "    \
      "measuring what other CPUs would give.")                                                     \
    X(limits, max_series, UINT, "1000000", 1, 100000000, "", RESTART,                              \
      "Most series kept; samples of new ones beyond that are refused and counted.")                \
    X(limits, max_series_per_name, UINT, "0", 0, 100000000, "", RESTART,                           \
      "Most series of one metric name (as sent, before a mapping), so that a tag gone wild, such " \
      "as a request id, leaves room for the others; samples of new ones beyond that are refused "  \
      "and counted by name (docs/limits.md). 0 means no limit of its own.")                        \
    X(limits, max_series_per_origin, UINT, "0", 0, 100000000, "", RESTART,                         \
      "Most series of one origin: of a container, where DogStatsD clients say which it is, else "  \
      "of the network that the sender is in. A series belongs to the origin that brought it "      \
      "first. Unix sockets know containers alone. 0 means no limit of its own.")                   \
    X(limits, origin_prefix_v4, UINT, "32", 1, 32, "", RESTART,                                    \
      "Bits of an IPv4 address that make the network: 32 is each address, 24 is 256 of them.")     \
    X(limits, origin_prefix_v6, UINT, "64", 1, 128, "", RESTART,                                   \
      "The same of an IPv6 address.")                                                              \
    X(limits, max_samples_per_name, UINT, "0", 0, 1000000000, "", RESTART,                         \
      "Most samples of one metric name in a second; further ones are dropped and counted by "      \
      "name. Each worker counts for itself, so a name whose samples come to several of them may "  \
      "have that many times more. 0 means any number.")                                            \
    X(limits, max_connections, UINT, "8192", 1, 65535, "", RESTART,                                \
      "Most connections of a listener (tcp://, unix://) at a time; one beyond that is closed at "  \
      "once and counted.")                                                                         \
    X(limits, max_connections_per_address, UINT, "6144", 1, 65535, "", RESTART,                    \
      "The same for one address of tcp:// clients, so that none of them keeps the others out; "    \
      "the addresses of an IPv6 /64 count as one.")                                                \
    X(limits, tls_handshakes_per_second, UINT, "200", 1, 100000, "", RESTART,                      \
      "Most TLS connections that a listener begins in a second; further ones wait until the next " \
      "second. A handshake takes 0.5 ms of a worker with an ECDSA key, 3 ms with RSA-2048, 12 ms " \
      "with RSA-4096. Also of HTTPS, whose further ones are closed; there one address begins at "  \
      "most an eighth.")                                                                           \
    X(limits, max_line, UINT, "8192", 64, 65535, "", RESTART,                                      \
      "Longest line in bytes; a longer one is refused and counted.")                               \
    X(limits, max_name, UINT, "512", 1, 65535, "", RESTART,                                        \
      "Longest metric name in bytes.")                                                             \
    X(limits, max_tags, UINT, "128", 1, 1024, "", RESTART,                                         \
      "Most tags of one sample.")                                                                  \
    X(limits, max_tag_len, UINT, "1024", 3, 65535, "", RESTART,                                    \
      "Longest tag in bytes, key and value together.")                                             \
    X(aggregate, ttl, DURATION, "24h", 0, 10 * OPTION_YEAR_MS, "", RELOAD,                         \
      "A series without a sample for this long is forgotten. 0 means never.")                      \
    X(aggregate, sketch_schema, UINT, "5", 0, 8, "", RELOAD,                                       \
      "Resolution of timers: quantiles are within 4.4 % of the true value at 3, 1.1 % at 5, "      \
      "0.14 % at 8, as long as a timer's values lie within six decades of each other (within "     \
      "twelve decades 2.2 % is the best, within 24 decades 4.4 %). Each step up doubles the "      \
      "memory of a timer.")                                                                        \
    X(aggregate, quantiles, DOUBLES, "0.5,0.9,0.99", 0, 1, "", RELOAD,                             \
      "Quantiles of a timer, rising, separated by commas; at most 32.")                            \
    X(aggregate, summary_max_age, DURATION, "10m", 1000, OPTION_DAY_MS, "", RELOAD,                \
      "Quantiles on /metrics cover the last summary_max_age.")                                     \
    X(aggregate, summary_age_buckets, UINT, "5", 1, 10, "", RELOAD,                                \
      "Steps in which that window moves on: a value is covered for summary_max_age, or up to "     \
      "one step less. More are smoother and take more memory.")                                    \
    X(aggregate, set_window, DURATION, "1m", 0, OPTION_DAY_MS, "", RELOAD,                         \
      "A set on /metrics shows how many distinct members came within this long, the open "         \
      "interval included: whole intervals, in at most 12 steps that begin when an interval "       \
      "closes, so up to one step more. 0 means the last closed interval. Redis has each "          \
      "interval.")                                                                                 \
    X(aggregate, drop_tags, STRINGS, "", 0, 0, "", RESTART,                                        \
      "Tags that are cut out of every line: series that differ in them alone are one. Keys, "      \
      "separated by commas, at most 32; may repeat. A key with a * at its end stands for all "     \
      "keys that start like this.")                                                                \
    X(aggregate, global_tags, STRINGS, "", 0, 0, "", RESTART,                                      \
      "Tags of every series: key:value, separated by commas, at most 32; may repeat. A tag of "    \
      "the line with the same key wins.")                                                          \
    X(prometheus, mapping, STRING, "", 0, 0, "", RELOAD,                                           \
      "A mapping file of statsd_exporter (YAML): which metrics get which name, labels and "        \
      "options on /metrics. A path, relative to the working directory; empty means none. What "    \
      "the file leaves open is as the options here say.")                                          \
    X(prometheus, suffixes, BOOL, "off", 0, 0, "", RESTART,                                        \
      "Add _total to names of counters and _seconds to names of timings. Off gives the names "     \
      "that statsd_exporter gives.")                                                               \
    X(prometheus, created, BOOL, "off", 0, 0, "", RESTART,                                         \
      "Show since when a counter or timer counts: in protobuf beside its value, in OpenMetrics "   \
      "in a line _created of its own; there, of counters, those whose names end in _total "        \
      "(suffixes = on). Prometheus stores such a line as a series, unless it runs with its "       \
      "feature created-timestamp-zero-ingestion. Takes 8 bytes a series.")                         \
    X(prometheus, exemplar_tag, STRING, "", 0, 0, "", RESTART,                                     \
      "A tag, such as trace_id, that is cut out of every line and whose latest value is shown in " \
      "OpenMetrics and protobuf as an exemplar: of the bucket of a histogram that the value fell " \
      "into, and of counters whose names end in _total (suffixes = on). Empty means none.")        \
    X(prometheus, service_checks, BOOL, "off", 0, 0, "", RESTART,                                  \
      "Show the last status of each DogStatsD service check and host in the gauge "                \
      "statsd_service_check_status: 0 ok, 1 warning, 2 critical, 3 unknown. The host is the h: "   \
      "field, else the tag host, else empty. At most 1,000, beyond which new ones are refused "    \
      "and counted; one that was silent for aggregate.ttl goes.")                                  \
    X(prometheus, observer_type, ENUM, "summary", 0, 0, "summary|histogram", RELOAD,               \
      "What a timer is on /metrics: a summary has quantiles, made here; a histogram has "          \
      "buckets, from which PromQL's histogram_quantile() makes them, over several servers too.")   \
    X(prometheus, type_idle, DURATION, "10m", 0, OPTION_YEAR_MS, "", RESTART,                      \
      "A metric's type is the first that came; when none of its series has had a sample for "      \
      "this long (and for two intervals), the next sample of another type takes the name over. "   \
      "0 means never.")                                                                            \
    X(prometheus, buckets, DOUBLES, ".005,.01,.025,.05,.1,.25,.5,1,2.5,5,10", -1e300, 1e300,       \
      "", RELOAD,                                                                                  \
      "Upper bounds of a histogram's buckets, rising, separated by commas; seconds for ms "        \
      "timings; at most 128. +Inf is added.")                                                      \
    X(prometheus, native_histogram_factor, DOUBLE, "0", 0, 65536, "", RELOAD,                      \
      "Histograms are native histograms, too, whose buckets grow by this factor at most, such "    \
      "as 1.1; Prometheus gets them in the protobuf format. 0 means off.")                         \
    X(prometheus, native_histogram_max_buckets, UINT, "160", 0, 10000, "", RELOAD,                 \
      "Most buckets of a native histogram. With one more, buckets join two by two, for good. 0 "   \
      "means no limit.")                                                                           \
    X(http, listen, STRING, "127.0.0.1:9102", 0, 0, "", RESTART,                                   \
      "Address and port of the HTTP server. Port 0 picks a free one; empty turns it off.")         \
    X(http, allow, STRING, "", 0, 0, "", RESTART,                                                  \
      "Networks from which HTTP clients may connect, such as 10.0.0.0/8,fd00::/8 or single "       \
      "addresses, with commas between; others are closed at once and counted. Empty means "        \
      "everybody who reaches http.listen.")                                                        \
    X(http, web_config, STRING, "", 0, 0, "", RESTART,                                             \
      "A file with TLS, users and headers of the HTTP server, in the form of Prometheus' "         \
      "web.yml (docs/web_config.md). It is read again when it changes. Empty: plain HTTP for "     \
      "everybody.")                                                                                \
    X(http, hosts, STRING, "", 0, 0, "", RESTART,                                                  \
      "Names by which browsers ask for the page and the API, with commas between, beside "         \
      "addresses, localhost and the host name; others are answered 421, so that no web site gets " \
      "in by DNS rebinding. * takes any, as behind a proxy that checks. Not asked for where "      \
      "http.web_config has users.")                                                                \
    X(http, guard_metrics, BOOL, "off", 0, 0, "", RESTART,                                         \
      "Look at Host, Origin and Sec-Fetch-Site of requests for /metrics and /cluster/metrics, "    \
      "too, as of those for the page and the API (http.hosts). Off, for Prometheus may ask by "    \
      "any name; then a web site can read the metrics by DNS rebinding.")                          \
    X(http, access_log, BOOL, "off", 0, 0, "", RESTART,                                            \
      "A line in the log for each request: method, path, query, status, bytes, ms, remote, user, " \
      "request_id, user_agent.")                                                                   \
    X(http, lifecycle, BOOL, "off", 0, 0, "", RESTART,                                             \
      "Allow POST /-/quit (as TERM), POST /-/reload (as HUP) and what changes something below "    \
      "/api/v1/ to whoever reaches the HTTP server.")                                              \
    X(http, max_connections, UINT, "1024", 1, 65535, "", RESTART,                                  \
      "Most connections at a time. When there are as many, a new one takes the place of the "      \
      "one that has been quiet for longest; an address that holds few goes before one that "       \
      "holds many.")                                                                               \
    X(http, max_per_ip, UINT, "32", 1, 65535, "", RESTART,                                         \
      "Most connections of one address at a time; the addresses of an IPv6 /64 count as one.")     \
    X(http, sample, SIZE, "64KiB", 0, 64 * OPTION_MIB, "", RESTART,                                \
      "How much of what arrives each worker sets aside a second, for /api/v1/top, senders and "    \
      "tail; what exceeds it is sampled. 0: nothing, and these have nothing to show.")             \
    X(http, show_lines, BOOL, "on", 0, 0, "", RESTART,                                             \
      "Show lines as they came on /api/v1/tail, and those that were refused on /api/v1/rejected. " \
      "Off, where they may hold what is private.")                                                 \
    X(http, max_streams, UINT, "64", 1, 4096, "", RESTART,                                         \
      "Most readers of live data (/api/v1/stream, /api/v1/tail) at a time, all addresses "         \
      "together; the next one is answered 503. They do not count for http.max_per_ip.")            \
    X(http, max_streams_per_ip, UINT, "0", 0, 4096, "", RESTART,                                   \
      "Most readers of live data of one address at a time, and most tails of it. 0: a quarter "    \
      "of http.max_streams and of the 16 tails, at least 4; of a loopback address as many as "     \
      "there are, for a proxy on this machine asks for many from there. Behind a proxy on "        \
      "another machine set it to what all its clients need.")                                      \
    X(http, timeout, DURATION, "5s", 1000, OPTION_HOUR_MS, "", RESTART,                            \
      "An idle connection is closed after this long; whole seconds. A request must be complete "   \
      "10 s after its first byte, whatever this is.")                                              \
    X(mirror, to, STRING, "", 0, 0, "", RELOAD,                                                    \
      "A server, such as a staging one, that gets a copy of what comes in (docs/mirror.md): "      \
      "udp://HOST:PORT, unixgram:///PATH, tcp://HOST:PORT or unix:///PATH; streams with "          \
      "?framing=dsd if it wants that. It never holds this server up: what it does not take is "    \
      "dropped and counted. Empty means none.")                                                    \
    X(mirror, share, STRING, "100%", 0, 0, "", RELOAD,                                             \
      "How much of it: a number of 0 to 1, or with a %.")                                          \
    X(mirror, by, ENUM, "series", 0, 0, "series|datagram", RELOAD,                                 \
      "What the share is of: series, all lines of some names and tags, the same ones on every "    \
      "server, so that their sums there are those here; datagram, every so-many-th datagram as "   \
      "it came.")                                                                                  \
    X(capture, dir, STRING, "", 0, 0, "", RESTART,                                                 \
      "A folder for captures: what comes in, as pcap files that tcpdump and Wireshark read "       \
      "(docs/capture.md). It has to exist. Empty means that none can be made.")                    \
    X(capture, start, BOOL, "off", 0, 0, "", RESTART,                                              \
      "Whether a capture begins when the server starts; else it is begun and ended by "            \
      "POST /api/v1/capture, which needs http.lifecycle.")                                         \
    X(capture, share, DOUBLE, "1", 0.000001, 1, "", RESTART,                                       \
      "Which share of the datagrams is captured, evenly: 0.01 is every hundredth of each worker. " \
      "POST can ask for less.")                                                                    \
    X(capture, snaplen, SIZE, "256KiB", 128, 256 * OPTION_KIB, "", RESTART,                        \
      "How much of each packet is kept, its IP and UDP headers counted; readers see that the rest "\
      "is missing.")                                                                               \
    X(capture, max_bytes, SIZE, "1GiB", 0, 16384 * OPTION_GIB, "", RESTART,                        \
      "A capture ends when it has written this much; POST can ask for less. 0 means that it goes " \
      "on, and the oldest files make room.")                                                       \
    X(capture, max_file_bytes, SIZE, "64MiB", OPTION_MIB, 1024 * OPTION_GIB, "", RESTART,          \
      "The next file begins when one has this size.")                                              \
    X(capture, max_files, UINT, "16", 1, 10000, "", RESTART,                                       \
      "Captures' files in the folder; the oldest is removed when there would be more.")            \
    X(redis, url, SECRET, "", 0, 0, "", RESTART,                                                   \
      "redis://[user[:password]@]host[:port][/db], rediss:// the same over TLS, several hosts "    \
      "(host,host) for a cluster, redis+sentinel://host[:port]/master, or "                        \
      "unix:///path[?db=N]. Empty turns Redis off.")                                               \
    X(redis, password_file, STRING, "", 0, 0, "", RESTART,                                         \
      "File with the password of Redis as its one line, in place of one in redis.url. It is "      \
      "read for each connection, so a new password is taken without a restart.")                   \
    X(redis, sentinel_password_file, STRING, "", 0, 0, "", RESTART,                                \
      "The same for Sentinels (redis+sentinel://) that want one.")                                 \
    X(redis, tls_ca_file, STRING, "", 0, 0, "", RESTART,                                           \
      "With rediss://, PEM file of the CAs that sign the certificates of Redis. Empty takes "      \
      "the CAs of this system.")                                                                   \
    X(redis, tls_cert_file, STRING, "", 0, 0, "", RESTART,                                         \
      "With rediss://, PEM file of the certificate shown to a Redis that asks for one. This "      \
      "one, the CA's and the key's are read again when they change.")                              \
    X(redis, tls_key_file, STRING, "", 0, 0, "", RESTART,                                          \
      "PEM file of its key.")                                                                      \
    X(redis, prefix, STRING, "sd", 0, 0, "", RESTART,                                              \
      "First part of every key.")                                                                  \
    X(redis, retention, DURATION, "10m", 1000, OPTION_YEAR_MS, "", RESTART,                        \
      "How long the keys of one interval live; whole seconds.")                                    \
    X(redis, spool_max_bytes, SIZE, "256MiB", OPTION_MIB, 1024 * OPTION_GIB, "", RESTART,          \
      "Memory for intervals that wait while Redis is away. Those older than two intervals are "    \
      "compressed; past it the oldest go to disk, or are dropped and counted.")                    \
    X(redis, spool_disk_max_bytes, SIZE, "1GiB", 0, 16384 * OPTION_GIB, "", RESTART,               \
      "Disk in server.state_dir for intervals that have no room in memory; past it the oldest is " \
      "dropped and counted. 0 means none; so does an empty server.state_dir.")                     \
    X(redis, spool_max_age, DURATION, "10m", 1000, OPTION_YEAR_MS, "", RESTART,                    \
      "Longest an interval waits for Redis before it is dropped and counted.")                     \
    X(redis, events_max, UINT, "10000", 0, 100000000, "", RESTART,                                 \
      "About how many entries each of the two streams of events and service checks keeps in "      \
      "Redis, and how many of each kind wait for it while it is away (in 16 MiB for both). 0 "     \
      "means that none are sent.")                                                                 \
    X(redis, totals_ttl, DURATION, "24h", 0, OPTION_YEAR_MS, "", RESTART,                          \
      "Totals of a series that no instance has sent for this long are removed; whole seconds. "    \
      "0 keeps them.")                                                                             \
    X(redis, gauge_merge, ENUM, "latest", 0, 0, "latest|sum|min|max|avg", RELOAD,                  \
      "What a gauge of several instances is as a whole: its latest value, or one made of those "   \
      "of all instances that are alive. A mapping rule may say otherwise (gauge_merge).")          \
    X(redis, instance_label, BOOL, "off", 0, 0, "", RESTART,                                       \
      "Each instance keeps its own value of every gauge in Redis, whatever the rule, and "         \
      "/cluster/metrics shows each on a line of its own, with the label instance.")                \
    X(redis, instance_ttl, DURATION, "0", 0, OPTION_DAY_MS, "", RESTART,                           \
      "For how long after its last batch the gauges of an instance count. 0 is five intervals.")   \
    X(redis, connect_timeout, DURATION, "2s", 10, OPTION_HOUR_MS, "", RESTART,                     \
      "Longest a connection to Redis may take.")                                                   \
    X(redis, reply_timeout, DURATION, "5s", 10, OPTION_HOUR_MS, "", RESTART,                       \
      "Longest a reply of Redis may take before the connection is given up.")

/* X(section, help): the sections in the order of the example file. */
#define OPTION_SECTIONS(X)                                                                         \
    X(server,     "The process.")                                                                  \
    X(listen,     "Where metrics come in.")                                                        \
    X(protocol,   "How lines are understood.")                                                     \
    X(limits,     "How much clients may send; what a limit refuses is counted.")                   \
    X(aggregate,  "How samples become numbers.")                                                   \
    X(prometheus, "How metrics look on /metrics.")                                                 \
    X(http,       "The HTTP server.")                                                              \
    X(mirror,     "A copy of what comes in, for another server.")                                  \
    X(capture,    "What comes in, into files: docs/capture.md.")                                   \
    X(redis,      "The Redis sink.")
/* clang-format on */

#endif
