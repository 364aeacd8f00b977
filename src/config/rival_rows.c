/**
 * The table of rivals.h: first the ends that rows have in common, then a list for each server.  A
 * name that several servers have stands in the list of each one that `statsd convert` reads, else
 * in `any`.
 */
#include "config/rivals.h"

/* The ends of a row: our option and its value; words for the command line; or why there is
 * nothing to write. */
#define SET(id, value) OPTION_##id, value, NULL
#define WRITE(words)   OPTION_COUNT, words, NULL
#define WHY(reason)    OPTION_COUNT, NULL, reason

#define SOCKET_UDP  SET(listen_socket, "udp://%")
#define SOCKET_UNIX SET(listen_socket, "unixgram://%")
#define SOCKET_TCP  SET(listen_socket, "tcp://%")
#define MIRROR      SET(mirror_to, "udp://%")
#define MAPPING_NAMES                                                                              \
    WHY("leave it out: names stay as they are sent; a rule of a mapping file renames them, with "  \
        "match ^(.*)$, match_type regex and name PREFIX_${1}")
#define BACKEND                                                                                    \
    WHY("leave it out: values go to /metrics and to Redis (--set redis.url=redis://HOST:6379)")
#define TUNING     WHY("leave it out: there is nothing to tune here")
#define FOREGROUND "leave it out: it runs in the foreground and logs to standard output"
#define NO_DAEMON  WHY(FOREGROUND)
#define ONLY_NAME_TAGS                                                                             \
    WHY("leave it out: tags inside names are read only where protocol.name_tags says so")
#define GLOBAL_TAGS SET(aggregate_global_tags, "%")
#define DEBUG_LOG   SET(server_log_level, "debug")
#define HTTP_LISTEN SET(http_listen, "%")
#define REDIS_URL   SET(redis_url, "redis://HOST:6379")
#define OWN_METRICS WHY("leave it out: the server's own figures are on /metrics, as statsd_*")
#define IDLE        WHY("leave it out: aggregate.ttl says when a silent series is forgotten")

static const struct rival statsd_exporter[] = {
    { "statsd.listen-udp", RIVAL_ADDRESS, SOCKET_UDP },
    { "statsd.listen-tcp", RIVAL_ADDRESS, SOCKET_TCP },
    { "statsd.listen-unixgram", RIVAL_TEXT, SOCKET_UNIX },
    { "statsd.listen-address", RIVAL_ADDRESS, SOCKET_UDP },
    { "statsd.unixsocket-mode", RIVAL_TEXT, SET(listen_socket, "unixgram:///PATH?mode=%") },
    { "statsd.mapping-config", RIVAL_FILE, SET(prometheus_mapping, "%") },
    { "statsd.read-buffer", RIVAL_TEXT, SET(listen_rcvbuf, "%") },
    { "statsd.cache-size", RIVAL_UNUSED, TUNING },
    { "statsd.cache-type", RIVAL_UNUSED, TUNING },
    { "statsd.event-queue-size", RIVAL_UNUSED, TUNING },
    { "statsd.event-flush-threshold", RIVAL_UNUSED, TUNING },
    { "statsd.event-flush-interval", RIVAL_UNUSED, TUNING },
    { "statsd.udp-packet-queue-size", RIVAL_UNUSED, TUNING },
    { "statsd.parse-dogstatsd-tags", RIVAL_SWITCH,
      WHY("leave it out: DogStatsD tags are always read") },
    { "no-statsd.parse-dogstatsd-tags", RIVAL_SWITCH,
      WHY("DogStatsD tags are always read; aggregate.drop_tags leaves tags out") },
    { "statsd.parse-influxdb-tags", RIVAL_SWITCH, SET(protocol_name_tags, "influx") },
    { "statsd.parse-librato-tags", RIVAL_SWITCH, SET(protocol_name_tags, "librato") },
    { "statsd.parse-signalfx-tags", RIVAL_SWITCH, SET(protocol_name_tags, "signalfx") },
    { "no-statsd.parse-influxdb-tags", RIVAL_SWITCH, ONLY_NAME_TAGS },
    { "no-statsd.parse-librato-tags", RIVAL_SWITCH, ONLY_NAME_TAGS },
    { "no-statsd.parse-signalfx-tags", RIVAL_SWITCH, ONLY_NAME_TAGS },
    { "statsd.relay.address", RIVAL_ADDRESS, MIRROR },
    { "statsd.relay.packet-length", RIVAL_UNUSED, TUNING },
    { "web.listen-address", RIVAL_WEB, HTTP_LISTEN },
    { "web.enable-lifecycle", RIVAL_SWITCH, SET(http_lifecycle, "on") },
    { "no-web.enable-lifecycle", RIVAL_SWITCH, SET(http_lifecycle, "off") },
    { "web.telemetry-path", RIVAL_UNUSED, WHY("leave it out: the page is always /metrics") },
    { "web.config.file", RIVAL_FILE, SET(http_web_config, "%") },
    { "web.systemd-socket", RIVAL_SWITCH, WHY("this release opens its sockets itself") },
    { "check-config", RIVAL_SWITCH, WRITE("statsd check") },
    { "debug.dump-fsm", RIVAL_UNUSED,
      WHY("leave it out: `statsd explain` says which rule took a "
          "line") },
    { "log.level", RIVAL_TEXT, SET(server_log_level, "%") },
    { "log.format", RIVAL_TEXT, SET(server_log_format, "%") },
};

static const struct rival gostatsd[] = {
    { "metrics-addr", RIVAL_ADDRESS, SOCKET_UDP },
    { "console-addr", RIVAL_WEB, HTTP_LISTEN },
    { "web-addr", RIVAL_WEB, HTTP_LISTEN },
    { "config-path", RIVAL_FILE, WRITE("-c %") },
    { "flush-interval", RIVAL_SECONDS, SET(server_interval, "%") },
    { "flush-aligned", RIVAL_SWITCH, WHY("leave it out: intervals are always aligned") },
    { "flush-offset", RIVAL_UNUSED, WHY("leave it out: intervals are aligned to the clock") },
    { "expiry-interval", RIVAL_SECONDS, SET(aggregate_ttl, "%") },
    { "expiry-interval-counter", RIVAL_UNUSED, IDLE },
    { "expiry-interval-gauge", RIVAL_UNUSED, IDLE },
    { "expiry-interval-set", RIVAL_UNUSED, IDLE },
    { "expiry-interval-timer", RIVAL_UNUSED, IDLE },
    { "max-readers", RIVAL_TEXT, SET(server_workers, "%") },
    { "max-workers", RIVAL_TEXT, SET(server_workers, "%") },
    { "max-parsers", RIVAL_TEXT, SET(server_workers, "%") },
    { "max-queue-size", RIVAL_UNUSED, TUNING },
    { "max-concurrent-events", RIVAL_UNUSED, TUNING },
    { "conn-per-reader", RIVAL_SWITCH, WHY("leave it out: each worker has its own socket") },
    { "percent-threshold", RIVAL_PERCENTS, SET(aggregate_quantiles, "%") },
    { "backends", RIVAL_UNUSED, BACKEND },
    { "namespace", RIVAL_UNUSED, MAPPING_NAMES },
    { "receive-batch-size", RIVAL_UNUSED, TUNING },
    { "bad-lines-per-minute", RIVAL_UNUSED,
      WHY("leave it out: statsd_samples_rejected_total counts bad lines by reason, `statsd "
          "explain` shows why") },
    { "log-raw-metric", RIVAL_SWITCH,
      WHY("leave it out: `statsd explain LINE` shows how a line is understood") },
    { "default-tags", RIVAL_TEXT, GLOBAL_TAGS },
    { "ignore-host", RIVAL_SWITCH,
      WHY("leave it out: the sender's address never becomes a tag here") },
    { "hostname", RIVAL_TEXT, SET(server_instance, "%") },
    { "server-mode", RIVAL_UNUSED, WHY("leave it out: several servers meet in one Redis") },
    { "heartbeat-enabled", RIVAL_SWITCH, OWN_METRICS },
    { "statser-type", RIVAL_UNUSED, OWN_METRICS },
    { "internal-namespace", RIVAL_UNUSED, OWN_METRICS },
    { "internal-tags", RIVAL_UNUSED, OWN_METRICS },
    { "json", RIVAL_SWITCH, SET(server_log_format, "json") },
    { "verbose", RIVAL_SWITCH, DEBUG_LOG },
};

static const struct rival etsy[] = {
    { "port", RIVAL_ADDRESS, SOCKET_UDP },
    { "address", RIVAL_ADDRESS, SOCKET_UDP },
    { "mgmt_port", RIVAL_WEB, HTTP_LISTEN },
    { "mgmt_address", RIVAL_WEB, HTTP_LISTEN },
    { "flushInterval", RIVAL_MILLIS, SET(server_interval, "%") },
    { "percentThreshold", RIVAL_PERCENTS, SET(aggregate_quantiles, "%") },
    { "deleteIdleStats", RIVAL_SWITCH, SET(aggregate_ttl, "1h") },
    { "deleteCounters", RIVAL_SWITCH, IDLE },
    { "deleteGauges", RIVAL_SWITCH, IDLE },
    { "deleteTimers", RIVAL_SWITCH, IDLE },
    { "deleteSets", RIVAL_SWITCH, IDLE },
    { "gaugesMaxTTL", RIVAL_UNUSED, IDLE },
    { "backends", RIVAL_UNUSED, BACKEND },
    { "graphite", RIVAL_UNUSED, BACKEND },
    { "console", RIVAL_UNUSED, BACKEND },
    { "graphiteHost", RIVAL_UNUSED, BACKEND },
    { "graphitePort", RIVAL_UNUSED, BACKEND },
    { "graphitePicklePort", RIVAL_UNUSED, BACKEND },
    { "graphiteProtocol", RIVAL_UNUSED, BACKEND },
    { "prefixStats", RIVAL_UNUSED, OWN_METRICS },
    { "flush_counts", RIVAL_UNUSED,
      WHY("leave it out: a counter is a sum here; rate() and "
          "increase() of PromQL give the rest") },
    { "calculatedTimerMetrics", RIVAL_UNUSED,
      WHY("leave it out: a timer has quantiles, sum and count") },
    { "dumpMessages", RIVAL_SWITCH,
      WHY("leave it out: `statsd explain LINE` shows how a line is understood") },
    { "debug", RIVAL_SWITCH, DEBUG_LOG },
    { "log", RIVAL_UNUSED, NO_DAEMON },
    { "title", RIVAL_UNUSED, NO_DAEMON },
    { "healthStatus", RIVAL_UNUSED, WHY("leave it out: GET /-/healthy and /-/ready tell") },
    { "keyFlush", RIVAL_UNUSED, WHY("this release has no list of the most frequent names") },
    { "keyNameSanitize", RIVAL_UNUSED,
      WHY("leave it out: names are kept; /metrics shows what Prometheus does not allow as _") },
    { "automaticConfigReload", RIVAL_UNUSED, WHY("leave it out: HUP reads the config again") },
    { "socket", RIVAL_TEXT, SET(listen_socket, "unix://%") },
    { "repeaterProtocol", RIVAL_UNUSED, TUNING },
};

static const struct rival statsdaemon[] = {
    { "graphite", RIVAL_UNUSED, BACKEND },
    { "prefix", RIVAL_UNUSED, MAPPING_NAMES },
    { "postfix", RIVAL_UNUSED, MAPPING_NAMES },
    { "delete-gauges", RIVAL_SWITCH, SET(aggregate_ttl, "1h") },
    { "persist-count-keys", RIVAL_UNUSED, SET(aggregate_ttl, "1h") },
    { "max-udp-packet-size", RIVAL_UNUSED,
      WHY("leave it out: a datagram may have 65535 bytes; --set limits.max_line=BYTES bounds one "
          "line") },
};

/* Keys of datadog.yaml, and flags of the stand-alone dogstatsd. */
static const struct rival datadog[] = {
    { "dogstatsd_port", RIVAL_ADDRESS, SOCKET_UDP },
    { "dogstatsd_socket", RIVAL_TEXT, SOCKET_UNIX },
    { "dogstatsd_stream_socket", RIVAL_TEXT, SET(listen_socket, "unixstream://%?framing=dsd") },
    { "dogstatsd_pipe_name", RIVAL_UNUSED, WHY("there are no named pipes here") },
    { "dogstatsd_non_local_traffic", RIVAL_SWITCH, SET(listen_socket, "udp://0.0.0.0:8125") },
    { "dogstatsd_so_rcvbuf", RIVAL_TEXT, SET(listen_rcvbuf, "%") },
    { "dogstatsd_origin_detection", RIVAL_SWITCH, SET(protocol_origin_tags, "on") },
    { "dogstatsd_origin_detection_client", RIVAL_SWITCH, SET(protocol_origin_tags, "on") },
    { "dogstatsd_origin_optout_enabled", RIVAL_UNUSED, TUNING },
    { "dogstatsd_tag_cardinality", RIVAL_UNUSED,
      WHY("leave it out: the container id is the only tag made of a sender's origin") },
    { "dogstatsd_disable_verbose_logs", RIVAL_SWITCH, SET(protocol_log_rejected, "off") },
    { "dogstatsd_eol_required", RIVAL_UNUSED,
      WHY("leave it out: the last line of a datagram needs no LF") },
    { "dogstatsd_buffer_size", RIVAL_UNUSED, TUNING },
    { "dogstatsd_packet_buffer_size", RIVAL_UNUSED, TUNING },
    { "dogstatsd_packet_buffer_flush_timeout", RIVAL_UNUSED, TUNING },
    { "dogstatsd_queue_size", RIVAL_UNUSED, TUNING },
    { "dogstatsd_pipeline_autoadjust", RIVAL_UNUSED, TUNING },
    { "dogstatsd_pipeline_count", RIVAL_UNUSED, TUNING },
    { "dogstatsd_workers_count", RIVAL_UNUSED, TUNING },
    { "dogstatsd_string_interner_size", RIVAL_UNUSED, TUNING },
    { "dogstatsd_mem_based_rate_limiter", RIVAL_UNUSED, TUNING },
    { "dogstatsd_mapper_cache_size", RIVAL_UNUSED, TUNING },
    { "dogstatsd_no_aggregation_pipeline", RIVAL_UNUSED,
      WHY("leave it out: a sample with a timestamp is aggregated like any other") },
    { "dogstatsd_no_aggregation_pipeline_batch_size", RIVAL_UNUSED, TUNING },
    { "dogstatsd_flush_incomplete_buckets", RIVAL_UNUSED,
      WHY("leave it out: a stop hands over the open interval too") },
    { "dogstatsd_expiry_seconds", RIVAL_UNUSED, IDLE },
    { "dogstatsd_context_expiry_seconds", RIVAL_UNUSED, IDLE },
    { "dogstatsd_stats_enable", RIVAL_UNUSED, OWN_METRICS },
    { "dogstatsd_stats_buffer", RIVAL_UNUSED, OWN_METRICS },
    { "dogstatsd_stats_port", RIVAL_WEB, HTTP_LISTEN },
    { "dogstatsd_metrics_stats_enable", RIVAL_UNUSED, OWN_METRICS },
    { "dogstatsd_logging_enabled", RIVAL_UNUSED, NO_DAEMON },
    { "dogstatsd_log_file", RIVAL_UNUSED, NO_DAEMON },
    { "dogstatsd_log_file_max_size", RIVAL_UNUSED, NO_DAEMON },
    { "dogstatsd_log_file_max_rolls", RIVAL_UNUSED, NO_DAEMON },
    { "dogstatsd_capture_path", RIVAL_UNUSED, WHY("this release records no traffic") },
    { "dogstatsd_capture_depth", RIVAL_UNUSED, WHY("this release records no traffic") },
    { "statsd_forward_host", RIVAL_ADDRESS, MIRROR },
    { "statsd_metric_namespace", RIVAL_UNUSED, MAPPING_NAMES },
    { "histogram_copy_to_distribution", RIVAL_UNUSED,
      WHY("leave it out: histograms and distributions are the same here") },
    { "histogram_copy_to_distribution_prefix", RIVAL_UNUSED,
      WHY("leave it out: histograms and distributions are the same here") },
    { "tags", RIVAL_TEXT, GLOBAL_TAGS },
    { "extra_tags", RIVAL_TEXT, GLOBAL_TAGS },
    { "dogstatsd_tags", RIVAL_TEXT, GLOBAL_TAGS },
    { "cfgpath", RIVAL_FILE, WRITE("-c %") },
};

static const struct rival statsite[] = {
    { "udp_port", RIVAL_ADDRESS, SOCKET_UDP },
    { "bind_address", RIVAL_ADDRESS, SOCKET_UDP },
    { "udp_rcvbuf", RIVAL_TEXT, SET(listen_rcvbuf, "%") },
    { "aligned_flush", RIVAL_UNUSED, WHY("leave it out: intervals are always aligned") },
    { "quantiles", RIVAL_TEXT, SET(aggregate_quantiles, "%") },
    { "timer_eps", RIVAL_UNUSED,
      WHY("leave it out: --set aggregate.sketch_schema=5 is within 1.1 % of the true quantile") },
    { "set_eps", RIVAL_UNUSED, TUNING },
    { "stream_cmd", RIVAL_UNUSED, BACKEND },
    { "binary_stream", RIVAL_UNUSED, BACKEND },
    { "input_counter", RIVAL_UNUSED, OWN_METRICS },
    { "extended_counters", RIVAL_UNUSED,
      WHY("leave it out: a counter is a sum here; rate() of PromQL gives the rest") },
    { "parse_stdin", RIVAL_UNUSED, WHY("`statsd explain` reads lines from standard input") },
    { "use_type_prefix", RIVAL_UNUSED, MAPPING_NAMES },
    { "global_prefix", RIVAL_UNUSED, MAPPING_NAMES },
    { "log_facility", RIVAL_UNUSED, NO_DAEMON },
};

static const struct rival any[] = {
    { "f", RIVAL_FILE, WRITE("-c %") },
    { "config.file", RIVAL_FILE, WRITE("-c %") },
    { "config-file", RIVAL_FILE, WRITE("-c %") },
    { "conf", RIVAL_FILE, WRITE("-c %") },
    { "cfg", RIVAL_FILE, WRITE("-c %") },
    { "file", RIVAL_FILE, WRITE("-c %") },
    { "config-directory", RIVAL_UNUSED, WHY("there is one config file: -c FILE") },
    { "validate-config", RIVAL_SWITCH, WRITE("statsd check") },
    { "validate", RIVAL_SWITCH, WRITE("statsd check") },
    { "test", RIVAL_SWITCH, WRITE("statsd check") },
    { "t", RIVAL_SWITCH, WRITE("statsd check") },
    { "check", RIVAL_SWITCH, WRITE("statsd check") },
    { "dry-run", RIVAL_SWITCH, WRITE("statsd check") },
    { "p", RIVAL_ADDRESS, SOCKET_UDP },
    { "udp", RIVAL_ADDRESS, SOCKET_UDP },
    { "udp-addr", RIVAL_ADDRESS, SOCKET_UDP },
    { "listen", RIVAL_ADDRESS, SOCKET_UDP },
    { "listen-address", RIVAL_ADDRESS, SOCKET_UDP },
    { "bind", RIVAL_ADDRESS, SOCKET_UDP },
    { "addr", RIVAL_ADDRESS, SOCKET_UDP },
    { "host", RIVAL_TEXT, SET(listen_socket, "udp://%:8125") },
    { "tcp", RIVAL_ADDRESS, SOCKET_TCP },
    { "tcp-port", RIVAL_ADDRESS, SOCKET_TCP },
    { "tcp-addr", RIVAL_ADDRESS, SOCKET_TCP },
    { "unix-socket", RIVAL_TEXT, SOCKET_UNIX },
    { "http", RIVAL_WEB, HTTP_LISTEN },
    { "http-port", RIVAL_WEB, HTTP_LISTEN },
    { "http-addr", RIVAL_WEB, HTTP_LISTEN },
    { "web-port", RIVAL_WEB, HTTP_LISTEN },
    { "metrics-port", RIVAL_WEB, HTTP_LISTEN },
    { "prometheus-port", RIVAL_WEB, HTTP_LISTEN },
    { "interval", RIVAL_SECONDS, SET(server_interval, "%") },
    { "flush", RIVAL_SECONDS, SET(server_interval, "%") },
    { "percentiles", RIVAL_PERCENTS, SET(aggregate_quantiles, "%") },
    { "workers", RIVAL_TEXT, SET(server_workers, "%") },
    { "threads", RIVAL_TEXT, SET(server_workers, "%") },
    { "rcvbuf", RIVAL_TEXT, SET(listen_rcvbuf, "%") },
    { "read-buffer", RIVAL_TEXT, SET(listen_rcvbuf, "%") },
    { "ttl", RIVAL_SECONDS, SET(aggregate_ttl, "%") },
    { "mirror", RIVAL_ADDRESS, MIRROR },
    { "relay", RIVAL_ADDRESS, MIRROR },
    { "repeater", RIVAL_ADDRESS, MIRROR },
    { "redis", RIVAL_UNUSED, REDIS_URL },
    { "redis-host", RIVAL_UNUSED, REDIS_URL },
    { "redis-addr", RIVAL_UNUSED, REDIS_URL },
    { "redis-port", RIVAL_UNUSED, REDIS_URL },
    { "redis-password", RIVAL_UNUSED,
      WHY("STATSD_REDIS_URL=redis://:PASSWORD@HOST:6379 in the environment") },
    { "v", RIVAL_SWITCH, WRITE("--version, or --set server.log_level=debug for more in the log") },
    { "d", RIVAL_SWITCH, WHY(FOREGROUND "; --set server.log_level=debug logs more") },
    { "loglevel", RIVAL_TEXT, SET(server_log_level, "%") },
    { "log-file", RIVAL_UNUSED, NO_DAEMON },
    { "logfile", RIVAL_UNUSED, NO_DAEMON },
    { "l", RIVAL_UNUSED, NO_DAEMON },
    { "q", RIVAL_SWITCH, SET(server_log_level, "error") },
    { "quiet", RIVAL_SWITCH, SET(server_log_level, "error") },
    { "daemon", RIVAL_SWITCH, NO_DAEMON },
    { "daemonize", RIVAL_SWITCH, NO_DAEMON },
    { "foreground", RIVAL_SWITCH, NO_DAEMON },
    { "pidfile", RIVAL_UNUSED, NO_DAEMON },
    { "pid-file", RIVAL_UNUSED, NO_DAEMON },
    { "user", RIVAL_UNUSED, WHY("leave it out: systemd, docker or su choose the user") },
    { "?", RIVAL_SWITCH, WRITE("--help") },
};

#define LIST(of)                                                                                   \
    {                                                                                              \
        of, ARRAY_LEN(of)                                                                          \
    }
const struct rival_list rival_lists[RIVAL_SERVER_COUNT] = {
    [RIVAL_STATSD_EXPORTER] = LIST(statsd_exporter),
    [RIVAL_GOSTATSD] = LIST(gostatsd),
    [RIVAL_ETSY] = LIST(etsy),
    [RIVAL_STATSDAEMON] = LIST(statsdaemon),
    [RIVAL_DATADOG] = LIST(datadog),
    [RIVAL_STATSITE] = LIST(statsite),
    [RIVAL_ANY] = LIST(any),
};
