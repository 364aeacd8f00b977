#include "support/protobuf_reader.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/mem.h"
#include "expose/writer.h"
#include "metrics.pb-c.h"

typedef Io__Prometheus__Client__MetricFamily Family;
typedef Io__Prometheus__Client__Metric Metric;
typedef Io__Prometheus__Client__Summary Summary;
typedef Io__Prometheus__Client__Histogram Histogram;

/* Take one message off the front.   returns  NULL at the end */
static Family *next_family(struct slice *body)
{
    size_t len = 0, n = 0;
    if (body->len == 0)
        return NULL;
    while (true) {
        assert_true(n < body->len && n < 10);
        uint8_t byte = (uint8_t)body->ptr[n];
        len |= (size_t)(byte & 0x7f) << (7 * n);
        n++;
        if (byte < 0x80)
            break;
    }
    assert_true(len > 0 && len <= body->len - n);
    Family *f =
        io__prometheus__client__metric_family__unpack(NULL, len, (const uint8_t *)body->ptr + n);
    assert_non_null(f);
    assert_true(f->name != NULL && f->help != NULL && f->has_type && f->n_metric > 0);
    *body = slice_of(body->ptr + n + len, body->len - n - len);
    return f;
}

static void free_family(Family *f)
{
    io__prometheus__client__metric_family__free_unpacked(f, NULL);
}

static enum family_type type_of(const Family *f)
{
    switch (f->type) {
    case IO__PROMETHEUS__CLIENT__METRIC_TYPE__COUNTER:
        return FAMILY_COUNTER;
    case IO__PROMETHEUS__CLIENT__METRIC_TYPE__GAUGE:
        return FAMILY_GAUGE;
    case IO__PROMETHEUS__CLIENT__METRIC_TYPE__SUMMARY:
        return FAMILY_SUMMARY;
    default:
        assert_int_equal(f->type, IO__PROMETHEUS__CLIENT__METRIC_TYPE__HISTOGRAM);
        return FAMILY_HISTOGRAM;
    }
}

static void put_labels(const Metric *m, struct buf *out)
{
    for (size_t i = 0; i < m->n_label; i++) {
        if (i > 0)
            buf_append_char(out, ',');
        buf_append_str(out, m->label[i]->name);
        buf_append_str(out, "=\"");
        for (const char *at = m->label[i]->value; *at != '\0'; at++) {
            if (*at == '"' || *at == '\\' || *at == '\n')
                buf_append_char(out, '\\');
            buf_append_char(out, *at == '\n' ? 'n' : *at);
        }
        buf_append_char(out, '"');
    }
}

static void put_summary(struct writer *text, const struct writer_family *f, struct slice labels,
                        const Summary *s, struct buf *out)
{
    double *quantiles = mem_zalloc((s->n_quantile + 1) * sizeof *quantiles);
    double *values = mem_zalloc((s->n_quantile + 1) * sizeof *values);
    const struct profile p = { .quantiles = quantiles, .n_quantiles = (uint32_t)s->n_quantile };
    assert_true(s->has_sample_count && s->has_sample_sum);
    for (size_t i = 0; i < s->n_quantile; i++) {
        quantiles[i] = s->quantile[i]->quantile;
        values[i] = s->quantile[i]->value;
    }
    text->ops->timer(text, f, labels,
                     &(struct exposed_view){ .profile = &p,
                                             .count = (double)s->sample_count,
                                             .sum = s->sample_sum,
                                             .quantiles = values },
                     out);
    free(quantiles);
    free(values);
}

static void put_histogram(struct writer *text, const struct writer_family *f, struct slice labels,
                          const Histogram *h, struct buf *out)
{
    double *bounds = mem_zalloc((h->n_bucket + 1) * sizeof *bounds);
    double *le = mem_zalloc((h->n_bucket + 1) * sizeof *le);
    const struct profile p = { .histogram = true,
                               .buckets = bounds,
                               .n_buckets = (uint32_t)h->n_bucket };
    uint64_t below = 0;
    assert_true(h->has_sample_count && h->has_sample_sum);
    for (size_t i = 0; i < h->n_bucket; i++) {
        assert_true(h->bucket[i]->cumulative_count >= below);
        bounds[i] = h->bucket[i]->upper_bound;
        le[i] = (double)(h->bucket[i]->cumulative_count - below);
        below = h->bucket[i]->cumulative_count;
    }
    assert_true(h->sample_count >= below);
    le[h->n_bucket] = (double)(h->sample_count - below);
    text->ops->timer(text, f, labels,
                     &(struct exposed_view){ .profile = &p, .sum = h->sample_sum, .le = le }, out);
    free(bounds);
    free(le);
}

static void put_metric(struct writer *text, const struct writer_family *f, const Metric *m,
                       struct buf *out)
{
    struct buf labels_text = { 0 };
    put_labels(m, &labels_text);
    struct slice labels = buf_slice(&labels_text);
    assert_int_equal((m->counter != NULL) + (m->gauge != NULL) + (m->summary != NULL) +
                         (m->histogram != NULL),
                     1);
    switch (f->type) {
    case FAMILY_COUNTER:
        text->ops->counter(text, f, labels, &(struct exposed_view){ .value = m->counter->value },
                           out);
        break;
    case FAMILY_GAUGE:
        text->ops->gauge(text, f, labels, m->gauge->value, out);
        break;
    case FAMILY_SUMMARY:
        put_summary(text, f, labels, m->summary, out);
        break;
    default:
        put_histogram(text, f, labels, m->histogram, out);
    }
    buf_release(&labels_text);
}

void protobuf_as_text(struct slice body, struct buf *out)
{
    struct buf last = { 0 };
    Family *f;
    while ((f = next_family(&body)) != NULL) {
        const struct writer_family family = {
            .name = slice_str(f->name), .help = f->help, .type = type_of(f), .parts = 1
        };
        struct writer *text = writer_text.open(&(struct writer_opts){ 0 });
        if (!slice_eq(buf_slice(&last), family.name))
            text->ops->head(text, &family, out);
        for (size_t i = 0; i < f->n_metric; i++) {
            put_metric(text, &family, f->metric[i], out);
            /* It keeps the bounds of a profile, and here each metric has its own. */
            text->ops->close(text);
            text = writer_text.open(&(struct writer_opts){ 0 });
        }
        text->ops->close(text);
        buf_clear(&last);
        buf_append_slice(&last, family.name);
        free_family(f);
    }
    buf_release(&last);
}

size_t protobuf_messages(struct slice body)
{
    size_t n = 0;
    Family *f;
    for (; (f = next_family(&body)) != NULL; n++)
        free_family(f);
    return n;
}

/* ---- native histograms ---- */

static uint64_t lay_out(Io__Prometheus__Client__BucketSpan *const *spans, size_t n_spans,
                        const int64_t *deltas, size_t n_deltas, bool negative,
                        struct protobuf_native *ret)
{
    int32_t index = 0;
    int64_t count = 0;
    uint64_t sum = 0;
    size_t at = 0, n = 0;
    for (size_t i = 0; i < n_spans; i++) {
        assert_true(spans[i]->length > 0 && (i == 0 || spans[i]->offset > 0));
        index += spans[i]->offset;
        for (uint32_t k = 0; k < spans[i]->length; k++, index++) {
            assert_true(at < n_deltas && n < PROTOBUF_BUCKETS_MAX);
            count += deltas[at++];
            assert_true(count >= 0);
            sum += (uint64_t)count;
            if (count > 0)
                ret->buckets[negative][n++] = (struct protobuf_bucket){ index, count };
        }
    }
    assert_int_equal(at, n_deltas);
    ret->n[negative] = n;
    return sum;
}

static void read_native(const Histogram *h, struct protobuf_native *ret)
{
    assert_true(h->has_schema && h->has_zero_threshold && h->has_zero_count);
    assert_true(h->schema >= -4 && h->schema <= 8 && h->zero_threshold > 0);
    *ret = (struct protobuf_native){ .schema = h->schema,
                                     .zero_threshold = h->zero_threshold,
                                     .sum = h->sample_sum,
                                     .zero = h->zero_count,
                                     .count = h->sample_count };
    uint64_t sum = h->zero_count;
    sum += lay_out(h->positive_span, h->n_positive_span, h->positive_delta, h->n_positive_delta,
                   false, ret);
    sum += lay_out(h->negative_span, h->n_negative_span, h->negative_delta, h->n_negative_delta,
                   true, ret);
    assert_int_equal(sum, h->sample_count);
}

void protobuf_native(struct slice body, const char *family, struct protobuf_native *ret)
{
    bool found = false;
    Family *f;
    while ((f = next_family(&body)) != NULL) {
        if (!found && slice_eq(slice_str(f->name), slice_str(family))) {
            assert_non_null(f->metric[0]->histogram);
            read_native(f->metric[0]->histogram, ret);
            found = true;
        }
        free_family(f);
    }
    assert_true(found);
}
