#include "cmd/explain_exposition.h"

#include <assert.h>
#include <stdlib.h>

#include "aggregate/off_page.h"
#include "app/core_opts.h"
#include "base/mem.h"
#include "sinks/prometheus.h"

/* Time moves with the samples and nothing else: what is explained does not depend on when. */
enum { START_S = 1000, INTERVAL_MS = 10000 };
struct explain_exposition {
    struct series_limit limit;
    struct profiles *profiles;
    struct ingest *ingest;
    struct registry *registry;
    struct prometheus *prometheus;
    uint64_t now_ns;
    struct explain_refused refused;
    uint64_t bad_when_parsed;   /* values, counted by the parser already */
};

struct explain_exposition *explain_exposition_new(const struct config *c)
{
    struct explain_exposition *e = mem_zalloc(sizeof *e);
    e->now_ns = (uint64_t)START_S * 1000000000u;
    const struct profile profile = core_profile(c);
    e->profiles = profiles_new(&profile);
    struct ingest_opts in = core_ingest_opts(c, e->profiles, &e->limit);
    struct registry_opts reg = core_registry_opts(c, e->profiles, &e->limit);
    if (series_limit_init(&e->limit, c->limits_max_series) < 0 || ingest_new(&in, &e->ingest) < 0)
        abort();
    e->registry = registry_new(&reg);
    e->prometheus = prometheus_new();
    return e;
}

void explain_exposition_free(struct explain_exposition *e)
{
    if (e == NULL)
        return;
    prometheus_free(e->prometheus);
    registry_free(e->registry);
    ingest_free(e->ingest);
    profiles_free(e->profiles);
    series_limit_release(&e->limit);
    free(e);
}

void explain_exposition_add(struct explain_exposition *e, struct batch *b)
{
    e->bad_when_parsed += b->counts.rejected[REASON_BAD_VALUE];
    ingest_batch(e->ingest, b, e->now_ns);
    e->now_ns += b->n;
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
        .start_s = START_S, .interval_ms = INTERVAL_MS, .now_ns = e->now_ns, .now_wall_ms = (int64_t)START_S * 1000
    };
    struct snapshot unused;
    struct buf text = { 0 };
    bool turned = ingest_turn(e->ingest, e->now_ns);
    assert(turned);
    struct page *page = ingest_take(e->ingest);
    assert(page != NULL);
    (void)turned;
    registry_merge(e->registry, page, e->now_ns);
    e->refused.no_room = page_stats(page)->v[INGEST_SAMPLES_REFUSED];
    e->refused.not_finite = page_rejected(page)[REASON_BAD_VALUE] - e->bad_when_parsed;
    e->refused.not_finite += registry_stats(e->registry)->v[REGISTRY_SUMS_REFUSED];
    ingest_give(e->ingest, page);
    registry_close(e->registry, &end, &unused);   /* with aggregate.set_window = 0, sets show the last closed interval */
    registry_next(e->registry);
    prometheus_render_lines(e->prometheus, e->registry, e->now_ns, &text);
    sort_lines(buf_slice(&text), out);
    buf_release(&text);
}

const struct off_page_note *const *explain_exposition_off_page(const struct explain_exposition *e, size_t *ret_n)
{
    return registry_off_page(e->registry, ret_n);
}

struct explain_refused explain_exposition_refused(const struct explain_exposition *e)
{
    return e->refused;
}
