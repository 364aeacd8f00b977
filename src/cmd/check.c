/**
 * `statsd check`: what a config means, and how much memory it may take.  Opens no port.
 *
 * The output has eight parts: the highlights, what is hardly meant in the mapping file, in the
 * certificates, in the web config and in the files of Redis, the options that differ from their
 * defaults, the limits, the memory bound, what Redis will need.
 */
#include "cmd/cli.h"

#include <assert.h>

#include "aggregate/members.h"
#include "base/now.h"
#include "config/escape.h"
#include "config/option_value.h"
#include "core/core_mapping.h"
#include "core/memory_bound.h"
#include "core/redis_options.h"
#include "core/web.h"
#include "listen/socket_options.h"
#include "listen/tls_door.h"
#include "sinks/redis_memory.h"
#include "tls/bundle.h"

static void print_bytes(uint64_t n, struct buf *out)
{
    static const char *const units[] = { "B", "KiB", "MiB", "GiB", "TiB" };
    double v = (double)n;
    size_t unit = 0;
    for (; v >= 1024 && unit + 1 < ARRAY_LEN(units); unit++)
        v /= 1024;
    buf_printf(out, unit == 0 ? "%.0f %s" : "%.1f %s", v, units[unit]);
}

static void print_sockets(const struct config *c, struct buf *out)
{
    for (size_t i = 0; i < c->n_sockets; i++) {
        const struct listen_address *a = &c->sockets[i];
        buf_append_str(out, i == 0 ? "listening  " : "           ");
        escape_short(slice_str(a->name), out);
        buf_append_char(out, ' ');
        socket_options_print(a, out);
        buf_append_char(out, '\n');
    }
}

/* What is known before anything is printed. */
struct checked {
    const struct config *config;
    const struct core_mapping *mapping;
    unsigned workers;
    struct buf lint;         /* of the mapping: lines */
    size_t warnings;         /* of them */
    struct buf certificates; /* lines, too */
    struct core_web web;
    struct buf web_warnings, redis_warnings; /* lines, too */
};

static void print_mapping(const struct checked *k, struct buf *out)
{
    const struct config *c = k->config;
    const struct core_mapping *m = k->mapping;
    if (m->mapping == NULL)
        return;
    size_t n = mapping_rules(m->mapping);
    buf_append_str(out, "mapping    ok  ");
    escape_text(slice_str(c->prometheus_mapping), out);
    buf_printf(out, "  %zu rule%s, %u profile%s", n, n == 1 ? "" : "s", m->n_profiles,
               m->n_profiles == 1 ? "" : "s");
    if (k->warnings > 0)
        buf_printf(out, ", %zu warning%s", k->warnings, k->warnings == 1 ? "" : "s");
    buf_append_char(out, '\n');
}

/* Read the certificates of listeners with TLS: lines of mistakes, and of what is hardly meant. */
static void read_certificates(const struct config *c, struct buf *errors, struct buf *warnings)
{
    for (size_t i = 0; i < c->n_sockets; i++) {
        const struct listen_address *a = &c->sockets[i];
        struct tls_bundle *b = NULL;
        if (!tls_door_wanted(a) || a->twin)
            continue;
        struct tls_opts opts = tls_door_opts(a);
        (void)tls_bundle_load(&opts, (int64_t)(now_wall_ms() / 1000), &b, errors, warnings);
        tls_bundle_drop(b);
    }
}

static void print_web(const struct checked *k, struct buf *out)
{
    const struct web_config *w = &k->web.config;
    if (k->config->http_web_config[0] == '\0')
        return;
    buf_append_str(out, "web config ok  ");
    escape_text(slice_str(k->config->http_web_config), out);
    buf_printf(out, "  %s, %zu user%s\n", w->tls ? "TLS" : "no TLS", w->users.n,
               w->users.n == 1 ? "" : "s");
}

/* Lines under their heading, if there are any. */
static void print_lines(const struct buf *lines, const char *heading, struct buf *out)
{
    struct slice rest = buf_slice(lines), line;
    if (rest.len > 0)
        buf_printf(out, "\n%s\n", heading);
    while (slice_cut(&rest, '\n', &line)) {
        buf_append_str(out, "  ");
        buf_append_slice(out, line);
        buf_append_char(out, '\n');
    }
}

static void print_highlights(const struct checked *k, struct buf *out)
{
    const struct config *c = k->config;
    buf_append_str(out, "config     ok");
    if (c->file != NULL) {
        buf_append_str(out, "  ");
        escape_text(slice_str(c->file), out);
    }
    buf_append_char(out, '\n');
    print_mapping(k, out);
    print_sockets(c, out);
    buf_printf(out, "workers    %u\n", k->workers);
    buf_printf(out, "http       %s\n", c->http_listen[0] != '\0' ? c->http_listen : "off");
    print_web(k, out);
    if (c->redis_url[0] == '\0')
        buf_append_str(out, "redis      off\n");
    else {
        buf_append_str(out, "redis      ");
        escape_url(slice_str(c->redis_url), out);
        buf_append_str(out, "  instance=");
        escape_short(slice_str(c->server_instance), out);
        buf_append_str(out, " prefix=");
        escape_short(slice_str(c->redis_prefix), out);
        buf_append_char(out, '\n');
    }
}

/* As option_value_print. */
static void print_default(enum option_id id, struct buf *out)
{
    struct config c = { 0 };
    const char *wrong = option_value_set(&c, id, slice_str(options_table[id].def));
    assert(wrong == NULL);
    (void)wrong;
    option_value_print(&c, id, out);
    option_value_clear(&c, id);
}

/* Each option that is not at its default, and what set it.  An instance that was left out has
 * become the host name. */
static void print_changed(const struct config *c, struct buf *out)
{
    size_t start = out->len;
    for (unsigned i = 0; i < OPTION_COUNT; i++) {
        const struct option_row *o = &options_table[i];
        const char *origin = c->origin[i] != NULL ? c->origin[i] : "the host name";
        struct buf is = { 0 }, was = { 0 };
        print_default((enum option_id)i, &was);
        option_value_print(c, (enum option_id)i, &is);
        if (!slice_eq(buf_slice(&is), buf_slice(&was))) {
            assert(c->origin[i] != NULL || i == OPTION_server_instance);
            if (out->len == start)
                buf_append_str(out, "\noptions that differ from their defaults\n");
            buf_printf(out, "  %s.%s = ", o->section, o->key);
            escape_short(buf_slice(&is), out);
            buf_append_str(out, "  (");
            escape_text(slice_str(origin), out);
            buf_append_str(out, ")\n");
        }
        buf_release(&is);
        buf_release(&was);
    }
}

static void print_limits(const struct config *c, struct buf *out)
{
    buf_append_str(out, "\nlimits\n");
    for (unsigned i = 0; i < OPTION_COUNT; i++) {
        if (strcmp(options_table[i].section, "limits") != 0)
            continue;
        buf_printf(out, "  %-28s ", options_table[i].key);
        option_value_print(c, (enum option_id)i, out);
        buf_append_char(out, '\n');
    }
}

/* "  256.0 MiB  TEXT": one line of the bound, without LF. */
static void print_memory_line(uint64_t bytes, const char *what, struct buf *out)
{
    struct buf shown = { 0 };
    print_bytes(bytes, &shown);
    buf_printf(out, "  %12.*s  %s", (int)shown.len, shown.ptr, what);
    buf_release(&shown);
}

static void print_memory(const struct checked *k, struct buf *out)
{
    struct memory_bound b;
    uint64_t sum = 0;
    memory_bound(k->config, k->mapping, k->workers, &b);
    buf_append_str(out, "\nmemory at most\n");
    for (unsigned i = 0; i < MEMORY_PART_COUNT; i++) {
        uint64_t bytes = b.part[i].n * b.part[i].each;
        sum += bytes;
        if (bytes == 0)
            continue;
        print_memory_line(bytes, memory_bound_what((enum memory_part)i), out);
        if (b.part[i].n > 1) {
            buf_printf(out, ": %llu x ", (unsigned long long)b.part[i].n);
            print_bytes(b.part[i].each, out);
        }
        buf_append_char(out, '\n');
    }
    assert(sum == b.total && "the parts shown are all there is");
    print_memory_line(b.total, "the process altogether\n", out);
    print_memory_line(b.kernel, "receive buffers of the kernel, besides\n", out);
    if (b.spool_disk > 0)
        print_memory_line(b.spool_disk,
                          "the disk: what waits for Redis (redis.spool_disk_max_bytes)\n", out);
    if (b.state_file > 0)
        print_memory_line(b.state_file,
                          "the state file on the disk, if all series are counters; twice while it "
                          "is written\n",
                          out);
    if (b.capture > 0)
        print_memory_line(
            b.capture, "captures on the disk (capture.max_files x capture.max_file_bytes)\n", out);
    if (b.takeover > 0)
        print_memory_line(b.takeover, "during a takeover: two processes and the state\n", out);
    print_memory_line(b.large_set, "each set of more than ", out);
    buf_printf(out, "%d members in its window, besides\n", MEMBERS_EXACT);
}

/*
 * What Redis needs for 100,000 series of each kind.  The shape is named with the figures; which
 * kinds there will be is not known.
 */
static void print_redis_memory(const struct config *c, struct buf *out)
{
    enum { SERIES = 100000, INSTANCE_BYTES = 16 };
    static const struct redis_memory_shape shape = { .key_bytes = 80, .buckets = 12, .members = 5 };
    static const char *const what[SERIES_KIND_COUNT] = { [SERIES_COUNTER] = "counters",
                                                         [SERIES_GAUGE] = "gauges",
                                                         [SERIES_TIMER] = "timers of 12 buckets",
                                                         [SERIES_SET] = "sets of 5 members" };
    if (c->redis_url[0] == '\0')
        return;
    uint64_t kept = redis_memory_intervals(c->server_interval_ms, c->redis_retention_ms);
    buf_append_str(out, "\nredis RAM per 100,000 series, with keys (name and tags) of 80 bytes\n");
    for (unsigned k = 0; k < SERIES_KIND_COUNT; k++) {
        struct redis_memory m;
        redis_memory((enum series_kind)k, &shape, &m);
        uint64_t totals = (uint64_t)(m.total * SERIES), interval = (uint64_t)(m.interval * SERIES);
        print_memory_line(totals + kept * interval, what[k], out);
        buf_append_str(out, ": totals ");
        print_bytes(totals, out);
        buf_printf(out, " + %llu intervals kept x ", (unsigned long long)kept);
        print_bytes(interval, out);
        buf_append_char(out, '\n');
    }
    if (c->redis_instance_label || c->redis_gauge_merge != GAUGE_RULE_LATEST) {
        double own = redis_memory_own_gauge(&shape, INSTANCE_BYTES);
        print_memory_line((uint64_t)(own * SERIES),
                          "more for each instance that sends the gauges: its own values\n", out);
    }
    buf_append_str(out,
                   "  if each is touched in every interval; of all instances together, without "
                   "replicas (docs/scaling.md)\n");
}

/* Read what the config names besides the mapping.  returns  false: mistakes, which are told */
static bool read_files(const struct cli_io *io, struct checked *k)
{
    struct buf certificates = { 0 }, web = { 0 }, redis = { 0 };
    const struct redis_files redis_files = core_redis_files(k->config);
    const char *path = k->config->http_web_config;
    read_certificates(k->config, &certificates, &k->certificates);
    if (path[0] != '\0')
        (void)core_web_load(path, now_wall_ms() / 1000, &k->web, &web, &k->web_warnings);
    if (k->config->redis_url[0] != '\0')
        (void)redis_files_check(k->config->redis_url, &redis_files, &redis, &k->redis_warnings);
    bool good = certificates.len == 0 && web.len == 0 && redis.len == 0;
    if (certificates.len > 0)
        cli_mistakes(io, &certificates, "certificates");
    if (web.len > 0)
        cli_mistakes(io, &web, "web config");
    if (redis.len > 0)
        cli_mistakes(io, &redis, "files of redis");
    buf_release(&certificates);
    buf_release(&web);
    buf_release(&redis);
    return good;
}

static int check_config(const struct cli_io *io, const struct config *c,
                        const struct core_mapping *mapping)
{
    struct checked k = { .config = c, .mapping = mapping, .workers = memory_bound_workers(c) };
    struct buf out = { 0 };
    bool good = read_files(io, &k), written = false;
    if (good) {
        k.warnings = core_mapping_lint(c, &k.lint);
        print_highlights(&k, &out);
        print_lines(&k.lint, "in the mapping file", &out);
        print_lines(&k.certificates, "in the certificates", &out);
        print_lines(&k.web_warnings, "in the web config", &out);
        print_lines(&k.redis_warnings, "in the files of redis", &out);
        print_changed(c, &out);
        print_limits(c, &out);
        print_memory(&k, &out);
        print_redis_memory(c, &out);
        written = cli_write(io->out, &out);
    }
    buf_release(&out);
    buf_release(&k.lint);
    buf_release(&k.certificates);
    buf_release(&k.web_warnings);
    buf_release(&k.redis_warnings);
    core_web_release(&k.web);
    return !good ? CLI_USAGE : written ? CLI_OK : CLI_FAILED;
}

int check_main(const struct cli_args *args, const struct cli_io *io)
{
    struct config c;
    struct core_mapping mapping;
    if (args->test != NULL)
        return check_test(args, io);
    int rc = cli_config(args, io, &c, &mapping);
    if (rc != CLI_OK)
        return rc;
    rc = check_config(io, &c, &mapping);
    core_mapping_release(&mapping);
    config_release(&c);
    return rc;
}
