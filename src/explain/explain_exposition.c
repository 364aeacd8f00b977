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

/* Of a step of explain_exposition_close: some 100 us. */
enum { STEP_CELLS = 256, STEP_SERIES = 256, STEP_BYTES = 16 << 10 };

struct explain_exposition {
    struct series_limit limit;
    struct marks marks;
    struct lane *lane;
    struct lane_source source;
    struct registry *registry;
    struct writer *writer;
    enum { READING, MERGING, GIVING, RENDERING, CLOSED } state;
    struct page *page;    /* MERGING; the lane's */
    struct render render; /* RENDERING */
    struct buf text;      /* lines so far */
    size_t weight;        /* theirs */
    bool cut;             /* there are more */
};

static void explain_exposition_check(const struct explain_exposition *e)
{
    assert(e->lane != NULL && e->registry != NULL && e->writer != NULL);
    assert(e->weight >= e->text.len && (e->page == NULL || e->state == MERGING));
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
    if (e->state == RENDERING)
        render_end(&e->render);
    buf_release(&e->text);
    e->writer->ops->close(e->writer);
    registry_free(e->registry);
    lane_free(e->lane);
    series_limit_release(&e->limit);
    free(e);
}

void explain_exposition_datagram(struct explain_exposition *e, const struct lane_datagram *d)
{
    explain_exposition_check(e);
    assert(e->state == READING && "there is one interval, and it has been closed");
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

size_t explain_weight(struct slice text)
{
    size_t n = text.len;
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.ptr[i];
        n += c == '"' || c == '\\' || c == '\n' ? 1 : c < 0x20 ? 5 : 0;
    }
    return n;
}

static void take_page(struct explain_exposition *e)
{
    struct ingest *in = lane_ingest(e->lane);
    bool turned = ingest_turn(in, lane_next_ns(e->lane));
    assert(turned && "nobody else has a page");
    (void)turned;
    e->page = ingest_take(in);
    assert(e->page != NULL);
    e->state = MERGING;
}

static void merge_some(struct explain_exposition *e)
{
    const uint64_t now_ns = lane_next_ns(e->lane);
    const struct interval_end end = { .start_s = START_S,
                                      .interval_ms = INTERVAL_MS,
                                      .now_ns = now_ns,
                                      .now_wall_ms = (int64_t)START_S * 1000 };
    struct snapshot unused;
    if (registry_merge_some(e->registry, e->page, now_ns, STEP_CELLS))
        return;
    ingest_give(lane_ingest(e->lane), e->page);
    e->page = NULL;
    /* With aggregate.set_window = 0 /metrics shows the sets of the last closed interval. */
    registry_close(e->registry, &end, &unused);
    e->state = GIVING;
}

static void give_some(struct explain_exposition *e)
{
    if (registry_give(e->registry, STEP_SERIES))
        return;
    render_begin(&e->render, e->writer, e->registry);
    e->render.heads = false;
    e->state = RENDERING;
}

/* Keep whole lines of those behind `from`, as long as there is room for them. */
static void weigh_lines(struct explain_exposition *e, size_t from, size_t most)
{
    struct slice rest = slice_of(e->text.ptr + from, e->text.len - from), line;
    size_t kept = from;
    while (slice_cut(&rest, '\n', &line)) {
        size_t weight = explain_weight(slice_of(line.ptr, line.len + 1));
        e->cut = e->cut || weight > most - e->weight;
        if (e->cut)
            break;
        e->weight += weight;
        kept += line.len + 1;
    }
    e->text.len = kept;
}

static void render_part(struct explain_exposition *e, size_t most)
{
    size_t from = e->text.len;
    bool more = render_some(&e->render, lane_next_ns(e->lane), from + STEP_BYTES, &e->text);
    if (e->text.len > from)
        weigh_lines(e, from, most);
    if (more && !e->cut)
        return;
    render_end(&e->render);
    e->state = CLOSED;
}

bool explain_exposition_close(struct explain_exposition *e, size_t most)
{
    explain_exposition_check(e);
    switch (e->state) {
    case READING:
        take_page(e);
        break;
    case MERGING:
        merge_some(e);
        break;
    case GIVING:
        give_some(e);
        break;
    case RENDERING:
        render_part(e, most);
        break;
    case CLOSED:
        break;
    }
    return e->state != CLOSED;
}

bool explain_exposition_lines(const struct explain_exposition *e, struct buf *out)
{
    assert(e->state == CLOSED);
    sort_lines(buf_slice(&e->text), out);
    return !e->cut;
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
