/*
 * The delimited protobuf format (metrics.proto):
 *
 *     length   MetricFamily                    message_begin, metric_end
 *                  name, help, type
 *                  Metric                      metric_begin
 *                      label, label, ...           put_labels
 *                      counter | gauge | summary | histogram
 *                  Metric ...
 *
 * A reader joins messages of one name, so a family may be told in several.  A message takes metrics
 * until it is large or something else stands behind it in `out`: then the piece was handed over.
 * Its length is brought up to date with each metric, so that between any two calls `out` holds
 * whole messages, and a rendering may stop anywhere.
 *
 * Encoded by hand: texts and numbers are at hand one by one, and protobuf-c would want them as a
 * tree of structs with NUL-terminated copies of the texts: 5 times the time for a counter with
 * three labels.
 */
#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "aggregate/memory.h"
#include "base/mem.h"
#include "expose/native.h"
#include "expose/protobuf_labels.h"
#include "expose/wire.h"
#include "expose/writer.h"

/* Field numbers of metrics.proto. */
enum {
    FAMILY_NAME = 1,
    FAMILY_HELP = 2,
    FAMILY_TYPE = 3,
    FAMILY_METRIC = 4,
    METRIC_LABEL = 1,
    METRIC_GAUGE = 2,
    METRIC_COUNTER = 3,
    METRIC_SUMMARY = 4,
    METRIC_HISTOGRAM = 7,
    NUMBER_VALUE = 1, /* of Gauge and Counter */
    COUNTER_EXEMPLAR = 2,
    COUNTER_CREATED = 3,
    TIMER_COUNT = 1, /* of Summary and Histogram */
    TIMER_SUM = 2,
    SUMMARY_QUANTILE = 3,
    SUMMARY_CREATED = 4,
    QUANTILE_QUANTILE = 1,
    QUANTILE_VALUE = 2,
    HISTOGRAM_BUCKET = 3,
    HISTOGRAM_CREATED = 15,
    BUCKET_COUNT = 1,
    BUCKET_BOUND = 2,
    BUCKET_EXEMPLAR = 3,
    EXEMPLAR_LABEL = 1,
    EXEMPLAR_VALUE = 2,
    EXEMPLAR_TIMESTAMP = 3,
    TIMESTAMP_SECONDS = 1,
    TIMESTAMP_NANOS = 2
};

enum {
    MESSAGE_BYTES = 64 << 10, /* a larger one takes no more metrics: a reader has it as a whole */
    CREATED_BYTES = 2 + 2 * (1 + WIRE_VARINT_MAX),
    COUNT_AND_SUM = 1 + WIRE_VARINT_MAX + WIRE_DOUBLE + CREATED_BYTES,
    QUANTILE_BYTES = 2 + 2 * WIRE_DOUBLE,
    BUCKET_BYTES = 2 + 1 + WIRE_VARINT_MAX + WIRE_DOUBLE
};

struct protobuf_writer {
    struct writer writer;
    const struct buf *out; /* where the last message is, from begin to end; end 0: there is none, */
    size_t begin, end;     /* or its family is over */
    struct native native;
    int64_t zero_ms; /* as in writer_opts */
};

static struct writer *protobuf_open(const struct writer_opts *opts)
{
    struct protobuf_writer *p = mem_zalloc(sizeof *p);
    p->zero_ms = opts->zero_ms;
    p->writer.ops = &writer_protobuf;
    return &p->writer;
}

static void protobuf_close(struct writer *w)
{
    struct protobuf_writer *p = (struct protobuf_writer *)w;
    native_release(&p->native);
    free(p);
}

/* A family without metrics is not told: its message comes with its first metric. */
static void protobuf_head(struct writer *w, const struct writer_family *f, struct buf *out)
{
    (void)f;
    (void)out;
    ((struct protobuf_writer *)w)->end = 0;
}

static uint64_t type_number(enum family_type t)
{
    static const uint8_t numbers[FAMILY_TYPE_COUNT] = { [FAMILY_COUNTER] = 0,
                                                        [FAMILY_GAUGE] = 1,
                                                        [FAMILY_SUMMARY] = 2,
                                                        [FAMILY_HISTOGRAM] = 4,
                                                        [FAMILY_RESERVED] = 3 };
    assert(t < FAMILY_TYPE_COUNT);
    return numbers[t];
}

static bool takes_more(const struct protobuf_writer *p, const struct buf *out)
{
    return p->end > 0 && p->out == out && p->end == out->len && p->end - p->begin < MESSAGE_BYTES;
}

static void message_begin(struct protobuf_writer *p, const struct writer_family *f, struct buf *out)
{
    size_t help = strlen(f->help);
    char *to = buf_reserve(out, WIRE_LENGTH_PADDED + 3 * WIRE_NESTED_MAX + f->name.len + help);
    p->out = out;
    p->begin = out->len;
    to = wire_bytes(to + WIRE_LENGTH_PADDED, FAMILY_NAME, f->name.ptr, f->name.len);
    to = wire_bytes(to, FAMILY_HELP, f->help, help);
    to = wire_uint(to, FAMILY_TYPE, type_number(f->type));
    out->len = (size_t)(to - out->ptr);
}

/* ---- metrics ---- */

/* A metric under way.  There is room for what was asked for. */
struct metric {
    char *body, *to;
};

/* room: what comes behind the labels takes, at most */
static struct metric metric_begin(struct protobuf_writer *p, const struct writer_family *f,
                                  struct slice labels, size_t room, struct buf *out)
{
    struct metric m;
    if (!takes_more(p, out))
        message_begin(p, f, out);
    m.to = buf_reserve(out, (size_t)2 * WIRE_NESTED_MAX + protobuf_labels_room(labels) + room);
    m.body = wire_open(m.to, FAMILY_METRIC);
    m.to = protobuf_labels(m.body, METRIC_LABEL, labels);
    return m;
}

static void metric_end(struct protobuf_writer *p, struct metric m, struct buf *out)
{
    m.to = wire_close(m.body, m.to);
    out->len = p->end = (size_t)(m.to - out->ptr);
    assert(p->out == out && out->len <= out->cap);
    wire_length_padded(out->ptr + p->begin, p->end - p->begin - WIRE_LENGTH_PADDED);
}

static char *put_time(const struct protobuf_writer *p, char *to, unsigned field, uint64_t ns)
{
    uint64_t ms = (uint64_t)(p->zero_ms + (int64_t)ns / 1000000);
    char *body = wire_open(to, field);
    to = wire_uint(body, TIMESTAMP_SECONDS, ms / 1000);
    to = wire_uint(to, TIMESTAMP_NANOS, ms % 1000 * 1000000);
    return wire_close(body, to);
}

/* Since when it counts, where that is kept. */
static char *put_created(const struct protobuf_writer *p, char *to, unsigned field,
                         const struct exposed_view *v)
{
    return v->born_ns != 0 ? put_time(p, to, field, v->born_ns) : to;
}

/* What n of them take at most. */
static size_t exemplars_room(const struct exemplar *x, uint32_t n)
{
    size_t room = 0;
    for (uint32_t i = 0; x != NULL && i < n; i++)
        room += (size_t)2 * WIRE_NESTED_MAX + protobuf_labels_room(x[i].labels) + WIRE_DOUBLE +
                CREATED_BYTES;
    return room;
}

static bool is_there(const struct exemplar *x)
{
    return x != NULL && x->labels.len > 0;
}

static char *put_exemplar(const struct protobuf_writer *p, char *to, unsigned field,
                          const struct exemplar *x)
{
    if (!is_there(x))
        return to;
    char *body = wire_open(to, field);
    to = wire_double(protobuf_labels(body, EXEMPLAR_LABEL, x->labels), EXEMPLAR_VALUE, x->value);
    to = put_time(p, to, EXEMPLAR_TIMESTAMP, x->at_ns);
    return wire_close(body, to);
}

static void protobuf_counter(struct writer *w, const struct writer_family *f, struct slice labels,
                             const struct exposed_view *v, struct buf *out)
{
    struct protobuf_writer *p = (struct protobuf_writer *)w;
    size_t room = WIRE_DOUBLE + CREATED_BYTES + exemplars_room(v->exemplars, 1);
    struct metric m = metric_begin(p, f, labels, room, out);
    char *body = wire_open(m.to, METRIC_COUNTER);
    m.to = wire_double(body, NUMBER_VALUE, v->value);
    m.to = put_exemplar(p, m.to, COUNTER_EXEMPLAR, v->exemplars);
    m.to = put_created(p, m.to, COUNTER_CREATED, v);
    m.to = wire_close(body, m.to);
    metric_end(p, m, out);
}

static void protobuf_gauge(struct writer *w, const struct writer_family *f, struct slice labels,
                           double value, struct buf *out)
{
    struct protobuf_writer *p = (struct protobuf_writer *)w;
    struct metric m = metric_begin(p, f, labels, WIRE_DOUBLE, out);
    m.to = wire_length(m.to, METRIC_GAUGE, WIRE_DOUBLE);
    m.to = wire_double(m.to, NUMBER_VALUE, value);
    metric_end(p, m, out);
}

/* Counts are whole numbers in this format. */
static uint64_t whole(double count)
{
    return (uint64_t)fmin(count, 0x1p63);
}

static uint64_t smaller(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

static void put_summary(struct protobuf_writer *p, const struct writer_family *f,
                        struct slice labels, const struct exposed_view *v, struct buf *out)
{
    const struct profile *of = v->profile;
    struct metric m =
        metric_begin(p, f, labels, COUNT_AND_SUM + of->n_quantiles * QUANTILE_BYTES, out);
    char *body = wire_open(m.to, METRIC_SUMMARY);
    m.to = wire_uint(body, TIMER_COUNT, whole(v->count));
    m.to = wire_double(m.to, TIMER_SUM, v->sum);
    for (uint32_t i = 0; i < of->n_quantiles; i++) {
        m.to = wire_length(m.to, SUMMARY_QUANTILE, (size_t)2 * WIRE_DOUBLE);
        m.to = wire_double(m.to, QUANTILE_QUANTILE, of->quantiles[i]);
        m.to = wire_double(m.to, QUANTILE_VALUE, v->quantiles[i]);
    }
    m.to = put_created(p, m.to, SUMMARY_CREATED, v);
    m.to = wire_close(body, m.to);
    metric_end(p, m, out);
}

static double sum_of(const double *at, uint32_t n)
{
    double sum = 0;
    for (uint32_t i = 0; i < n; i++)
        sum += at[i];
    return sum;
}

/* One of +Inf is there only for its exemplar: its count is that of all. */
static char *put_buckets(const struct protobuf_writer *p, char *to, const struct exposed_view *v,
                         uint64_t count)
{
    const struct profile *of = v->profile;
    const struct exemplar *x = v->exemplars;
    double below = 0;
    for (uint32_t i = 0; i <= of->n_buckets; i++) {
        bool last = i == of->n_buckets;
        if (last && (x == NULL || !is_there(&x[i])))
            break;
        below += v->le[i];
        char *bucket = wire_open(to, HISTOGRAM_BUCKET);
        to = wire_uint(bucket, BUCKET_COUNT, last ? count : smaller(whole(below), count));
        to = wire_double(to, BUCKET_BOUND, last ? (double)INFINITY : of->buckets[i]);
        to = put_exemplar(p, to, BUCKET_EXEMPLAR, x != NULL ? &x[i] : NULL);
        to = wire_close(bucket, to);
    }
    return to;
}

/*
 * The count is that of the native buckets where there are some: Prometheus refuses a page on which
 * they disagree.
 */
static void put_histogram(struct protobuf_writer *p, const struct writer_family *f,
                          struct slice labels, const struct exposed_view *v, struct buf *out)
{
    const struct profile *of = v->profile;
    struct buf *native = &p->native.fields;
    uint64_t count = whole(sum_of(v->le, of->n_buckets + 1));
    buf_clear(native);
    if (v->native != NULL)
        count = native_encode(&p->native, v->native, profile_zero_threshold(of));
    size_t room = COUNT_AND_SUM + (of->n_buckets + 1) * BUCKET_BYTES + native->len +
                  exemplars_room(v->exemplars, of->n_buckets + 1);
    struct metric m = metric_begin(p, f, labels, room, out);
    char *body = wire_open(m.to, METRIC_HISTOGRAM);
    m.to = wire_uint(body, TIMER_COUNT, count);
    m.to = wire_double(m.to, TIMER_SUM, v->sum);
    m.to = put_buckets(p, m.to, v, count);
    if (native->len > 0)
        memcpy(m.to, native->ptr, native->len);
    m.to = put_created(p, m.to + native->len, HISTOGRAM_CREATED, v);
    m.to = wire_close(body, m.to);
    metric_end(p, m, out);
}

static void protobuf_timer(struct writer *w, const struct writer_family *f, struct slice labels,
                           const struct exposed_view *v, struct buf *out)
{
    struct protobuf_writer *p = (struct protobuf_writer *)w;
    if (f->type == FAMILY_HISTOGRAM)
        put_histogram(p, f, labels, v, out);
    else
        put_summary(p, f, labels, v, out);
}

static void protobuf_end(struct writer *w, struct buf *out)
{
    (void)w;
    (void)out;
}

/* A metric may be a message of its own.  A native histogram is taken as one over two decades. */
static uint64_t protobuf_exposed_bytes(const struct profile *p)
{
    enum { TEXTS = 4 * AGGREGATE_TEXT_BYTES, NATIVE_BUCKET = 4 };
    uint64_t bytes = TEXTS + COUNT_AND_SUM;
    if (!p->histogram)
        return bytes + (uint64_t)p->n_quantiles * QUANTILE_BYTES;
    bytes += (uint64_t)p->n_buckets * BUCKET_BYTES;
    if (profile_native(p))
        bytes += NATIVE_BUCKET * (uint64_t)aggregate_native_buckets(p);
    return bytes;
}

const struct writer_ops writer_protobuf = {
    .content_type = "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; "
                    "encoding=delimited",
    .required = "proto;encoding",
    .open = protobuf_open,
    .close = protobuf_close,
    .head = protobuf_head,
    .counter = protobuf_counter,
    .gauge = protobuf_gauge,
    .timer = protobuf_timer,
    .end = protobuf_end,
    .exposed_bytes = protobuf_exposed_bytes,
};
