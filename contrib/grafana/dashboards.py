#!/usr/bin/python3
"""The Grafana dashboards of this folder, as tables of panels; the JSON files are made of them.

    dashboards.py            write the *.json beside this file
    dashboards.py --check    exit status 1 if one of them is not what is written here

In an expression `@` stands for the selector of the dashboard's variables, `@(reason="x")` for that and more labels;
`or on() vector(0)` is a line at 0 where there is nothing, and only there; a mean or a share of nothing is left out (`/ (... > 0)`).
What goes by $__range, the time shown, is asked once, not for each point of a line.
Each description says what is normal and what is not.  Sizes: a row of a dashboard has 24 columns.
"""
import json
import os
import re
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
SOURCE = {"type": "prometheus", "uid": "${DS_PROMETHEUS}"}
UP_AND_DOWN = [{"type": "value", "options": {"0": {"text": "down", "color": "red"}, "1": {"text": "up", "color": "green"}}}]
REDIS_STATE = [{"type": "value", "options": {"-1": {"text": "not set", "color": "text"}, "0": {"text": "away", "color": "red"},
                                             "1": {"text": "connected", "color": "green"}}}]


def row(title):
    return {"row": title}


def panel(title, description, unit, *targets, kind="timeseries", w=8, h=7, **more):
    """targets: (expression, legend).  more: stack, bad (a threshold from which it is red), mappings, decimals, step (the least, as
    "1m": $__rate_interval is four of them or more; else it goes by the scrape interval that the data source says)."""
    return dict(title=title, description=description, unit=unit, targets=targets, kind=kind, w=w, h=h, **more)


def stat(title, description, unit, expr, w=4, **more):
    return panel(title, description, unit, (expr, ""), kind="stat", w=w, h=4, **more)


SERVER = [
    row("Now"),
    stat("Servers up", "Targets that answered their last scrape. Normal: all that you run. Fewer: see the alert StatsdDown.",
         "none", "sum(up@)"),
    stat("Lines per second", "StatsD lines that were read, of all servers. Normal: what your applications send. 0: nothing arrives.",
         "cps", "sum(rate(statsd_lines_received_total@[$__rate_interval]))"),
    stat("Lost in the kernel", "Datagrams in the time shown that the kernel dropped because a receive buffer was full. Normal: 0. "
         "Anything else is lost for good: StatsdKernelDrops.",
         "short", "sum(increase(statsd_udp_kernel_drops_total@[$__range])) or on() vector(0)", bad=1, decimals=0),
    stat("Not understood", "Share of samples that were rejected. Normal: 0, or a steady trickle of one broken client. "
         "From 1 % on somebody's metrics are missing: StatsdLinesRejected.",
         "percentunit", "sum(rate(statsd_samples_rejected_total@[$__rate_interval])) / "
         "(sum(rate(statsd_samples_read_total@[$__rate_interval])) > 0) or on() vector(0)", bad=0.01, decimals=2),
    stat("Series of the limit", "Series known, as a share of limits.max_series, of the fullest server. Normal: below 80 %. "
         "At 100 % new series are refused: StatsdSeriesNearLimit.",
         "percentunit", "max(sum by (job, instance) (statsd_series@) / on (job, instance) statsd_series_limit@)", bad=0.8),
    stat("Redis", "Whether every server that has redis.url is connected to each node that it needs. Normal: connected, or not set where no "
         "server has one. away: StatsdRedisDown.",
         "none", "min(statsd_redis_up@) or on() vector(-1)", mappings=REDIS_STATE),
    row("Where every line went"),
    panel("Received", "Lines and datagrams per second. Normal: follows the load of your applications. A fall to 0 with applications running: "
          "StatsdSilent. Streams (tcp, unix) bring lines without datagrams.", "cps",
          ("sum(rate(statsd_lines_received_total@[$__rate_interval]))", "lines"),
          ("sum(rate(statsd_datagrams_received_total@[$__rate_interval]))", "datagrams")),
    panel("What became of the samples", "Samples per second by what was done with them; together they are all that were read. "
          "Normal: nearly all aggregated. The others have a panel each below.", "cps",
          ("sum(rate(statsd_samples_aggregated_total@[$__rate_interval]))", "aggregated"),
          ("sum(rate(statsd_samples_rejected_total@[$__rate_interval]))", "rejected"),
          ("sum(rate(statsd_samples_refused_total@[$__rate_interval]))", "refused by a limit on series"),
          ("sum(rate(statsd_samples_dropped_total@[$__rate_interval]))", "dropped by a rule or a limit on rates"), stack=True),
    panel("Not accounted for", "Samples read less those aggregated, rejected, refused and dropped, in one scrape. "
          "Normal: 0, always. Anything else is a fault of the server: StatsdConservationBroken.", "short",
          ("statsd_samples_read_total@ - statsd_samples_aggregated_total@ - statsd_samples_refused_total@ - on (job, instance) "
           "sum by (job, instance) (statsd_samples_rejected_total@) - on (job, instance) sum by (job, instance) (statsd_samples_dropped_total@)",
           "{{instance}}"), bad=1),
    panel("Lost in the kernel, by socket", "Datagrams per second that the kernel dropped because the receive buffer of a socket was full. "
          "Normal: 0. Above: a larger buffer, more workers, or less load.", "cps",
          ("sum by (instance, socket) (rate(statsd_udp_kernel_drops_total@[$__rate_interval]))", "{{instance}} {{socket}}"), bad=0.001),
    panel("Rejected, by reason", "Samples and lines per second that were not understood. Normal: none. A new reason is a new client, or a new "
          "version of one: /api/v1/rejected has the latest lines of each reason and who sent them.", "cps",
          ("sum by (reason) (rate(statsd_samples_rejected_total@[$__rate_interval])) > 0 or on() label_replace(vector(0), \"reason\", \"none\", \"\", \"\")",
           "{{reason}}"), stack=True),
    panel("Refused and dropped", "Good samples per second that a limit refused (too many series) or that were dropped: rule and empty_name by the "
          "mapping, rate by limits.max_samples_per_name, mark by another server's mirror. Normal: 0, but for rules that you wrote to drop.", "cps",
          ("sum(rate(statsd_samples_refused_total@[$__rate_interval]))", "refused"),
          ("sum by (reason) (rate(statsd_samples_dropped_total@[$__rate_interval]))", "dropped: {{reason}}")),
    panel("Limits on one application", "Samples per second that limits.max_series_per_name, max_series_per_origin and max_samples_per_name kept "
          "out, and whose they were. Normal: 0, or empty where none of these is set.", "cps",
          ("sum by (limit, who) (rate(statsd_limited_total@[$__rate_interval])) or on() label_replace(vector(0), \"who\", \"nobody\", \"\", \"\")",
           "{{limit}} {{who}}"), w=6),
    panel("Senders turned away", "Connections and datagrams per second that were refused: not_allowed (allow= of the socket), limit and "
          "per_address (too many connections). Normal: 0.", "cps",
          ('sum by (reason) (rate(statsd_stream_connections_refused_total@[$__rate_interval])) or on() '
           'label_replace(vector(0), "reason", "no streams", "", "")', "connections: {{reason}}"),
          ('sum by (reason) (rate(statsd_socket_datagrams_refused_total@[$__rate_interval])) or on() '
           'label_replace(vector(0), "reason", "no such sockets", "", "")', "datagrams: {{reason}}"), w=6),
    panel("Kept off the page", "Samples per second that are not on /metrics: their name has another type already, or is reserved. "
          "Redis has them. Normal: 0. The log says which name: off_page.", "cps",
          ("sum(rate(statsd_type_conflicts_total@[$__rate_interval]))", "another type"),
          ("sum(rate(statsd_reserved_names_total@[$__rate_interval]))", "reserved name"),
          ("sum(rate(statsd_tag_errors_total@[$__rate_interval]))", "malformed tags, cut out"), w=6),
    panel("Other losses and faults", "Per second. Normal: 0. Lines cut: the connection broke before the line's end, so it was dropped. Receive errors: "
          "the kernel refused to give a datagram. Regex limit: a search of the mapping took too many steps and counted as no match. Sums: a sum that "
          "would be beyond the finite numbers stays as it was.", "cps",
          ("sum by (socket) (rate(statsd_stream_lines_cut_total@[$__rate_interval])) or on() "
           'label_replace(vector(0), "socket", "no streams", "", "")', "lines cut: {{socket}}"),
          ("sum(rate(statsd_receive_errors_total@[$__rate_interval]))", "receive errors"),
          ("sum(rate(statsd_mapping_regex_limits_total@[$__rate_interval]))", "regex limit"),
          ("sum(rate(statsd_sums_refused_total@[$__rate_interval]))", "sums"), w=6),
    row("Cost"),
    panel("CPU", "Cores in use. Normal: in step with the lines received. Near the number of workers and one more: the kernel will drop next.",
          "none", ("rate(process_cpu_seconds_total@[$__rate_interval])", "{{instance}}")),
    panel("Memory", "Resident memory. Normal: in step with the series, and flat when they are. `statsd check` prints the most that the limits "
          "allow: StatsdMemoryHigh.", "bytes", ("process_resident_memory_bytes@", "{{instance}}")),
    panel("Open descriptors", "Sockets, connections and files. Normal: flat, or in step with the connections. Near LimitNOFILE (ulimit -n) "
          "connections wait to be accepted.", "short", ("process_open_fds@", "{{instance}}")),
    panel("Series, by kind", "Series known now. Normal: flat once all applications have sent. A steady climb is an id in a name or a tag.",
          "short", ("sum by (kind) (statsd_series@)", "{{kind}}"), stack=True),
    panel("Series that come and go", "Series per second seen for the first time, and removed after their ttl. Normal: near 0 but after a deployment. "
          "Both high: names or tags that are used once.", "cps",
          ("sum(rate(statsd_series_created_total@[$__rate_interval]))", "new"),
          ("sum(rate(statsd_series_expired_total@[$__rate_interval]))", "removed")),
    panel("Memory reserve", "Times that the system had no memory and the reserve was given back for it. Normal: 0. Above: the machine is out of "
          "memory, and the server refuses what needs more: StatsdOutOfMemory.", "short",
          ("statsd_memory_reserve_used_total@", "{{instance}}"), bad=1),
    row("Page and intervals"),
    panel("Scrape time", "Seconds that a scrape took Prometheus, and that its rendering took the server. Normal: well below the scrape timeout (10 s). "
          "Near it scrapes fail: StatsdScrapeSlow.", "s",
          ("scrape_duration_seconds@", "{{instance}} scrape"), ("statsd_last_render_duration_seconds@", "{{instance}} rendering")),
    panel("Page size", "Bytes of the last page, before compression. Normal: in step with the series.", "bytes",
          ("statsd_last_render_bytes@", "{{instance}}")),
    panel("Scrapes that failed", "Requests for /metrics per second that were answered 503 because as many pages as may be were being read, or cut off "
          "because their client read too slowly. Normal: 0.", "cps",
          ("sum(rate(statsd_http_scrapes_refused_total@[$__rate_interval]))", "refused"),
          ("sum(rate(statsd_http_scrapes_cut_total@[$__rate_interval]))", "cut off")),
    panel("Closing an interval", "Seconds that the last close of an interval took the control thread. Normal: some milliseconds, far below "
          "server.interval.", "s", ("statsd_last_flush_duration_seconds@", "{{instance}}")),
    panel("Intervals late", "Intervals per second that were closed more than half an interval late, or that went to Redis in one go because the "
          "next one had ended; pages of workers that waited. Normal: 0. Above: the control thread has too little CPU: StatsdFlushLate.", "cps",
          ("sum(rate(statsd_intervals_late_total@[$__rate_interval]))", "late"),
          ("sum(rate(statsd_intervals_rushed_total@[$__rate_interval]))", "rushed"),
          ("sum(rate(statsd_page_turns_late_total@[$__rate_interval]))", "page turns put off")),
    panel("Events and service checks", "DogStatsD events and service checks received per second, and those dropped. Normal: dropped is 0.", "cps",
          ("sum(rate(statsd_events_total@[$__rate_interval]))", "events"),
          ("sum(rate(statsd_service_checks_total@[$__rate_interval]))", "service checks"),
          ("sum(rate(statsd_events_dropped_total@[$__rate_interval])) + sum(rate(statsd_service_checks_dropped_total@[$__rate_interval]))",
           "dropped")),
    row("Connections"),
    panel("Stream connections", "Connections open by tcp, tls and unix sockets. Normal: one or a few for each process that sends. A climb without new "
          "processes: a client that does not close. Empty (0) without such sockets.", "short",
          ("sum by (socket) (statsd_stream_connections@) or on() label_replace(vector(0), \"socket\", \"none\", \"\", \"\")", "{{socket}}")),
    panel("Stream connections that ended", "Per second, by reason. Normal: eof, by the client, and idle. bad_frame: a client that speaks the other "
          "framing. tls: its handshake failed.", "cps",
          ("sum by (reason) (rate(statsd_stream_connections_closed_total@[$__rate_interval])) or on() label_replace(vector(0), \"reason\", \"none\", \"\", \"\")",
           "{{reason}}")),
    panel("Certificates: time left", "Until the certificate of a TLS socket, or of HTTP, is out of date. Normal: more than 14 days. "
          "Below: StatsdCertificateExpires. Empty (0) without TLS.", "s",
          ("statsd_tls_certificate_expiry_timestamp_seconds@ - time() or statsd_http_tls_certificate_expiry_timestamp_seconds@ - time() or on() vector(0)",
           "{{instance}} {{socket}}")),
    panel("TLS handshakes", "Handshakes of senders per second by result. Normal: ok. failed: the other side has no CA for the certificate, or no "
          "certificate of its own where one is asked for.", "cps",
          ("sum by (result) (rate(statsd_tls_handshakes_total@[$__rate_interval])) or on() label_replace(vector(0), \"result\", \"no tls\", \"\", \"\")",
           "{{result}}")),
    panel("HTTP", "Requests per second, those that the server itself answered with an error, and readers of live data. Normal: a request a scrape and "
          "server; rejected near 0; no reader refused (http.max_streams).", "short",
          ("sum(rate(statsd_http_requests_total@[$__rate_interval]))", "requests per second"),
          ("sum(rate(statsd_http_requests_rejected_total@[$__rate_interval]))", "rejected per second"),
          ("sum(statsd_http_streams@)", "readers of live data"),
          ("sum by (reason) (rate(statsd_http_streams_refused_total@[$__rate_interval]))", "readers refused per second: {{reason}}")),
    panel("HTTP connections", "Open now, and turned away per second by reason. Normal: a few; none turned away.", "short",
          ("sum(statsd_http_connections@)", "open"),
          ("sum by (reason) (rate(statsd_http_connections_refused_total@[$__rate_interval]))", "turned away per second: {{reason}}")),
    row("Redis, mirror, capture"),
    panel("Oldest interval waiting for Redis", "Seconds. Normal: below server.interval. A climb: Redis is away or too slow: StatsdRedisLagging. "
          "The dashboard of the fleet has more.", "s",
          ("statsd_redis_spool_age_seconds@ or on() vector(0)", "{{instance}}")),
    panel("Mirror", "Lines sent to mirror.to per second, and datagrams dropped by reason. Normal: dropped is 0; all 0 without a mirror.", "cps",
          ("sum(rate(statsd_mirror_lines_total@[$__rate_interval]))", "lines sent"),
          ("sum by (reason) (rate(statsd_mirror_dropped_total@[$__rate_interval]))", "dropped: {{reason}}")),
    panel("Capture", "Bytes per second written to captures, and datagrams dropped by reason. Normal: 0 while none runs; dropped is 0.", "short",
          ("sum(rate(statsd_capture_bytes_total@[$__rate_interval]))", "bytes per second"),
          ("sum by (reason) (rate(statsd_capture_dropped_total@[$__rate_interval]))", "dropped: {{reason}}")),
    row("What runs"),
    panel("Versions", "Servers by version and commit. Normal: one version, but while you upgrade.", "none",
          ("count by (version, commit) (statsd_build_info@)", "{{version}} {{commit}}")),
    panel("Up for", "Since the start of the process. Normal: falls to 0 at a deployment only: StatsdRestarting.", "s",
          ("time() - process_start_time_seconds@", "{{instance}}")),
    panel("Last reload", "1: the configuration in force is the one on disk at the last reload; 0: it was refused, and the one before goes on. "
          "Normal: up (1). StatsdReloadFailed.", "none", ("statsd_last_reload_successful@", "{{instance}}")),
]

# Both kinds of timers: the histogram's quantile, where the server makes histograms, else the summary's own.
BY_BUCKETS = "histogram_quantile(%s, sum by (le%s) (rate(${duration}_bucket@[$__rate_interval])))"
BY_SUMMARY = 'max%s (${duration}@(quantile="%s"))'


def quantile(q, by=""):
    return (BY_BUCKETS % (q, ", " + by if by else "")) + " or " + (BY_SUMMARY % (" by (%s)" % by if by else "", q))


def rate_of(*names, mark="@@"):
    """Rate of what has one of these names, as by prometheus.suffixes.  Not by a regex: rate() drops the name, and what differs in it
    alone collides."""
    return " or ".join("rate(%s%s[$__rate_interval])" % (name, mark) for name in names)


FLASK = [
    row("Now"),
    stat("Requests per second", "Of all endpoints shown. Normal: your traffic. 0 with users: the app does not send, or is down.",
         "reqps", "sum(rate($requests@[$__rate_interval]))", w=6),
    stat("Errors", "Share of requests answered 5xx. Normal: below 1 %, or what you have promised.",
         "percentunit", '(sum(rate($requests@(status=~"5..")[$__rate_interval])) or on() vector(0)) / (sum(rate($requests@[$__rate_interval])) > 0)',
         w=6, bad=0.01, decimals=2),
    stat("p99", "99 of 100 requests took no longer. Normal: flat. With summaries: the slowest series, over aggregate.summary_max_age (10 min), as "
         "quantiles cannot be added up; with histograms: of all requests.", "s", quantile("0.99"), w=6),
    stat("Orders per minute", "orders.created, which the example counts by hand: what your users came for. Normal: your business knows.",
         "short", "sum(%s) * 60 or on() vector(0)" % rate_of("orders_created", "orders_created_total", mark='@@(service=~"$service")'),
         w=6, decimals=1),
    row("Rate"),
    panel("Requests, by endpoint", "Requests per second. Normal: follows your traffic; an endpoint that falls to 0 has lost its callers.", "reqps",
          ("sum by (endpoint) (rate($requests@[$__rate_interval]))", "{{endpoint}}"), w=12, stack=True),
    panel("Requests, by status", "Requests per second. Normal: nearly all 2xx and 3xx.", "reqps",
          ("sum by (status) (rate($requests@[$__rate_interval]))", "{{status}}"), w=12, stack=True),
    row("Errors"),
    panel("Share of errors, by endpoint", "Answered 5xx of all requests of the endpoint; a gap while it has none. Normal: 0. One endpoint alone: "
          "its code or what it calls; all at once: what they share.", "percentunit",
          ('(sum by (endpoint) (rate($requests@(status=~"5..")[$__rate_interval])) or 0 * sum by (endpoint) (rate($requests@[$__rate_interval])))'
           " / (sum by (endpoint) (rate($requests@[$__rate_interval])) > 0)", "{{endpoint}}"), w=12),
    panel("Errors, by status", "Requests per second answered 4xx (the caller's fault) and 5xx (ours). Normal: some 404; no 5xx.", "reqps",
          ('sum by (status) (rate($requests@(status=~"[45]..")[$__rate_interval])) or on() label_replace(vector(0), "status", "none", "", "")', "{{status}}"),
          w=12),
    row("Duration"),
    panel("Quantiles", "Seconds; with histograms of all requests, with summaries the slowest series of each. Normal: p50 flat, p99 some times p50. p99 away from p50: a few slow requests; all rise: the app "
          "is short of CPU or workers.", "s",
          (quantile("0.5"), "p50"), (quantile("0.9"), "p90"), (quantile("0.99"), "p99"), w=12),
    panel("p99, by endpoint", "Seconds. Normal: flat for each. A step at a deployment: that deployment.", "s",
          (quantile("0.99", "endpoint"), "{{endpoint}}"), w=12),
    panel("Mean, by endpoint", "Seconds: the sum of durations by their count, which is right over any number of servers; a gap while there are no "
          "requests. Normal: flat. It rises with p99 flat: all requests are slower, not a few.",
          "s", ("sum by (endpoint) (rate(${duration}_sum@[$__rate_interval])) / (sum by (endpoint) (rate(${duration}_count@[$__rate_interval])) > 0)",
                "{{endpoint}}"), w=12),
    panel("Time spent, by endpoint", "Seconds of work per second: how many workers each endpoint keeps busy. Normal: together below the number of "
          "workers (times threads). At it requests queue.", "none",
          ("sum by (endpoint) (rate(${duration}_sum@[$__rate_interval]))", "{{endpoint}}"), w=12, stack=True),
    row("gunicorn"),
    panel("Workers", "Workers that gunicorn has now. Normal: what -w says. Fewer: they die and come again; its log says why. 0 also where gunicorn "
          "was not told --statsd-host.", "short",
          ("max by (service) (${gunicorn}_workers@@) or on() vector(0)", "{{service}}")),
    panel("Requests that gunicorn counted", "Per second, to compare with the app's own. Normal: the same. More: requests that never reached the app.",
          "reqps", ("sum(%s) or on() vector(0)" % rate_of("${gunicorn}_requests", "${gunicorn}_requests_total"), "gunicorn"),
          ("sum(rate($requests@[$__rate_interval]))", "app")),
    panel("Mean duration that gunicorn saw", "Seconds, with what gunicorn does around the app. Normal: just above the app's own mean; a gap while "
          "there are no requests.", "s",
          ("sum(%s) / (sum(%s) > 0)" % tuple(rate_of("${gunicorn}_request_duration_" + end, "${gunicorn}_request_duration_seconds_" + end)
                                             for end in ("sum", "count")), "gunicorn"),
          ("sum(rate(${duration}_sum@[$__rate_interval])) / (sum(rate(${duration}_count@[$__rate_interval])) > 0)", "app")),
]

FLEET = [
    row("Now"),
    stat("Instances", "Servers that wrote an interval to Redis in the last minute, as /cluster/metrics counts them. Normal: all that you run.",
         "none", "max(statsd_cluster_instances#)"),
    stat("Connected", "Servers connected to every node of Redis that they need, as a share. Normal: 100 %. Less: StatsdRedisDown.",
         "percentunit", "avg(statsd_redis_up@)"),
    stat("Longest wait", "Age of the oldest interval that waits for Redis, of the server that is furthest behind. Normal: below "
         "server.interval. From a minute on: StatsdRedisLagging.", "s", "max(statsd_redis_spool_age_seconds@)", bad=60),
    stat("Dropped from the spool", "Series values in the time shown whose interval was dropped because the spool was full or too old. Normal: 0: "
         "StatsdRedisSpoolDropping.", "short", "sum(increase(statsd_redis_dropped_series_total@[$__range]))", bad=1, decimals=0),
    stat("Lost by Redis", "Series values in the time shown that Redis had acknowledged and lost, and that could not be sent again. Normal: 0: "
         "StatsdRedisDataLost.", "short", "sum(increase(statsd_redis_lost_series_total@[$__range]))", bad=1, decimals=0),
    stat("Names used twice", "Intervals in the time shown in which another live server wrote under the same server.instance. Normal: 0: "
         "StatsdInstanceNameTwice.", "short", "sum(increase(statsd_redis_instance_conflicts_total@[$__range]))", bad=1, decimals=0),
    row("Ledger"),
    panel("Series values applied", "Per second, by server. Normal: its series that change in an interval, by server.interval.", "cps",
          ("rate(statsd_redis_applied_series_total@[$__rate_interval])", "{{instance}}")),
    panel("Intervals applied", "Per second, by server. Normal: 1 / server.interval each: 0.1 for 10 s. 0: that server does not reach Redis.", "cps",
          ("rate(statsd_redis_applied_intervals_total@[$__rate_interval])", "{{instance}}")),
    panel("Bytes sent", "Per second, by server. Normal: in step with the series applied; about 90 bytes for a counter.", "Bps",
          ("rate(statsd_redis_sent_bytes_total@[$__rate_interval])", "{{instance}}")),
    row("Lag and spool"),
    panel("Oldest interval waiting", "Seconds, by server. Normal: below server.interval. All servers climb: Redis. One alone: its network or "
          "its CPU. At redis.spool_max_age intervals are dropped.", "s", ("statsd_redis_spool_age_seconds@", "{{instance}}")),
    panel("Batches waiting", "Batches of at most 250 series that wait, by server. Normal: 0 but for a moment in each interval.", "short",
          ("statsd_redis_spool_batches@", "{{instance}}")),
    panel("Spool", "Bytes that wait or are kept for repair, of all servers: in memory (of these compressed), and in files. "
          "Normal: a few intervals. Near redis.spool_max_bytes or redis.spool_disk_max_bytes the oldest is dropped.", "bytes",
          ("sum(statsd_redis_spool_bytes@)", "memory"), ("sum(statsd_redis_spool_compressed_bytes@)", "of these compressed"),
          ("sum(statsd_redis_spool_disk_bytes@)", "files")),
    panel("Dropped and carried", "Series values per second that were dropped with their interval, and of these the ones whose totals are carried: "
          "the difference is lost from the totals too. Normal: 0.", "cps",
          ("sum(rate(statsd_redis_dropped_series_total@[$__rate_interval]))", "dropped"),
          ("sum(rate(statsd_redis_carried_series_total@[$__rate_interval]))", "carried")),
    panel("Files of the spool", "Failures to write them, and series values in files that were damaged or gone, since the start. Normal: 0. "
          "Above: the disk of server.state_dir.", "short",
          ("sum(statsd_redis_spool_write_failures_total@)", "failed writes"),
          ("sum(statsd_redis_spool_damaged_series_total@)", "series in damaged files")),
    panel("Left out of Redis", "Values per second that were left out: a sum beyond the finite numbers (refused), a saved state that another process "
          "went on from (fenced). Normal: 0.", "cps",
          ("sum(rate(statsd_redis_refused_values_total@[$__rate_interval]))", "refused"),
          ("sum(rate(statsd_redis_fenced_series_total@[$__rate_interval]))", "fenced")),
    row("Exactly once"),
    panel("Sent again", "Batches per second that were sent again after a lost connection or a gap, and those that Redis had applied already: it "
          "did not count them twice. Normal: 0 but for a moment after a failover or a restart of Redis.", "cps",
          ("sum(rate(statsd_redis_batches_resent_total@[$__rate_interval]))", "sent again"),
          ("sum(rate(statsd_redis_batches_duplicate_total@[$__rate_interval]))", "duplicates, not applied")),
    panel("Gaps", "Times that Redis had lost acknowledged batches, by server, and those of them that reached further back than what was kept: something "
          "is lost. Normal: flat; a step at a failover; epochs never.", "short",
          ("statsd_redis_gaps_total@", "{{instance}} gaps"), ("statsd_redis_epochs_total@", "{{instance}} epochs")),
    panel("Lost", "What Redis lost and could not be sent again, since the start. Normal: 0. Producers: keys that Redis evicted or somebody "
          "deleted; set maxmemory-policy noeviction.", "short",
          ("sum(statsd_redis_lost_batches_total@)", "batches"), ("sum(statsd_redis_lost_series_total@)", "series values"),
          ("sum(statsd_redis_lost_intervals_total@)", "intervals"), ("sum(statsd_redis_lost_producers_total@)", "producers"), bad=1),
    panel("One name or identity twice", "By server: intervals in which another one wrote under its name, and batches whose number another one had used. "
          "Normal: 0. Names: give each its server.instance. Identities: a machine that was copied while it ran.", "short",
          ("statsd_redis_instance_conflicts_total@", "{{instance}} name"),
          ("statsd_redis_foreign_duplicates_total@", "{{instance}} identity")),
    panel("Idle totals removed", "Series per second whose totals nobody had sent for redis.totals_ttl. Normal: in step with the series that end; "
          "high while names or tags are used once.", "cps",
          ("sum(rate(statsd_redis_pruned_series_total@[$__rate_interval]))", "series")),
    panel("Events", "Events and service checks: appended to their streams per second, dropped or refused per second, and waiting. Normal: none dropped, "
          "and those that wait gone within an interval.",
          "short", ("sum(rate(statsd_redis_events_appended_total@[$__rate_interval]))", "appended"),
          ("sum(rate(statsd_redis_events_dropped_total@[$__rate_interval])) + sum(rate(statsd_redis_events_refused_total@[$__rate_interval]))",
           "dropped or refused"), ("sum(statsd_redis_events_waiting@)", "waiting")),
    row("Connections to Redis"),
    panel("Connected, by server", "By server: 1 while it is connected to each node that has a shard. Normal: up (1).", "none",
          ("statsd_redis_up@", "{{instance}}"), mappings=UP_AND_DOWN),
    panel("Nodes", "Nodes that have a shard, as each server sees them: masters of a cluster, or 1. Normal: the same for all servers.", "short",
          ("statsd_redis_nodes@", "{{instance}}")),
    panel("Connections", "Per second, of all servers: made, lost, failed attempts. Normal: 0; a few at a failover. Failures without end: the "
          "address, the network, TLS or the password; the log says which.", "cps",
          ("sum(rate(statsd_redis_connects_total@[$__rate_interval]))", "made"),
          ("sum(rate(statsd_redis_disconnects_total@[$__rate_interval]))", "lost"),
          ("sum(rate(statsd_redis_connect_failures_total@[$__rate_interval]))", "failed")),
    panel("Errors", "Error replies of Redis per second, by server. Normal: 0. Above: a right, memory or a replica; the log says `redis refused`, and "
          "what to do.", "cps", ("rate(statsd_redis_errors_total@[$__rate_interval])", "{{instance}}")),
    panel("Redirects", "Commands per second that a node of a cluster sent elsewhere, and questions who has what. Normal: 0; a wave while slots move "
          "or a replica takes over.", "cps",
          ("sum by (kind) (rate(statsd_redis_redirects_total@[$__rate_interval]))", "{{kind}}"),
          ("sum(rate(statsd_redis_map_refreshes_total@[$__rate_interval]))", "questions")),
    panel("Batches", "Per second, by server. Normal: the two lines are the same. A gap between them is what Redis has not answered yet, or refused.",
          "cps",
          ("rate(statsd_redis_batches_sent_total@[$__rate_interval])", "{{instance}} sent"),
          ("rate(statsd_redis_batches_applied_total@[$__rate_interval])", "{{instance}} applied")),
    row("The fleet's page: /cluster/metrics"),
    panel("Requests of the fleet", "Per second, from Redis by the fleet's page and as the sum of the pages of all servers, for the metric of the variable "
          "requests. Normal: the same, an interval apart. 0 where nobody sends such a metric. Over 4 min, as the page may be scraped once a minute.", "reqps",
          ("sum(rate($requests#[$__rate_interval])) or on() vector(0)", "fleet's page"),
          ("sum(rate($requests@[$__rate_interval])) or on() vector(0)", "sum of all servers"), step="1m"),
    # When a reading fails /cluster/metrics is a 503 without metrics: of the readings only the server itself tells, on its /metrics.
    panel("Age of the page", "Seconds since the last reading of Redis that succeeded began, by server whose /cluster/metrics is asked for. Normal: up to "
          "the scrape interval of that page and server.interval together. A climb: readings fail: StatsdClusterPageFailing.", "s",
          ("time() - (statsd_cluster_last_fill_timestamp_seconds@ > 0) and on (job, instance) "
           "sum by (job, instance) (rate(statsd_cluster_fillings_total@[5m])) > 0", "{{instance}}")),
    panel("Reading time", "Seconds that the last reading of Redis took, by server that has read. Normal: 0.4 s for 100,000 series; at 30 s it is given up.",
          "s", ("statsd_cluster_last_fill_duration_seconds@ > 0", "{{instance}}")),
    panel("Readings, by result", "Per second. Normal: ok alone. away: no Redis; refused: a right; late: longer than 30 s; behind: Redis has lost "
          "writes that come again.", "cps",
          ("sum by (result) (rate(statsd_cluster_fillings_total@[$__rate_interval]))", "{{result}}")),
    panel("Series on the page", "Series, of all instances together. Normal: those of the fleet; flat.", "short",
          ("max(statsd_cluster_series#)", "series")),
    panel("Left out of the page", "Totals that are in Redis and not on the page, by reason. Normal: idle and gone as applications come and go. "
          "limited: limits.max_series is reached. odd: no totals of ours.", "short",
          ("max by (reason) (statsd_cluster_left_out_series#)", "{{reason}}")),
]


def query_variable(name, label, query, **more):
    return {"name": name, "label": label, "type": "query", "datasource": SOURCE, "definition": query,
            "query": {"query": query, "refId": "var-" + name}, "refresh": 2, "sort": 1, "hide": 0, "multi": True, "includeAll": True,
            "allValue": ".*", "regex": "", "options": [], "current": {"selected": True, "text": ["All"], "value": ["$__all"]}, **more}


def text_variable(name, label, value):
    option = {"selected": True, "text": value, "value": value}
    return {"name": name, "label": label, "type": "textbox", "query": value, "hide": 0, "options": [option], "current": option}


# All of these is what the list offers, the servers' own pages: ".*" would be every target of the Prometheus, and /cluster/metrics too.
JOB = query_variable("job", "Job", "label_values(statsd_build_info, job)", allValue=None)
INSTANCE = query_variable("instance", "Instance", 'label_values(statsd_build_info{job=~"$job"}, instance)', allValue=None)
# And of the fleet those that have a Redis.
FLEET_JOB = query_variable("job", "Job", "label_values(statsd_redis_up, job)", allValue=None)
FLEET_INSTANCE = query_variable("instance", "Instance", 'label_values(statsd_redis_up{job=~"$job"}, instance)', allValue=None)
ONE = dict(multi=False, includeAll=False, allValue=None, current={})
# Of all jobs with metrics of that page the one that is not /metrics; also while it answers nothing.  label_values() takes no expression.
CLUSTER = query_variable("cluster", "Job of /cluster/metrics", "query_result(count by (job) (last_over_time(statsd_cluster_series[$__range]) "
                         "unless on (job) last_over_time(statsd_build_info[$__range])))", regex='/job="([^"]*)"/', **ONE)
GUNICORN = query_variable("gunicorn", "gunicorn's prefix", 'label_values({__name__=~"(.+_)?gunicorn_requests(_total)?", job=~"$job"}, __name__)',
                          regex="/^(.*gunicorn)_requests/", **ONE)
REQUESTS = text_variable("requests", "Metric: requests", "http_requests")
SERVERS = 'job=~"$job", instance=~"$instance"'
DASHBOARDS = {  # file: (uid, title, description, panels, variables, {mark: labels})
    "statsd-server.json": ("statsd-server", "StatsD server", "Each server itself: where every line went, cost, intervals, connections.",
                           SERVER, [JOB, INSTANCE], {"@": SERVERS}),
    "red-flask.json": ("statsd-red-flask", "Flask: rate, errors, duration",
                       "The Flask example: its requests by endpoint and status. The names of its metrics are variables, for a mapping or "
                       "prometheus.suffixes that changes them.",
                       FLASK, [REQUESTS, text_variable("duration", "Metric: duration", "http_request_duration"),
                               query_variable("job", "Job", "label_values($requests, job)", **ONE),
                               query_variable("service", "Service", 'label_values($requests{job=~"$job"}, service)'),
                               query_variable("endpoint", "Endpoint", 'label_values($requests{job=~"$job", service=~"$service"}, endpoint)'),
                               GUNICORN, text_variable("step", "Scrape interval, if not the data source's", "")],
                       {"@@": 'job=~"$job"', "@": 'job=~"$job", service=~"$service", endpoint=~"$endpoint"'}),
    "redis-fleet.json": ("statsd-redis-fleet", "StatsD fleet on Redis",
                         "All servers that write to one Redis: ledger, lag and spool, exactly once, connections, and the fleet's page.",
                         FLEET, [FLEET_JOB, FLEET_INSTANCE, CLUSTER, REQUESTS], {"@": SERVERS, "#": 'job=~"$cluster"'}),
}


def expression(text, marks):
    """The marks of an expression replaced by selectors."""
    def selector(m):
        mark, more = m.group(1), m.group(2)
        return "{%s}" % (marks[mark] + (", " + more[1:-1] if more else ""))
    # What stands in parentheses behind a mark has no parentheses but those of a regex in quotes.
    return re.sub(r'(@@|@|#)(\((?:[^()"]|"[^"]*")*\))?', selector, text)


def field_config(p):
    steps = [{"color": "green", "value": None}] + ([{"color": "red", "value": p["bad"]}] if "bad" in p else [])
    custom = {"drawStyle": "line", "lineWidth": 1, "fillOpacity": 20 if p.get("stack") else 8, "showPoints": "never", "spanNulls": False,
              "stacking": {"mode": "normal" if p.get("stack") else "none", "group": "A"},
              "thresholdsStyle": {"mode": "dashed" if "bad" in p else "off"}}
    defaults = {"unit": p["unit"], "mappings": p.get("mappings", []), "color": {"mode": "thresholds" if p["kind"] == "stat" else "palette-classic"},
                "thresholds": {"mode": "absolute", "steps": steps}}
    if p["kind"] == "timeseries":
        defaults["custom"] = custom
        if "Not accounted" not in p["title"]:
            defaults["min"] = 0
    if "decimals" in p:
        defaults["decimals"] = p["decimals"]
    return {"defaults": defaults, "overrides": []}


def once(expr):
    """Whether one value says it all, that of the time shown: a line of it would be asked for at each of its points."""
    return "$__range" in expr


def options(p):
    if p["kind"] == "stat":
        graph = "none" if once(p["targets"][0][0]) else "area"
        return {"reduceOptions": {"calcs": ["lastNotNull"], "fields": "", "values": False}, "colorMode": "value", "graphMode": graph,
                "justifyMode": "auto", "textMode": "auto", "orientation": "auto"}
    return {"legend": {"displayMode": "list", "placement": "bottom", "showLegend": True, "calcs": []}, "tooltip": {"mode": "multi", "sort": "desc"}}


def asked(p, marks, step):
    """The queries of a panel; step is the least one of its dashboard, its own goes before."""
    least = p.get("step", step)
    return [{"refId": chr(ord("A") + i), "datasource": SOURCE, "editorMode": "code", "expr": expression(expr, marks), "legendFormat": legend,
             "range": not once(expr), "instant": once(expr), **({"interval": least} if least else {})}
            for i, (expr, legend) in enumerate(p["targets"])]


def laid_out(panels, marks, step):
    """Panels from left to right, a new line where one has no room."""
    out, x, y, height = [], 0, 0, 0
    for p in panels:
        w, h = (24, 1) if "row" in p else (p["w"], p["h"])
        if x + w > 24:
            x, y, height = 0, y + height, 0
        at = {"h": h, "w": w, "x": x, "y": y}
        x, height = x + w, max(height, h)
        if "row" in p:
            out.append({"id": len(out) + 1, "type": "row", "title": p["row"], "gridPos": at, "collapsed": False, "panels": []})
            continue
        out.append({"id": len(out) + 1, "type": p["kind"], "title": p["title"], "description": p["description"], "datasource": SOURCE, "gridPos": at,
                    "targets": asked(p, marks, step), "fieldConfig": field_config(p), "options": options(p)})
    return out


def dashboard(uid, title, description, panels, variables, marks):
    return {
        "__inputs": [{"name": "DS_PROMETHEUS", "label": "Prometheus", "description": "", "type": "datasource", "pluginId": "prometheus",
                      "pluginName": "Prometheus"}],
        "__requires": [{"type": "datasource", "id": "prometheus", "name": "Prometheus", "version": "1.0.0"},
                       {"type": "panel", "id": "stat", "name": "Stat", "version": ""},
                       {"type": "panel", "id": "timeseries", "name": "Time series", "version": ""}],
        "id": None, "uid": uid, "title": title, "description": description, "tags": ["statsd"], "schemaVersion": 38, "version": 1,
        "editable": True, "graphTooltip": 1, "timezone": "browser", "refresh": "30s", "time": {"from": "now-1h", "to": "now"},
        "timepicker": {}, "annotations": {"list": []}, "links": [{"title": "StatsD", "type": "dashboards", "tags": ["statsd"], "asDropdown": True,
                                                                    "includeVars": False, "keepTime": True, "targetBlank": False, "icon": "",
                                                                    "tooltip": "", "url": ""}],
        "templating": {"list": variables}, "panels": laid_out(panels, marks, "$step" if any(v["name"] == "step" for v in variables) else None)}


def main(*words):
    stale = 0
    for name, parts in DASHBOARDS.items():
        path, text = os.path.join(HERE, name), json.dumps(dashboard(*parts), indent=2) + "\n"
        if words == ("--check",):
            with open(path, encoding="utf-8") as f:
                if f.read() != text:
                    print("%s is not what dashboards.py makes" % name)
                    stale = 1
        else:
            with open(path, "w", encoding="utf-8") as f:
                f.write(text)
    return stale


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
