/*
 * /metrics of many series, as text, in this process: CPU time a series of the rendering alone.
 * Each series has had a value since the last one, as at a scrape.
 *
 *     render_counters    counters with three tags of 50 values each
 *     render_mixed       60 % counters, 30 % timers, 10 % gauges
 *
 *     micro_render [SERIES]
 */
#include "aggregate/registry.h"
#include "expose/render.h"
#include "micro.h"
#include "micro_load.h"

enum { SERIES = 100000, PIECE = 256 << 10 };

static double render_ns(struct writer *w, struct registry *r)
{
    struct buf out = { 0 };
    struct render page;
    bool more = true;
    const uint64_t now_ns = now_mono_ns();
    render_begin(&page, w, r);
    uint64_t begun = micro_now_ns();
    while (more) {
        more = render_some(&page, now_ns, PIECE, &out);
        buf_clear(&out);
    }
    uint64_t ended = micro_now_ns();
    render_end(&page);
    buf_release(&out);
    return (double)(ended - begun);
}

static void measure(const char *name, const char *types, uint32_t series)
{
    struct micro_load l;
    struct micro ns = { .n = 0 };
    micro_load_init(&l, series, types, series, 1432);
    const struct registry_opts o = { .profiles = l.profiles, .limit = &l.limit };
    struct registry *r = registry_new(&o);
    struct writer *w = writer_text.open(&(struct writer_opts){ .registry = r });
    uint64_t n = 0;
    for (int i = 0; i < MICRO_RUNS; i++) {
        micro_load_pass(&l, now_mono_ns());
        if (!ingest_turn(l.ingest, now_mono_ns()))
            abort();
        struct page *p = ingest_take(l.ingest);
        registry_merge(r, p, now_mono_ns());
        ingest_give(l.ingest, p);
        n = 0;
        for (unsigned k = 0; k < SERIES_KIND_COUNT; k++)
            n += registry_count(r, (enum series_kind)k);
        micro_add(&ns, render_ns(w, r) / (double)n);
    }
    micro_print(name, micro_median(&ns), "ns/series");
    w->ops->close(w);
    registry_free(r);
    micro_load_release(&l);
}

int main(int argc, char **argv)
{
    const uint32_t series = argc > 1 ? (uint32_t)strtoul(argv[1], NULL, 10) : SERIES;
    measure("render_counters", "c=1", series);
    measure("render_mixed", "c=60,ms=30,g=10", series);
    return 0;
}
