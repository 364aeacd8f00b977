#include "app/explain_exposition.h"

#include <assert.h>
#include <stdlib.h>

#include "aggregate/ingest.h"
#include "aggregate/registry.h"
#include "base/mem.h"
#include "base/selfmetrics.h"
#include "sinks/prometheus.h"

/* Time stands still but for one interval: what is explained does not depend on when. */
enum { START_S = 1000, INTERVAL_MS = 10000 };
static const uint64_t now_ns = (uint64_t)START_S * 1000000000u;

struct explain_exposition {
    struct series_limit limit;
    struct ingest *ingest;
    struct registry *registry;
    struct prometheus *prometheus;
};

static const char *const reserved[] = {
#define X(id, name, kind, label, help) name,
    SELFMETRICS(X) SELFMETRICS_MEASURED(X)
#undef X
};

struct explain_exposition *explain_exposition_new(const struct config *c)
{
    struct explain_exposition *e = mem_zalloc(sizeof *e);
    bool histograms = c->prometheus_observer_type == OBSERVER_HISTOGRAM;
    const struct ingest_opts in = {
        .tags = { .max_tags = c->limits_max_tags, .max_tag_len = c->limits_max_tag_len, .keep_internal = c->protocol_keep_internal_tags },
        .sketch_schema = (int)c->aggregate_sketch_schema,
        .buckets = histograms ? c->prometheus_buckets.at : NULL,
        .n_buckets = histograms ? (uint32_t)c->prometheus_buckets.n : 0,
        .limit = &e->limit,
    };
    const struct registry_opts reg = {
        .suffixes = c->prometheus_suffixes,
        .histograms = histograms,
        .buckets = c->prometheus_buckets.at,
        .n_buckets = (uint32_t)c->prometheus_buckets.n,
        .quantiles = c->aggregate_quantiles.at,
        .n_quantiles = (uint32_t)c->aggregate_quantiles.n,
        .summary_max_age_s = (uint32_t)(c->aggregate_summary_max_age_ms / 1000),
        .summary_age_buckets = c->aggregate_summary_age_buckets,
        .sketch_schema = (int)c->aggregate_sketch_schema,
        .reserved = reserved,
        .n_reserved = ARRAY_LEN(reserved),
        .limit = &e->limit,
    };
    const struct prometheus_opts text = {
        .quantiles = c->aggregate_quantiles.at,
        .n_quantiles = (uint32_t)c->aggregate_quantiles.n,
        .buckets = c->prometheus_buckets.at,
        .n_buckets = (uint32_t)c->prometheus_buckets.n,
    };
    sketch_setup();
    if (series_limit_init(&e->limit, c->limits_max_series) < 0 || ingest_new(&in, &e->ingest) < 0)
        abort();
    e->registry = registry_new(&reg);
    e->prometheus = prometheus_new(&text);
    return e;
}

void explain_exposition_free(struct explain_exposition *e)
{
    if (e == NULL)
        return;
    prometheus_free(e->prometheus);
    registry_free(e->registry);
    ingest_free(e->ingest);
    series_limit_release(&e->limit);
    free(e);
}

void explain_exposition_add(struct explain_exposition *e, struct batch *b)
{
    ingest_batch(e->ingest, b, now_ns);
}

static int line_order(const void *a, const void *b)
{
    return slice_cmp(*(const struct slice *)a, *(const struct slice *)b);
}

static void sort_lines(struct slice text, struct buf *out)
{
    struct slice *lines = NULL, line;
    size_t n = 0, cap = 0;
    while (slice_cut(&text, '\n', &line)) {
        lines = mem_grow(lines, &cap, n + 1, sizeof *lines);
        lines[n++] = line;
    }
    if (n > 0)
        qsort(lines, n, sizeof *lines, line_order);
    for (size_t i = 0; i < n; i++) {
        if (i > 0)
            buf_append_char(out, '\n');
        buf_append_slice(out, lines[i]);
    }
    free(lines);
}

void explain_exposition_render(struct explain_exposition *e, struct buf *out)
{
    const struct interval_end end = {
        .start_s = START_S, .interval_ms = INTERVAL_MS, .now_ns = now_ns, .now_wall_ms = (int64_t)START_S * 1000
    };
    struct snapshot unused;
    struct buf text = { 0 };
    bool turned = ingest_turn(e->ingest, now_ns);
    assert(turned);
    struct page *page = ingest_take(e->ingest);
    assert(page != NULL);
    (void)turned;
    registry_merge(e->registry, page, now_ns);
    ingest_give(e->ingest, page);
    registry_close(e->registry, &end, &unused);   /* sets show the last closed interval */
    registry_next(e->registry);
    prometheus_render_lines(e->prometheus, e->registry, now_ns, &text);
    sort_lines(buf_slice(&text), out);
    buf_release(&text);
}
