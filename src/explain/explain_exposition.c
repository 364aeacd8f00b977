#include "explain/explain_exposition.h"

#include <assert.h>
#include <stdlib.h>

#include "aggregate/registry_interval.h"
#include "base/mem.h"
#include "core/core_opts.h"
#include "core/memory_bound.h"
#include "expose/render.h"

/* The clock is that of the samples, never the machine's: the output does not depend on when it is
 * asked for. */
enum { START_S = 1000, INTERVAL_MS = 10000 };

struct explain_exposition {
    struct series_limit limit;
    struct marks marks;
    struct lane *lane;
    struct lane_source source;
    struct registry *registry;
    struct writer *writer;
    bool rendered;
};

static void explain_exposition_check(const struct explain_exposition *e)
{
    assert(e->lane != NULL && e->registry != NULL && e->writer != NULL);
    assert(!e->rendered && "there is one interval, and it has been closed");
}

struct explain_exposition *explain_exposition_new(const struct config *c,
                                                  const struct core_mapping *m,
                                                  const struct lane_taps *taps,
                                                  const struct lane_refusals *refusals)
{
    struct explain_exposition *e = mem_zalloc(sizeof *e);
    struct lane_opts lane = core_lane_opts(c, m, &e->limit);
    struct registry_opts reg = core_registry_opts(c, m, &e->limit);
    marks_init(&e->marks, 0);
    lane.ingest.marks = &e->marks;
    lane.taps = *taps;
    lane.refusals = *refusals;
    if (series_limit_init(&e->limit, c->limits_max_series) < 0 || lane_new(&lane, &e->lane) < 0)
        mem_exhausted(sizeof *e); /* of what they need, they do not say how much */
    e->source.gauge_sign = (enum gauge_sign)c->protocol_gauge_sign;
    lane_begin(e->lane, &e->source,
               (struct lane_clock){ .now_ns = (uint64_t)START_S * 1000000000u });
    e->registry = registry_new(&reg);
    e->writer = writer_text.open(&(struct writer_opts){ .registry = e->registry });
    return e;
}

void explain_exposition_free(struct explain_exposition *e)
{
    if (e == NULL)
        return;
    e->writer->ops->close(e->writer);
    registry_free(e->registry);
    lane_free(e->lane);
    series_limit_release(&e->limit);
    free(e);
}

void explain_exposition_datagram(struct explain_exposition *e, const struct lane_datagram *d)
{
    explain_exposition_check(e);
    lane_datagram(e->lane, d);
    lane_flush(e->lane);
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
    struct ingest *in = lane_ingest(e->lane);
    uint64_t now_ns = lane_next_ns(e->lane);
    const struct interval_end end = { .start_s = START_S,
                                      .interval_ms = INTERVAL_MS,
                                      .now_ns = now_ns,
                                      .now_wall_ms = (int64_t)START_S * 1000 };
    struct snapshot unused;
    struct buf text = { 0 };
    explain_exposition_check(e);
    e->rendered = true;
    bool turned = ingest_turn(in, now_ns);
    assert(turned && "nobody else has a page");
    struct page *page = ingest_take(in);
    assert(page != NULL);
    (void)turned;
    registry_merge(e->registry, page, now_ns);
    ingest_give(in, page);
    /* With aggregate.set_window = 0 /metrics shows the sets of the last closed interval. */
    registry_close(e->registry, &end, &unused);
    (void)registry_give(e->registry, SIZE_MAX);
    render_lines(e->writer, e->registry, now_ns, &text);
    sort_lines(buf_slice(&text), out);
    buf_release(&text);
}

const struct off_page_note *const *explain_exposition_off_page(const struct explain_exposition *e,
                                                               size_t *ret_n)
{
    return registry_off_page(e->registry, ret_n);
}

uint64_t explain_exposition_sums_refused(const struct explain_exposition *e)
{
    return registry_stats(e->registry)->v[REGISTRY_SUMS_REFUSED];
}

uint64_t explain_exposition_marks(const struct explain_exposition *e)
{
    return ingest_stats(lane_ingest(e->lane))->dropped[INGEST_DROP_MARK];
}
