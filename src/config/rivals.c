/**
 * The table `rows`, and how a row is found (rival_find) and read out (rival_answer).
 */
#include "config/rivals.h"

#include <ctype.h>
#include <stdio.h>

#include "base/number.h"
#include "config/escape.h"

/* X(kind, placeholder): how the rival's value becomes ours; what is shown where none was given. */
#define RIVAL_VALUES(X)                                                                            \
    X(SWITCH, "")           /* takes none */                                                       \
    X(TEXT, "VALUE")        /* as it is */                                                         \
    X(FILE, "FILE")         /* as it is */                                                         \
    X(ADDRESS, "HOST:PORT") /* ":9125" and "9125" mean every address */                            \
    X(WEB, "HOST:PORT")     /* the same; without a port it gets ours */                            \
    X(SECONDS, "10s")       /* a bare number is seconds */                                         \
    X(MILLIS, "10000ms")    /* a bare number is milliseconds */                                    \
    X(PERCENTS, "0.5,0.9")  /* 90 or 90,99: a hundredth of each */                                 \
    X(UNUSED, "")           /* takes one that means nothing here */

enum rival_value {
#define X(id, unknown) RIVAL_##id,
    RIVAL_VALUES(X)
#undef X
};

struct rival {
    const char *name;
    enum rival_value takes;
    const char *ours; /* what to write here, '%' for the value; or a sentence */
};

#define SOCKET_UDP "--set listen.socket=udp://%"
#define NO_TCP     "this release receives datagrams only: udp:// and unixgram://"
#define NO_MAPPING                                                                                 \
    "this release has no mapping files: names and tags become names and labels as they are"
#define NO_BACKEND                                                                                 \
    "leave it out: values go to /metrics and to Redis (--set redis.url=redis://HOST:6379)"
#define NO_PREFIX  "leave it out: names stay as they are sent; relabel in Prometheus"
#define NO_TUNING  "leave it out: there is nothing to tune here"
#define FOREGROUND "leave it out: it runs in the foreground and logs to standard output"
#define ONLY_NAME_TAGS                                                                             \
    "leave it out: tags inside names are read only where protocol.name_tags says so"
#define DEBUG_LOG "--set server.log_level=debug"

static const struct rival rows[] = {
    /* statsd_exporter */
    { "statsd.listen-udp", RIVAL_ADDRESS, SOCKET_UDP },
    { "statsd.listen-tcp", RIVAL_UNUSED, NO_TCP },
    { "statsd.listen-unixgram", RIVAL_TEXT, "--set listen.socket=unixgram://%" },
    { "statsd.listen-address", RIVAL_ADDRESS, SOCKET_UDP },
    { "statsd.unixsocket-mode", RIVAL_TEXT, "--set 'listen.socket=unixgram:///PATH?mode=%'" },
    { "statsd.mapping-config", RIVAL_UNUSED, NO_MAPPING },
    { "statsd.read-buffer", RIVAL_TEXT, "--set listen.rcvbuf=%" },
    { "statsd.cache-size", RIVAL_UNUSED, NO_TUNING },
    { "statsd.cache-type", RIVAL_UNUSED, NO_TUNING },
    { "statsd.event-queue-size", RIVAL_UNUSED, NO_TUNING },
    { "statsd.event-flush-threshold", RIVAL_UNUSED, NO_TUNING },
    { "statsd.event-flush-interval", RIVAL_UNUSED, NO_TUNING },
    { "statsd.udp-packet-queue-size", RIVAL_UNUSED, NO_TUNING },
    { "statsd.parse-dogstatsd-tags", RIVAL_SWITCH, "leave it out: DogStatsD tags are always read" },
    { "statsd.parse-influxdb-tags", RIVAL_SWITCH, "--set protocol.name_tags=influx" },
    { "statsd.parse-librato-tags", RIVAL_SWITCH, "--set protocol.name_tags=librato" },
    { "statsd.parse-signalfx-tags", RIVAL_SWITCH, "--set protocol.name_tags=signalfx" },
    { "no-statsd.parse-influxdb-tags", RIVAL_SWITCH, ONLY_NAME_TAGS },
    { "no-statsd.parse-librato-tags", RIVAL_SWITCH, ONLY_NAME_TAGS },
    { "no-statsd.parse-signalfx-tags", RIVAL_SWITCH, ONLY_NAME_TAGS },
    { "statsd.relay.address", RIVAL_UNUSED, "this release does not relay what it receives" },
    { "statsd.relay.packet-length", RIVAL_UNUSED, "this release does not relay what it receives" },
    { "web.listen-address", RIVAL_WEB, "--set http.listen=%" },
    { "web.enable-lifecycle", RIVAL_SWITCH, "--set http.lifecycle=on" },
    { "web.telemetry-path", RIVAL_UNUSED, "leave it out: the page is always /metrics" },
    { "web.config.file", RIVAL_UNUSED, "this release serves plain HTTP only" },
    { "check-config", RIVAL_SWITCH, "statsd check" },
    { "debug.dump-fsm", RIVAL_UNUSED, NO_MAPPING },
    { "log.level", RIVAL_TEXT, "--set server.log_level=%" },
    { "log.format", RIVAL_TEXT, "--set server.log_format=%" },
    /* gostatsd */
    { "metrics-addr", RIVAL_ADDRESS, SOCKET_UDP },
    { "console-addr", RIVAL_WEB, "--set http.listen=%" },
    { "web-addr", RIVAL_WEB, "--set http.listen=%" },
    { "config-path", RIVAL_FILE, "-c %" },
    { "flush-interval", RIVAL_SECONDS, "--set server.interval=%" },
    { "expiry-interval", RIVAL_SECONDS, "--set aggregate.ttl=%" },
    { "max-readers", RIVAL_TEXT, "--set server.workers=%" },
    { "max-workers", RIVAL_TEXT, "--set server.workers=%" },
    { "max-parsers", RIVAL_TEXT, "--set server.workers=%" },
    { "percent-threshold", RIVAL_PERCENTS, "--set aggregate.quantiles=%" },
    { "backends", RIVAL_UNUSED, NO_BACKEND },
    { "namespace", RIVAL_UNUSED, NO_PREFIX },
    { "receive-batch-size", RIVAL_UNUSED, NO_TUNING },
    { "bad-lines-per-minute", RIVAL_UNUSED,
      "leave it out: statsd_samples_rejected_total counts bad lines by reason, `statsd explain` "
      "shows why" },
    { "default-tags", RIVAL_UNUSED, "this release adds no tags of its own; relabel in Prometheus" },
    { "verbose", RIVAL_SWITCH, DEBUG_LOG },
    /* etsy: keys of its config */
    { "port", RIVAL_ADDRESS, SOCKET_UDP },
    { "address", RIVAL_ADDRESS, SOCKET_UDP },
    { "mgmt-port", RIVAL_WEB, "--set http.listen=%" },
    { "mgmt-address", RIVAL_WEB, "--set http.listen=%" },
    { "flushinterval", RIVAL_MILLIS, "--set server.interval=%" },
    { "percentthreshold", RIVAL_PERCENTS, "--set aggregate.quantiles=%" },
    { "deleteidlestats", RIVAL_SWITCH, "--set aggregate.ttl=1h" },
    { "graphitehost", RIVAL_UNUSED, NO_BACKEND },
    { "graphiteport", RIVAL_UNUSED, NO_BACKEND },
    { "prefixstats", RIVAL_UNUSED, NO_PREFIX },
    { "dumpmessages", RIVAL_SWITCH,
      "leave it out: `statsd explain LINE` shows how a line is understood" },
    /* statsdaemon */
    { "graphite", RIVAL_UNUSED, NO_BACKEND },
    { "prefix", RIVAL_UNUSED, NO_PREFIX },
    { "postfix", RIVAL_UNUSED, NO_PREFIX },
    { "delete-gauges", RIVAL_SWITCH, "--set aggregate.ttl=1h" },
    { "persist-count-keys", RIVAL_UNUSED, "--set aggregate.ttl=1h" },
    { "max-udp-packet-size", RIVAL_UNUSED,
      "leave it out: a datagram may have 65535 bytes; --set limits.max_line=BYTES bounds one "
      "line" },
    /* datadog: dogstatsd and keys of the agent */
    { "dogstatsd-port", RIVAL_ADDRESS, SOCKET_UDP },
    { "dogstatsd-socket", RIVAL_TEXT, "--set listen.socket=unixgram://%" },
    { "dogstatsd-non-local-traffic", RIVAL_SWITCH, "--set listen.socket=udp://0.0.0.0:8125" },
    { "dogstatsd-so-rcvbuf", RIVAL_TEXT, "--set listen.rcvbuf=%" },
    { "dogstatsd-origin-detection", RIVAL_SWITCH, "--set protocol.origin_tags=on" },
    { "dogstatsd-buffer-size", RIVAL_UNUSED, NO_TUNING },
    { "dogstatsd-stats-port", RIVAL_WEB, "--set http.listen=%" },
    { "cfgpath", RIVAL_FILE, "-c %" },
    /* brubeck, statsite, veneur, telegraf, and daemons of any kind */
    { "f", RIVAL_FILE, "-c %" },
    { "config.file", RIVAL_FILE, "-c %" },
    { "config-file", RIVAL_FILE, "-c %" },
    { "conf", RIVAL_FILE, "-c %" },
    { "cfg", RIVAL_FILE, "-c %" },
    { "file", RIVAL_FILE, "-c %" },
    { "config-directory", RIVAL_UNUSED, "there is one config file: -c FILE" },
    { "validate-config", RIVAL_SWITCH, "statsd check" },
    { "validate", RIVAL_SWITCH, "statsd check" },
    { "test", RIVAL_SWITCH, "statsd check" },
    { "t", RIVAL_SWITCH, "statsd check" },
    { "check", RIVAL_SWITCH, "statsd check" },
    { "dry-run", RIVAL_SWITCH, "statsd check" },
    { "p", RIVAL_ADDRESS, SOCKET_UDP },
    { "udp", RIVAL_ADDRESS, SOCKET_UDP },
    { "udp-port", RIVAL_ADDRESS, SOCKET_UDP },
    { "udp-addr", RIVAL_ADDRESS, SOCKET_UDP },
    { "listen", RIVAL_ADDRESS, SOCKET_UDP },
    { "listen-address", RIVAL_ADDRESS, SOCKET_UDP },
    { "bind", RIVAL_ADDRESS, SOCKET_UDP },
    { "bind-address", RIVAL_ADDRESS, SOCKET_UDP },
    { "addr", RIVAL_ADDRESS, SOCKET_UDP },
    { "host", RIVAL_TEXT, "--set listen.socket=udp://%:8125" },
    { "tcp", RIVAL_UNUSED, NO_TCP },
    { "tcp-port", RIVAL_UNUSED, NO_TCP },
    { "tcp-addr", RIVAL_UNUSED, NO_TCP },
    { "unix-socket", RIVAL_TEXT, "--set listen.socket=unixgram://%" },
    { "socket", RIVAL_TEXT, "--set listen.socket=unixgram://%" },
    { "http", RIVAL_WEB, "--set http.listen=%" },
    { "http-port", RIVAL_WEB, "--set http.listen=%" },
    { "http-addr", RIVAL_WEB, "--set http.listen=%" },
    { "web-port", RIVAL_WEB, "--set http.listen=%" },
    { "metrics-port", RIVAL_WEB, "--set http.listen=%" },
    { "prometheus-port", RIVAL_WEB, "--set http.listen=%" },
    { "interval", RIVAL_SECONDS, "--set server.interval=%" },
    { "flush", RIVAL_SECONDS, "--set server.interval=%" },
    { "percentiles", RIVAL_PERCENTS, "--set aggregate.quantiles=%" },
    { "workers", RIVAL_TEXT, "--set server.workers=%" },
    { "threads", RIVAL_TEXT, "--set server.workers=%" },
    { "rcvbuf", RIVAL_TEXT, "--set listen.rcvbuf=%" },
    { "read-buffer", RIVAL_TEXT, "--set listen.rcvbuf=%" },
    { "ttl", RIVAL_SECONDS, "--set aggregate.ttl=%" },
    { "redis", RIVAL_UNUSED, "--set redis.url=redis://HOST:6379" },
    { "redis-host", RIVAL_UNUSED, "--set redis.url=redis://HOST:6379" },
    { "redis-addr", RIVAL_UNUSED, "--set redis.url=redis://HOST:6379" },
    { "redis-port", RIVAL_UNUSED, "--set redis.url=redis://HOST:6379" },
    { "redis-password", RIVAL_UNUSED,
      "STATSD_REDIS_URL=redis://:PASSWORD@HOST:6379 in the environment" },
    { "v", RIVAL_SWITCH, "--version, or " DEBUG_LOG " for more in the log" },
    { "debug", RIVAL_SWITCH, DEBUG_LOG },
    { "d", RIVAL_SWITCH, FOREGROUND "; " DEBUG_LOG " logs more" },
    { "loglevel", RIVAL_TEXT, "--set server.log_level=%" },
    { "log-file", RIVAL_UNUSED, FOREGROUND },
    { "logfile", RIVAL_UNUSED, FOREGROUND },
    { "log", RIVAL_UNUSED, FOREGROUND },
    { "l", RIVAL_UNUSED, FOREGROUND },
    { "q", RIVAL_SWITCH, "--set server.log_level=error" },
    { "quiet", RIVAL_SWITCH, "--set server.log_level=error" },
    { "daemon", RIVAL_SWITCH, FOREGROUND },
    { "daemonize", RIVAL_SWITCH, FOREGROUND },
    { "foreground", RIVAL_SWITCH, FOREGROUND },
    { "pidfile", RIVAL_UNUSED, FOREGROUND },
    { "pid-file", RIVAL_UNUSED, FOREGROUND },
    { "user", RIVAL_UNUSED, "leave it out: systemd, docker or su choose the user" },
    { "?", RIVAL_SWITCH, "--help" },
};

/* web.listen-address and WEB_LISTEN_ADDRESS are one name. */
static char plain(char c)
{
    return c == '_' || c == '.' ? '-' : (char)tolower((unsigned char)c);
}

static bool same_name(struct slice a, const char *b)
{
    size_t i = 0;
    while (i < a.len && b[i] != '\0' && plain(a.ptr[i]) == plain(b[i]))
        i++;
    return i == a.len && b[i] == '\0';
}

const struct rival *rival_find(struct slice name)
{
    struct slice value = name;
    slice_cut(&value, '=', &name);
    while (name.len > 0 && name.ptr[0] == '-')
        name = slice_of(name.ptr + 1, name.len - 1);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        if (same_name(name, rows[i].name))
            return &rows[i];
    }
    return NULL;
}

bool rival_takes_value(const struct rival *r)
{
    return r->takes != RIVAL_SWITCH;
}

static bool all_digits(const char *s)
{
    return *s != '\0' && s[strspn(s, "0123456789")] == '\0';
}

/* One percentage as a share of 1: "5" as "0.05", "90" as "0.9", "99.9" as "0.999", "100" as "1". */
static bool put_percent(struct slice s, struct buf *out)
{
    struct slice whole = s, fraction = s;
    double v;
    if (!slice_cut(&fraction, '.', &whole))
        fraction.len = 0;
    if (!number_parse(s, &v) || v < 0 || v > 100 || whole.len == 0)
        return false;
    if (v == 0 || v == 100) {
        buf_append_char(out, v == 0 ? '0' : '1');
        return true;
    }
    /* By its digits: 99.9 / 100 is not the double nearest to 0.999. */
    char digits[24];
    int n = snprintf(digits, sizeof digits, "0.%s%.*s%.*s", whole.len == 1 ? "0" : "",
                     (int)whole.len, whole.ptr, (int)fraction.len, fraction.ptr);
    if (n >= (int)sizeof digits || whole.len > 2 || !number_parse(slice_of(digits, (size_t)n), &v))
        return false;
    buf_reserve(out, NUMBER_TEXT_MAX);
    out->len += number_print(out->ptr + out->len, v);
    return true;
}

/* "90,99" or "90 99" as "0.9,0.99"; a list with anything else in it stays as it is. */
static void put_percents(const char *value, struct buf *out)
{
    struct buf shares = { 0 };
    bool understood = true;
    const char *p = value + strspn(value, ", ");
    while (*p != '\0' && understood) {
        size_t n = strcspn(p, ", ");
        if (shares.len > 0)
            buf_append_char(&shares, ',');
        understood = put_percent(slice_of(p, n), &shares);
        p += n;
        p += strspn(p, ", ");
    }
    if (understood)
        buf_append_slice(out, buf_slice(&shares));
    else
        escape_url(slice_str(value), out);
    buf_release(&shares);
}

/* "host:1", "[::1]:1"; not "[::1]" */
static bool has_port(const char *address)
{
    const char *colon = strrchr(address, ':');
    return colon != NULL && strchr(colon, ']') == NULL;
}

static void put_value(enum rival_value kind, const char *value, struct buf *out)
{
    static const char *const placeholders[] = {
#define X(id, text) text,
        RIVAL_VALUES(X)
#undef X
    };
    if (value == NULL || *value == '\0') {
        buf_append_str(out, placeholders[kind]);
        return;
    }
    if (kind == RIVAL_PERCENTS) {
        put_percents(value, out);
        return;
    }
    bool address = kind == RIVAL_ADDRESS || kind == RIVAL_WEB;
    if (address && (value[0] == ':' || all_digits(value)))
        buf_append_str(out, value[0] == ':' ? "0.0.0.0" : "0.0.0.0:");
    escape_url(slice_str(value), out);
    /* udp:// may lack a port, http.listen may not. */
    if (kind == RIVAL_WEB && !has_port(value) && !all_digits(value))
        buf_append_str(out, strrchr(options_table[OPTION_http_listen].def, ':'));
    if (all_digits(value) && (kind == RIVAL_SECONDS || kind == RIVAL_MILLIS))
        buf_append_str(out, kind == RIVAL_SECONDS ? "s" : "ms");
}

void rival_answer(const struct rival *r, const char *value, struct buf *out)
{
    if (r->ours[0] == '-' || slice_starts(slice_str(r->ours), SLICE_LIT("statsd ")))
        buf_append_str(out, "write ");
    for (const char *p = r->ours; *p != '\0'; p++) {
        if (*p == '%')
            put_value(r->takes, value, out);
        else
            buf_append_char(out, *p);
    }
}

enum option_id rival_option(struct slice name)
{
    struct slice set = SLICE_LIT("--set "), rest, section;
    const struct rival *r = rival_find(name);
    if (r == NULL || !slice_starts(slice_str(r->ours), set))
        return OPTION_COUNT;
    rest = slice_of(r->ours + set.len, strlen(r->ours) - set.len);
    if (rest.ptr[0] == '\'')
        rest = slice_of(rest.ptr + 1, rest.len - 1);
    slice_cut(&rest, '.', &section);
    return options_find(section, slice_of(rest.ptr, strcspn(rest.ptr, "=")));
}
