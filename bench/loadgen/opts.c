#include "opts.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stddef.h>
#include <string.h>

#include "base/number.h"

enum opt_kind {
    OPT_TEXT,       /* const char * */
    OPT_U32,
    OPT_U64,
    OPT_SIZE,       /* uint32_t bytes; KiB, MiB */
    OPT_RATE,       /* double per second; k, M; max: infinity */
    OPT_SECONDS,    /* double; ms, s, m, h */
    OPT_PART,       /* double 0..1; % */
    OPT_NUMBER,     /* double */
    OPT_FLAG        /* bool, no argument */
};

struct opt {
    const char *name, *arg;
    enum opt_kind kind;
    size_t at;
    const char *usual;      /* default, as it would be typed; NULL: none (text NULL, number NaN) */
    double least, most;
    const char *help;
};

#define AT(field) offsetof(struct opts, field)
#define NO_LIMIT  0, INFINITY

static const char groups[][2][32] = {
    {"to", "Where to"}, {"shape", "How much"}, {"series", "What"}, {"metrics", "The server under load"},
    {"find-max", "Search"}, {"max-loss", "Bounds (exit status 1)"}, {"json", "Reports"},
};

static const struct opt table[] = {
    {"to", "ADDR", OPT_TEXT, AT(to), "udp://127.0.0.1:8125", NO_LIMIT, "udp://HOST:PORT or unixgram:///PATH; your own server only"},
    {"threads", "N", OPT_U32, AT(threads), "1", 1, 64, "sender threads"},
    {"sockets", "N", OPT_U32, AT(sockets), "1", 1, 1024, "client sockets per thread, used in turn"},
    {"batch", "N", OPT_U32, AT(batch), "64", 1, 1024, "datagrams a sendmmsg call at most"},
    {"gso", "N", OPT_U32, AT(gso), "1", 1, 64, "datagrams per UDP_SEGMENT message; pads all to --payload with line feeds"},
    {"send-buffer", "BYTES", OPT_SIZE, AT(send_buffer), "4MiB", 0, 1 << 30, "SO_SNDBUF of the client sockets; 0: the system's"},

    {"shape", "NAME", OPT_TEXT, AT(shape), "constant", NO_LIMIT, "constant ramp steps spike sine, or a CSV file of second,rate"},
    {"rate", "R", OPT_RATE, AT(rate), "10k", NO_LIMIT, "lines per second (k, M, or max): the start, base or trough"},
    {"rate-to", "R", OPT_RATE, AT(rate_to), NULL, NO_LIMIT, "end of ramp and steps, peak of spike, crest of sine; limit of --find-max"},
    {"duration", "TIME", OPT_SECONDS, AT(duration_s), "10s", 0.1, 864000, "how long to send (ms, s, m, h); a CSV ends by itself"},
    {"period", "TIME", OPT_SECONDS, AT(period_s), NULL, 0.001, 864000, "length of a sine wave, width of a spike"},
    {"steps", "N", OPT_U32, AT(steps), "5", 2, 10000, "plateaus of steps"},
    {"datagram-rate", NULL, OPT_FLAG, AT(datagram_rate), NULL, NO_LIMIT, "rates count datagrams instead of lines"},

    {"series", "N", OPT_U32, AT(series), "10000", 1, 100000000, "distinct series"},
    {"types", "MIX", OPT_TEXT, AT(types), "c=60,ms=30,g=10", NO_LIMIT, "weights of c ms g s h d; a bare type weighs 1"},
    {"tags", "N", OPT_U32, AT(tags), "3", 0, 32, "tags per line"},
    {"tag-values", "N", OPT_U32, AT(tag_values), "50", 1, 100000000, "distinct values of each tag; what is left of --series goes into names"},
    {"values", "DIST", OPT_TEXT, AT(values), "lognormal:100:1", NO_LIMIT, "constant:V uniform:FROM:TO lognormal:MEDIAN:SIGMA (ms, h, d, g)"},
    {"skew", "S", OPT_NUMBER, AT(skew), "0", 0, 10, "Zipf exponent of which series come how often; 0: all alike"},
    {"payload", "BYTES", OPT_SIZE, AT(payload), "1432", 0, 131072, "largest datagram; 0: one line each"},
    {"packed", "N", OPT_U32, AT(packed), "1", 1, 1000, "values per ms, h and d line"},
    {"sample-rate", "R", OPT_NUMBER, AT(sample_rate), "1", 1e-6, 1, "@R on counters and timers"},
    {"set-members", "N", OPT_U32, AT(set_members), "1000", 1, 100000000, "distinct members of sets"},
    {"pool-lines", "N", OPT_U32, AT(pool_lines), "0", 0, 100000000, "lines built beforehand; 0: every series, at least 65536"},
    {"prefix", "TEXT", OPT_TEXT, AT(prefix), "bench.", NO_LIMIT, "of all names"},
    {"suffix", "TEXT", OPT_TEXT, AT(suffix), "", NO_LIMIT, "appended to all lines, such as '|c:ci-1234'"},
    {"seed", "N", OPT_U64, AT(seed), "1", NO_LIMIT, "same seed, same bytes"},

    {"metrics", "URL", OPT_TEXT, AT(metrics), NULL, NO_LIMIT, "http:// address of its /metrics: conservation, scrape and flush times"},
    {"samples-metric", "NAME", OPT_TEXT, AT(samples_metric), "", NO_LIMIT, "another server's counter of the lines it took, on --metrics"},
    {"scrape-interval", "TIME", OPT_SECONDS, AT(scrape_interval_s), "1s", 0.01, 3600, "of --metrics"},
    {"pid", "N", OPT_U32, AT(pid), NULL, 1, 4194304, "its process on this machine: CPU and memory"},
    {"received-file", "FILE", OPT_TEXT, AT(received_file), NULL, NO_LIMIT, "holds the number of datagrams another receiver has read"},

    {"find-max", NULL, OPT_FLAG, AT(find_max), NULL, NO_LIMIT, "highest constant rate within --max-loss (default 0.1%), from --rate up"},
    {"trial", "TIME", OPT_SECONDS, AT(trial_s), "3s", 0.2, 3600, "length of one trial"},
    {"resolution", "PART", OPT_PART, AT(resolution), "2%", 0.001, 1, "how close to come to it"},

    {"max-loss", "PART", OPT_PART, AT(max_loss), NULL, 0, 1, "of the samples sent, such as 0.1%"},
    {"max-cpu", "US", OPT_NUMBER, AT(max_cpu), NULL, NO_LIMIT, "server CPU in microseconds per 1,000 samples"},
    {"max-scrape-ms", "MS", OPT_NUMBER, AT(max_scrape_ms), NULL, NO_LIMIT, "99th percentile of the scrape latency"},

    {"json", "FILE", OPT_TEXT, AT(json), NULL, NO_LIMIT, "settings, sums and time series"},
    {"csv", "FILE", OPT_TEXT, AT(csv), NULL, NO_LIMIT, "time series, one line a second"},
    {"html", "FILE", OPT_TEXT, AT(html), NULL, NO_LIMIT, "one page with charts, nothing loaded from elsewhere"},
    {"title", "TEXT", OPT_TEXT, AT(title), "statsd-bench", NO_LIMIT, "of the reports"},
    {"quiet", NULL, OPT_FLAG, AT(quiet), NULL, NO_LIMIT, "no live line"},
    {"help", NULL, OPT_FLAG, AT(help), NULL, NO_LIMIT, "this text"},
    {"version", NULL, OPT_FLAG, AT(version), NULL, NO_LIMIT, "print the version"},
};

struct unit {
    const char *text;
    double factor;
};
static const struct unit rate_units[] = { {"k", 1e3}, {"M", 1e6}, {"", 1}, {NULL, 0} };
static const struct unit size_units[] = { {"KiB", 1024}, {"MiB", 1048576}, {"B", 1}, {"", 1}, {NULL, 0} };
static const struct unit time_units[] = { {"ms", 1e-3}, {"s", 1}, {"m", 60}, {"h", 3600}, {"", 1}, {NULL, 0} };
static const struct unit part_units[] = { {"%", 0.01}, {"", 1}, {NULL, 0} };
static const struct unit no_units[] = { {"", 1}, {NULL, 0} };

static const struct unit *units_of(enum opt_kind kind)
{
    return kind == OPT_RATE      ? rate_units
           : kind == OPT_SIZE    ? size_units
           : kind == OPT_SECONDS ? time_units
           : kind == OPT_PART    ? part_units
                                 : no_units;
}

/* What a value of a kind looks like. */
static const char *const looks[] = {
    [OPT_U32] = "a whole number",
    [OPT_U64] = "a whole number",
    [OPT_SIZE] = "a size like 1432, 8KiB or 4MiB",
    [OPT_RATE] = "a rate like 500, 10k, 2.5M or max",
    [OPT_SECONDS] = "a time like 500ms, 30s, 5m or 2h",
    [OPT_PART] = "a part like 0.1% or 0.001",
    [OPT_NUMBER] = "a number",
};

static bool read_quantity(const char *text, enum opt_kind kind, double *ret)
{
    struct slice s = slice_str(text);
    if (kind == OPT_RATE && slice_eq(s, SLICE_LIT("max"))) {
        *ret = INFINITY;
        return true;
    }
    for (const struct unit *u = units_of(kind); u->text != NULL; u++) {
        size_t n = strlen(u->text);
        double v;
        if (s.len <= n || memcmp(s.ptr + s.len - n, u->text, n) != 0 || !number_parse(slice_of(s.ptr, s.len - n), &v))
            continue;
        *ret = v * u->factor;
        return true;
    }
    return false;
}

/* returns  0; -EINVAL: not such a value; -ERANGE: beyond least and most */
static int set(struct opts *o, const struct opt *t, const char *text)
{
    char *field = (char *)o + t->at;
    int64_t whole = 0;
    double v;
    if (t->kind == OPT_TEXT) {
        memcpy(field, &text, sizeof text);
        return 0;
    }
    if (t->kind == OPT_U64 || t->kind == OPT_U32) {
        if (!number_parse_int(slice_str(text), &whole))
            return -EINVAL;
        v = (double)whole;
    } else if (!read_quantity(text, t->kind, &v)) {
        return -EINVAL;
    }
    if (!(v >= t->least && v <= t->most) || (t->kind == OPT_U32 && v > UINT32_MAX))
        return -ERANGE;
    if (t->kind == OPT_U64) {
        uint64_t u = (uint64_t)whole;
        memcpy(field, &u, sizeof u);
    } else if (t->kind == OPT_U32 || t->kind == OPT_SIZE) {
        uint32_t u = (uint32_t)v;
        memcpy(field, &u, sizeof u);
    } else {
        memcpy(field, &v, sizeof v);
    }
    return 0;
}

static void set_usual(struct opts *o)
{
    *o = (struct opts){ 0 };
    const double unknown = NAN;
    for (size_t i = 0; i < ARRAY_LEN(table); i++) {
        enum opt_kind k = table[i].kind;
        if (table[i].usual != NULL)
            set(o, &table[i], table[i].usual);
        else if (k == OPT_RATE || k == OPT_SECONDS || k == OPT_PART || k == OPT_NUMBER)
            memcpy((char *)o + table[i].at, &unknown, sizeof unknown);
    }
}

static const struct opt *find(struct slice name)
{
    for (size_t i = 0; i < ARRAY_LEN(table); i++)
        if (slice_eq(name, slice_str(table[i].name)))
            return &table[i];
    return NULL;
}

/* One argument, and the next where the value stands apart.   returns  arguments used, or -EINVAL */
static int parse_one(struct opts *o, char **argv, struct buf *error)
{
    struct slice name = slice_str(argv[0]), value;
    if (strcmp(argv[0], "-h") == 0)
        name = SLICE_LIT("--help");
    if (!slice_starts(name, SLICE_LIT("--"))) {
        buf_printf(error, "unexpected argument '%s'", argv[0]);
        return -EINVAL;
    }
    name = slice_of(name.ptr + 2, name.len - 2);
    value = name;
    bool joined = slice_cut(&value, '=', &name);
    const struct opt *t = find(name);
    if (t == NULL) {
        buf_printf(error, "unknown option '%s'", argv[0]);
        return -EINVAL;
    }
    if (t->kind == OPT_FLAG) {
        if (joined)
            buf_printf(error, "--%s takes no value", t->name);
        *((char *)o + t->at) = true;
        return joined ? -EINVAL : 1;
    }
    const char *text = joined ? value.ptr : argv[1];
    if (text == NULL) {
        buf_printf(error, "--%s needs a value: %s", t->name, t->arg);
        return -EINVAL;
    }
    int rc = set(o, t, text);
    if (rc == -ERANGE && isinf(t->most))
        buf_printf(error, "--%s: '%s' is not %.10g or more", t->name, text, t->least);
    else if (rc == -ERANGE)
        buf_printf(error, "--%s: '%s' is not within %.10g .. %.10g", t->name, text, t->least, t->most);
    else if (rc < 0)
        buf_printf(error, "--%s: '%s' is not %s", t->name, text, looks[t->kind]);
    return rc < 0 ? -EINVAL : joined ? 1 : 2;
}

static int check(const struct opts *o, struct buf *error)
{
    bool needs_end = strcmp(o->shape, "ramp") == 0 || strcmp(o->shape, "steps") == 0 || strcmp(o->shape, "spike") == 0 ||
                     strcmp(o->shape, "sine") == 0;
    bool constant = strcmp(o->shape, "constant") == 0;
    if (needs_end && isnan(o->rate_to))
        buf_printf(error, "--shape %s needs --rate-to", o->shape);
    else if (isinf(o->rate) && (!constant || o->find_max))
        buf_printf(error, "--rate max goes with --shape constant only%s", o->find_max ? ", and not with --find-max" : "");
    else if (o->find_max && !constant)
        buf_printf(error, "--find-max goes with --shape constant only");
    else if (isinf(o->rate_to) && needs_end)
        buf_printf(error, "--rate-to max is for --find-max only");
    else if (o->gso > 1 && o->payload == 0)
        buf_printf(error, "--gso needs datagrams of one size: give --payload");
    else if (o->gso > 1 && (uint64_t)o->gso * o->payload > 65507)
        buf_printf(error, "--gso: %u datagrams of %u bytes are more than one message holds (65507): --gso %u fits", o->gso, o->payload,
                   65507 / o->payload > 0 ? 65507 / o->payload : 1);
    else if (strchr(o->prefix, '\n') != NULL || strchr(o->suffix, '\n') != NULL)
        buf_printf(error, "--%s: a line feed would end the line", strchr(o->prefix, '\n') != NULL ? "prefix" : "suffix");
    else if (o->find_max && !(o->rate > 0))
        buf_printf(error, "--find-max starts at --rate, which must be above 0");
    else if (o->find_max && o->rate_to < o->rate)
        buf_printf(error, "--find-max: --rate-to is below --rate");
    else if (o->find_max && !isfinite(o->rate_to) && o->rate > OPTS_FIND_MAX_LIMIT)
        buf_printf(error, "--find-max: --rate is above %g, its limit without --rate-to", OPTS_FIND_MAX_LIMIT);
    return error->len > 0 ? -EINVAL : 0;
}

int opts_parse(int argc, char **argv, struct opts *ret, struct buf *error)
{
    struct opts o;
    set_usual(&o);
    for (int i = 1; i < argc;) {
        int used = parse_one(&o, argv + i, error);
        if (used < 0)
            return used;
        i += used;
    }
    if (!o.help && !o.version && check(&o, error) < 0)
        return -EINVAL;
    *ret = o;
    return 0;
}

void opts_help(FILE *out, struct slice load)
{
    fputs("usage: statsd-bench [OPTION...]\n\n"
          "Send a repeatable StatsD load and report what became of it.  Point it at your own servers only: it sends as much\n"
          "as it is told to.\n", out);
    fprintf(out, "\nThe load without options:\n  %.*s", (int)load.len, load.ptr);
    for (size_t i = 0, g = 0; i < ARRAY_LEN(table); i++) {
        if (g < ARRAY_LEN(groups) && strcmp(table[i].name, groups[g][0]) == 0)
            fprintf(out, "\n%s\n", groups[g++][1]);
        char left[40];
        snprintf(left, sizeof left, "--%s%s%s", table[i].name, table[i].arg ? " " : "", table[i].arg ? table[i].arg : "");
        fprintf(out, "  %-22s %s", left, table[i].help);
        if (table[i].usual != NULL && *table[i].usual != '\0')
            fprintf(out, " [%s]", table[i].usual);
        fputc('\n', out);
    }
    fputs("\nExamples\n"
          "  statsd-bench --rate 100k --duration 30s --metrics http://127.0.0.1:9102/metrics --html report.html\n"
          "  statsd-bench --shape sine --rate 1k --rate-to 200k --period 20s --duration 2m --pid $(pidof statsd)\n"
          "  statsd-bench --shape day.csv --series 100000 --skew 1 --csv rows.csv\n"
          "  statsd-bench --find-max --rate 50k --max-loss 0.1% --payload 0 --metrics http://127.0.0.1:9102/metrics\n"
          "  statsd-bench --to unixgram:///run/statsd/dsd.sock --types ms,h,d --packed 10 --rate max --duration 5s\n"
          "\nExit status: 0 ok, 1 a bound was broken, nobody took the load or the run failed, 2 usage.\n", out);
}

static void print_value(const struct opts *o, const struct opt *t, char *out, size_t room)
{
    const char *field = (const char *)o + t->at, *text;
    uint64_t u64;
    uint32_t u32;
    double v;
    switch (t->kind) {
    case OPT_TEXT:
        memcpy(&text, field, sizeof text);
        snprintf(out, room, "%s", text ? text : "");
        return;
    case OPT_U64:
        memcpy(&u64, field, sizeof u64);
        snprintf(out, room, "%" PRIu64, u64);
        return;
    case OPT_U32:
    case OPT_SIZE:
        memcpy(&u32, field, sizeof u32);
        snprintf(out, room, "%" PRIu32, u32);
        return;
    case OPT_FLAG:
        snprintf(out, room, "%s", *field ? "yes" : "no");
        return;
    case OPT_RATE:
    case OPT_SECONDS:
    case OPT_PART:
    case OPT_NUMBER:
        memcpy(&v, field, sizeof v);
        if (isfinite(v))
            snprintf(out, room, "%.10g", v);
        else
            snprintf(out, room, "%s", isnan(v) ? "" : "max");
        return;
    }
}

void opts_each(const struct opts *o, void (*fn)(void *cookie, const char *name, const char *value), void *cookie)
{
    /* Addresses, pids and file names say nothing about the load. */
    static const char *const left_out[] = { "to", "metrics", "samples-metric", "pid", "received-file", "json", "csv", "html", "title", "quiet", "help", "version" };
    for (size_t i = 0; i < ARRAY_LEN(table); i++) {
        bool skip = false;
        for (size_t k = 0; k < ARRAY_LEN(left_out); k++)
            skip = skip || strcmp(table[i].name, left_out[k]) == 0;
        char value[256];
        print_value(o, &table[i], value, sizeof value);
        if (!skip && *value != '\0')
            fn(cookie, table[i].name, value);
    }
}
