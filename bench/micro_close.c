/*
 * What happens when an interval closes or somebody scrapes, each step alone: the worker's page
 * turn, the control thread's merge, the rendering of /metrics, and the interval as Redis commands.
 * Counters, gauges and timers as in the load.  Merge and encoding are cut into slices as in the
 * server; of these the longest is told too, and so is that of the page that brings all the names.
 *
 *     micro_close [SERIES...]
 */
#include <malloc.h>
#include <stdatomic.h>

#include "aggregate/registry.h"
#include "aggregate/registry_interval.h"
#include "app/slice.h"
#include "expose/render.h"
#include "micro.h"
#include "micro_load.h"
#include "sinks/redis/encode.h"

enum { WAITING_MAX = 65536, MALLOC_HEAD = 8 };

struct steps {
    struct micro turn, merge, render, encode, wire;
    double births, births_longest, merge_longest, encode_longest; /* of a slice */
    struct micro again[WRITER_COUNT]; /* what is left when quantiles were worked out before */
    size_t again_bytes[WRITER_COUNT];
    size_t body_bytes, redis_bytes, waiting_bytes, batches;
    struct redis_batch *waiting[WAITING_MAX];
};

static void take(void *cookie, struct redis_batch *b)
{
    struct steps *s = cookie;
    assert(s->batches < ARRAY_LEN(s->waiting));
    s->waiting[s->batches++] = b;
}

/* What waits is sent: its memory, and the time that its RESP takes. */
static void send_all(struct steps *s)
{
    struct buf wire = { 0 };
    uint64_t ns = 0;
    s->redis_bytes = s->waiting_bytes = 0;
    for (size_t i = 0; i < s->batches; i++) {
        struct redis_batch *b = s->waiting[i];
        s->waiting_bytes +=
            malloc_usable_size(b) + malloc_usable_size(b->bytes) + 2ul * MALLOC_HEAD;
        uint64_t from_ns = micro_now_ns();
        buf_clear(&wire);
        redis_batch_wire(b, &wire);
        ns += micro_now_ns() - from_ns;
        s->redis_bytes += wire.len;
        redis_batch_free(b);
    }
    buf_release(&wire);
    micro_add(&s->wire, (double)ns);
}

static void give(void *encode, const struct closed_series *c)
{
    redis_encode_put(encode, c);
}

static struct page *sealed_page(struct micro_load *l, struct steps *s)
{
    micro_load_pass(l, now_mono_ns());
    uint64_t from_ns = now_mono_ns(); /* asking for CPU time would cost more than the turn */
    if (!ingest_turn(l->ingest, from_ns))
        abort();
    micro_add(&s->turn, (double)(now_mono_ns() - from_ns));
    struct page *p = ingest_take(l->ingest);
    if (p == NULL)
        abort();
    return p;
}

/* In pieces, as the server does.  returns  how many bytes it was */
static size_t render(struct registry *r, struct writer *w, uint64_t now_ns)
{
    enum { PIECE_BYTES = 256 * 1024 };
    struct buf piece = { 0 };
    struct render text;
    size_t bytes = 0;
    bool more = true;
    render_begin(&text, w, r);
    while (more) {
        buf_clear(&piece);
        more = render_some(&text, now_ns, PIECE_BYTES, &piece);
        bytes += piece.len;
    }
    render_end(&text);
    buf_release(&piece);
    return bytes;
}

/* In each format in turn, once the first rendering has worked out the quantiles. */
static void render_again(struct registry *r, uint64_t now_ns, struct steps *s)
{
    for (unsigned i = 0; i < WRITER_COUNT; i++) {
        struct writer *w = writers[i]->open(&(struct writer_opts){ .registry = r });
        uint64_t from_ns = micro_now_ns();
        s->again_bytes[i] = render(r, w, now_ns);
        micro_add(&s->again[i], (double)(micro_now_ns() - from_ns));
        w->ops->close(w);
    }
}

static double larger(double a, double b)
{
    return a > b ? a : b;
}

/* returns  the longest slice */
static double merge(struct registry *r, struct page *page, uint64_t now_ns)
{
    double longest = 0;
    for (bool more = true; more;) {
        uint64_t from_ns = micro_now_ns(), end_ns = slice_end_ns();
        do {
            more = registry_merge_some(r, page, now_ns, SLICE_CELLS);
        } while (more && !slice_over(end_ns));
        longest = larger(longest, (double)(micro_now_ns() - from_ns));
    }
    return longest;
}

static double give_all(struct registry *r)
{
    double longest = 0;
    for (bool more = true; more;) {
        uint64_t from_ns = micro_now_ns(), end_ns = slice_end_ns();
        do {
            more = registry_give(r, SLICE_SERIES);
        } while (more && !slice_over(end_ns));
        longest = larger(longest, (double)(micro_now_ns() - from_ns));
    }
    return longest;
}

static void interval(struct micro_load *l, struct registry *r, struct writer *w,
                     struct redis_encode *e, struct steps *s, int64_t start_s)
{
    struct page *page = sealed_page(l, s);
    uint64_t now_ns = now_mono_ns(), t0 = micro_now_ns();
    s->merge_longest = larger(s->merge_longest, merge(r, page, now_ns));
    uint64_t t1 = micro_now_ns();
    ingest_give(l->ingest, page);

    uint64_t t2 = micro_now_ns();
    s->body_bytes = render(r, w, now_ns);
    uint64_t t3 = micro_now_ns();
    render_again(r, now_ns, s);

    struct snapshot snap;
    const struct interval_end end = { .start_s = start_s,
                                      .interval_ms = 10000,
                                      .now_ns = now_ns,
                                      .now_wall_ms = start_s * 1000,
                                      .give = give,
                                      .cookie = e };
    s->batches = 0;
    uint64_t t5 = micro_now_ns();
    registry_close(r, &end, &snap);
    redis_encode_begin(e, &snap, 86400, take, s);
    s->encode_longest = larger(s->encode_longest, give_all(r));
    redis_encode_end(e);
    uint64_t t6 = micro_now_ns();
    send_all(s);
    micro_add(&s->merge, (double)(t1 - t0));
    micro_add(&s->render, (double)(t3 - t2));
    micro_add(&s->encode, (double)(t6 - t5));
}

static void print(const char *what, uint32_t series, double value, const char *unit)
{
    char name[64];
    snprintf(name, sizeof name, "%s_%u", what, series);
    micro_print(name, value, unit);
}

/*
 * What no way of doing it can be below: the exchanges alone, one cache line of each series, and the
 * bytes that come out.
 */
static void print_floors(uint32_t series, const struct steps *s)
{
    enum { TURNS = 100000 };
    static _Atomic uintptr_t a, b;
    struct micro turn = { 0 };
    for (int run = 0; run < MICRO_RUNS; run++) {
        uint64_t from_ns = micro_now_ns();
        for (uintptr_t i = 0; i < TURNS; i++) {
            atomic_exchange(&a, i);
            atomic_exchange(&b, i);
        }
        micro_add(&turn, (double)(micro_now_ns() - from_ns) / TURNS);
    }
    double render_ns = micro_copy_ns(s->body_bytes);
    print("floor_page_turn", series, micro_median(&turn) / 1e3, "us");
    print("floor_merge", series, micro_copy_ns((size_t)series * 64) / series, "ns/series");
    print("floor_render", series, render_ns / series, "ns/series");
    print("floor_render_total", series, render_ns / 1e6, "ms");
    print("floor_redis_encode", series, micro_copy_ns(s->redis_bytes) / series, "ns/series");
}

static void print_formats(uint32_t series, struct steps *s)
{
    static const char *const words[WRITER_COUNT] = {
#define X(id, ops) #id,
        WRITERS(X)
#undef X
    };
    for (unsigned i = 0; i < WRITER_COUNT; i++) {
        char what[48];
        snprintf(what, sizeof what, "render_%s", words[i]);
        print(what, series, micro_median(&s->again[i]) / series, "ns/series");
        snprintf(what, sizeof what, "render_bytes_%s", words[i]);
        print(what, series, (double)s->again_bytes[i], "bytes");
    }
}

/* What was measured so far was of births. */
static void begin_again(struct steps *s)
{
    double births = micro_median(&s->merge), longest = s->merge_longest;
    memset(s, 0, sizeof *s);
    s->births = births;
    s->births_longest = longest;
}

static void measure(uint32_t series)
{
    struct micro_load l;
    micro_load_init(&l, series, "c=60,ms=30,g=10", series, 1432);
    const struct registry_opts ro = { .profiles = l.profiles,
                                      .keep_intervals = true,
                                      .limit = &l.limit };
    const struct redis_encode_opts eo = { .prefix = "sd", .instance = "bench", .retention_s = 600 };
    struct registry *r = registry_new(&ro);
    struct writer *w = writer_text.open(&(struct writer_opts){ 0 });
    struct redis_encode *e = redis_encode_new(&eo);
    static struct steps s;
    memset(&s, 0, sizeof s);
    for (int run = 0; run <= MICRO_RUNS; run++) {
        interval(&l, r, w, e, &s, 1700000000 + run * 10);
        if (run == 0)
            begin_again(&s); /* the first makes the series */
    }
    print("page_turn", series, micro_median(&s.turn) / 1e3, "us");
    print("births", series, s.births / series, "ns/series");
    print("births_longest", series, s.births_longest / 1e6, "ms");
    print("merge", series, micro_median(&s.merge) / series, "ns/series");
    print("merge_longest", series, s.merge_longest / 1e6, "ms");
    print("render", series, micro_median(&s.render) / series, "ns/series");
    print("render_total", series, micro_median(&s.render) / 1e6, "ms");
    print("render_bytes", series, (double)s.body_bytes, "bytes");
    print_formats(series, &s);
    print("redis_encode", series, micro_median(&s.encode) / series, "ns/series");
    print("redis_encode_longest", series, s.encode_longest / 1e6, "ms");
    print("redis_wire", series, micro_median(&s.wire) / series, "ns/series");
    print("redis_waiting", series, (double)s.waiting_bytes / series, "bytes/series");
    print("redis_bytes", series, (double)s.redis_bytes / series, "bytes/series");
    print_floors(series, &s);
    redis_encode_free(e);
    w->ops->close(w);
    registry_free(r);
    micro_load_release(&l);
}

int main(int argc, char **argv)
{
    static const uint32_t usual[] = { 10000, 100000 };
    for (int i = 1; i < argc; i++)
        measure((uint32_t)strtoul(argv[i], NULL, 10));
    for (size_t i = 0; argc == 1 && i < ARRAY_LEN(usual); i++)
        measure(usual[i]);
    return 0;
}
