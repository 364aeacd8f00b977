#include "app/selfmetrics.h"

#include <string.h>

#include "app/process.h"
#include "base/number.h"
#include "base/slice.h"
#include "sinks/prometheus.h"

static const char *const names[] = {
#define X(id, name, kind, label, help) name,
    SELFMETRICS(X) SELFMETRICS_MEASURED(X)
#undef X
};

static const struct row {
    const char *name, *label, *help;
    enum selfmetric_kind kind;
} rows[] = {
#define X(id, name, kind, label, help) { name, label, help, SELF_##kind },
    SELFMETRICS(X) SELFMETRICS_MEASURED(X)
#undef X
};

const char *const *selfmetrics_names(size_t *ret_n)
{
    *ret_n = ARRAY_LEN(names);
    return names;
}

static void add_redis(const struct sink *redis, struct selfmetrics *to)
{
    struct redis_stats s;
    redis_sink_stats(redis, &s);
    const struct {
        enum selfmetric id;
        uint64_t value;
    } from[] = {
        { SELF_REDIS_UP, s.connected },
        { SELF_REDIS_CONNECTS, s.connects },
        { SELF_REDIS_DISCONNECTS, s.disconnects },
        { SELF_REDIS_CONNECT_FAILURES, s.connect_failures },
        { SELF_REDIS_ERRORS, s.errors },
        { SELF_REDIS_SENT, s.batches_sent },
        { SELF_REDIS_BATCHES, s.batches_applied },
        { SELF_REDIS_DUPLICATES, s.batches_duplicate },
        { SELF_REDIS_RESENT, s.batches_resent },
        { SELF_REDIS_GAPS, s.gaps },
        { SELF_REDIS_EPOCHS, s.epochs },
        { SELF_REDIS_GONE_BATCHES, s.lost_batches },
        { SELF_REDIS_GONE_SERIES, s.lost_series },
        { SELF_REDIS_GONE_INTERVALS, s.lost_intervals },
        { SELF_REDIS_FORGOTTEN, s.forgotten },
        { SELF_REDIS_FOREIGN, s.foreign },
        { SELF_REDIS_RIVALS, s.rivals },
        { SELF_REDIS_REFUSED, s.series_refused },
        { SELF_REDIS_INTERVALS, s.intervals_applied },
        { SELF_REDIS_SERIES, s.series_applied },
        { SELF_REDIS_LOST_INTERVALS, s.intervals_dropped },
        { SELF_REDIS_LOST_SERIES, s.series_dropped },
        { SELF_REDIS_BYTES, s.bytes_sent },
        { SELF_REDIS_SPOOL_BYTES, s.spool_bytes },
        { SELF_REDIS_SPOOL_BATCHES, s.spool_batches },
    };
    for (size_t i = 0; i < ARRAY_LEN(from); i++)
        to->v[from[i].id] = from[i].value;
}

void selfmetrics_gather(const struct selfmetrics_sources *src, struct selfmetrics *ret)
{
    struct turn_totals totals;
    turn_totals(src->turn, &totals);
    const struct selfmetrics *reg = registry_stats(src->registry);
    for (int id = 0; id < SELF_COUNT; id++)
        ret->v[id] = totals.stats.v[id] + reg->v[id] + src->control.v[id];
    if (src->http != NULL) {
        struct http_stats h;
        http_stats(src->http, &h);
        ret->v[SELF_HTTP_REQUESTS] = h.requests;
        ret->v[SELF_HTTP_REJECTED] = h.rejected;
        ret->v[SELF_HTTP_CONNECTIONS] = h.connections;
        ret->v[SELF_HTTP_REPLACED] = h.replaced;
    }
    if (src->redis != NULL)
        add_redis(src->redis, ret);
}

uint64_t selfmetrics_rejected(const struct selfmetrics_sources *src)
{
    struct turn_totals totals;
    uint64_t sum = 0;
    turn_totals(src->turn, &totals);
    for (int r = 0; r < REASON_COUNT; r++)
        sum += totals.rejected[r];
    return sum;
}

uint64_t selfmetrics_kernel_drops(const struct selfmetrics_sources *src)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < src->n_listeners; i++)
        for (unsigned s = 0; s < src->listeners[i].n; s++)
            sum += src->listeners[i].stats[s].kernel_drops;
    return sum;
}

/* ---- rendering ---- */

static void put_value(struct buf *out, const char *name, const char *labels, double v)
{
    char number[NUMBER_TEXT_MAX];
    buf_append_str(out, name);
    buf_append_str(out, labels);
    buf_append_char(out, ' ');
    buf_append(out, number, number_print(number, v));
    buf_append_char(out, '\n');
}

static void put_reasons(const struct selfmetrics_sources *src, const char *name, struct buf *out)
{
    struct turn_totals totals;
    turn_totals(src->turn, &totals);
    for (int r = 0; r < REASON_COUNT; r++) {
        struct buf labels = { 0 };
        buf_printf(&labels, "{reason=\"%s\"}%c", reason_name((enum reason)r), '\0');
        put_value(out, name, labels.ptr, (double)totals.rejected[r]);
        buf_release(&labels);
    }
}

static void put_http(const struct selfmetrics_sources *src, const char *name, enum selfmetric id, struct buf *out)
{
    struct http_stats h = { 0 };
    if (src->http != NULL)
        http_stats(src->http, &h);
    bool refused = id == SELF_HTTP_REFUSED;
    put_value(out, name, refused ? "{reason=\"max_connections\"}" : "{reason=\"idle\"}",
              (double)(refused ? h.refused_full : h.timed_out_idle));
    put_value(out, name, refused ? "{reason=\"max_per_ip\"}" : "{reason=\"request\"}",
              (double)(refused ? h.refused_per_ip : h.timed_out_request));
}

static void put_kinds(const struct selfmetrics_sources *src, const char *name, struct buf *out)
{
    for (int k = 0; k < SERIES_KIND_COUNT; k++) {
        struct buf labels = { 0 };
        buf_printf(&labels, "{kind=\"%s\"}%c", series_kind_name((enum series_kind)k), '\0');
        put_value(out, name, labels.ptr, (double)registry_count(src->registry, (enum series_kind)k));
        buf_release(&labels);
    }
}

/* A path may hold any byte: what would end the label is escaped. */
static void put_socket_label(struct buf *out, const char *name)
{
    for (; *name != '\0'; name++) {
        if (*name == '"' || *name == '\\')
            buf_append_char(out, '\\');
        buf_append_char(out, *name == '\n' ? '_' : *name);
    }
}

/* What worker w reads of a listener; nothing where there is none, or where the kernel is silent. */
static void put_socket(const struct listener *l, unsigned w, const char *name, enum selfmetric id,
                       struct buf *out)
{
    int at = listener_socket_of(l, w);
    bool drops = id == SELF_KERNEL_DROPS;
    if (at < 0 || (drops && !transport_of(l->address.transport)->own_queue))
        return;
    struct buf labels = { 0 };
    buf_append_str(&labels, "{socket=\"");
    put_socket_label(&labels, l->address.name);
    buf_printf(&labels, "\",worker=\"%u\"}%c", w, '\0');
    uint64_t n = drops ? l->stats[at].kernel_drops : l->stats[at].datagrams;
    put_value(out, name, labels.ptr, (double)n);
    buf_release(&labels);
}

static void put_sockets(const struct selfmetrics_sources *src, const char *name, enum selfmetric id,
                        struct buf *out)
{
    for (unsigned w = 0; w < src->turn->n_workers; w++)
        for (size_t i = 0; i < src->n_listeners; i++)
            put_socket(&src->listeners[i], w, name, id, out);
}

static void put_buffers(const struct selfmetrics_sources *src, const char *name, struct buf *out)
{
    for (size_t i = 0; i < src->n_listeners; i++) {
        struct buf labels = { 0 };
        buf_append_str(&labels, "{socket=\"");
        put_socket_label(&labels, src->listeners[i].address.name);
        buf_append(&labels, "\"}", 3);
        put_value(out, name, labels.ptr, (double)src->listeners[i].rcvbuf_granted);
        buf_release(&labels);
    }
}

static void put_build(const struct selfmetrics_sources *src, const char *name, struct buf *out)
{
    struct buf labels = { 0 };
    buf_printf(&labels, "{version=\"%s\",commit=\"%s\"}%c", src->version, src->commit, '\0');
    put_value(out, name, labels.ptr, 1);
    buf_release(&labels);
}

static void put_head(const struct row *row, struct buf *out)
{
    prometheus_put_head(out, row->name, row->help, row->kind == SELF_COUNTER ? "counter" : "gauge");
}

/* The lines of a row that has labels. */
static void put_labelled(const struct selfmetrics_sources *src, enum selfmetric id, struct buf *out)
{
    const char *name = rows[id].name;
    if (id == SELF_REJECTED)
        put_reasons(src, name, out);
    else if (id == SELF_SERIES)
        put_kinds(src, name, out);
    else if (id == SELF_SOCKET_BUFFER)
        put_buffers(src, name, out);
    else if (id == SELF_HTTP_REFUSED || id == SELF_HTTP_TIMED_OUT)
        put_http(src, name, id, out);
    else if (id == SELF_BUILD_INFO)
        put_build(src, name, out);
    else
        put_sockets(src, name, id, out);
}

static bool of_redis(const struct row *row)
{
    return slice_starts(slice_str(row->name), SLICE_LIT("statsd_redis_"));
}

static void measure(const struct selfmetrics_sources *src, double ret[SELF_MEASURED_COUNT])
{
    memcpy(ret, src->measured, sizeof src->measured);
    ret[SELF_CPU_SECONDS] = process_cpu_seconds();
    ret[SELF_RESIDENT_BYTES] = process_resident_bytes();
    ret[SELF_OPEN_FDS] = process_open_fds();
    if (src->redis == NULL)
        return;
    struct redis_stats s;
    redis_sink_stats(src->redis, &s);
    ret[SELF_REDIS_SPOOL_AGE] = (double)s.spool_age_ms / 1000;
}

static bool hidden(const struct selfmetrics_sources *src, const struct row *row)
{
    return src->redis == NULL && of_redis(row);
}

void selfmetrics_render(const struct selfmetrics_sources *src, struct buf *out)
{
    struct selfmetrics all;
    double measured[SELF_MEASURED_COUNT];
    selfmetrics_gather(src, &all);
    measure(src, measured);
    for (unsigned id = 0; id < SELF_COUNT; id++) {
        if (hidden(src, &rows[id]))
            continue;
        put_head(&rows[id], out);
        if (rows[id].label[0] != '\0')
            put_labelled(src, (enum selfmetric)id, out);
        else
            put_value(out, rows[id].name, "", (double)all.v[id]);
    }
    for (unsigned id = 0; id < SELF_MEASURED_COUNT; id++) {
        if (hidden(src, &rows[SELF_COUNT + id]))
            continue;
        put_head(&rows[SELF_COUNT + id], out);
        put_value(out, rows[SELF_COUNT + id].name, "", measured[id]);
    }
}
