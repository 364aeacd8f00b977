/*
 * Native histograms as they are scraped, against all values that were sent: the spans and deltas
 * decode back to the buckets of what is shown, at whatever schema they have come to, and nothing
 * falls from one scrape to the next.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "aggregate/sketch.h"
#include "base/mem.h"
#include "support/pipeline.h"
#include "support/protobuf_reader.h"

enum { VALUES_MAX = 3000, ROUNDS = 25 };

static const double le[] = { 0.1, 5 };

struct sent {
    double shown, weight;
};

static uint64_t state;

static unsigned below(unsigned n)
{
    state = state * 6364136223846793005ull + 1442695040888963407ull;
    return (unsigned)((state >> 33) % n);
}

/* Values of one seed lie in a narrow range, in a wide one, or anywhere. */
static double draw(unsigned octaves)
{
    double v = exp2((double)below(octaves * 64) / 64 - octaves / 2.0);
    return below(20) == 0 ? 0 : v;
}

static struct sent send_one(struct pipeline *p, unsigned octaves, bool whole)
{
    static const double rates[] = { 1, 0.5, 0.125, 0.01 }, odd[] = { 1, 0.3, 0.7, 0.123 };
    struct sent s;
    struct buf line = { 0 };
    char type = "mhd"[below(3)];
    double v = draw(octaves), rate = (whole ? rates : odd)[below(4)];
    if (type != 'm' && below(3) == 0)
        v = -v;
    buf_printf(&line, "t:%.17g|%s|@%g", v, type == 'm' ? "ms" : type == 'h' ? "h" : "d", rate);
    pipeline_feed_bytes(p, below(2), line.ptr, line.len);
    buf_release(&line);
    s.shown = type == 'm' ? v / 1000 : v;
    s.weight = 1 / rate;
    return s;
}

static int64_t count_at(const struct protobuf_native *n, bool negative, int32_t index)
{
    for (size_t i = 0; i < n->n[negative]; i++)
        if (n->buckets[negative][i].index == index)
            return n->buckets[negative][i].count;
    return 0;
}

static void expect_buckets(const struct protobuf_native *n, const struct sent *all, size_t n_all,
                           bool whole)
{
    double zero = 0, total = 0;
    for (size_t i = 0; i < n_all; i++) {
        total += all[i].weight;
        if (fabs(all[i].shown) <= n->zero_threshold)
            zero += all[i].weight;
    }
    assert_true(fabs((double)n->zero - zero) < (whole ? 0.5 : 1));
    for (int negative = 0; negative < 2; negative++) {
        for (size_t b = 0; b < n->n[negative]; b++) {
            double want = 0;
            for (size_t i = 0; i < n_all; i++)
                if (fabs(all[i].shown) > n->zero_threshold &&
                    (all[i].shown < 0) == (negative == 1) &&
                    sketch_index(n->schema, fabs(all[i].shown)) == n->buckets[negative][b].index)
                    want += all[i].weight;
            double have = (double)n->buckets[negative][b].count;
            assert_true(whole ? have == want : have <= want + 1e-6 && have > want - 1 - 1e-6);
        }
    }
    if (whole)
        assert_true((double)n->count == total);
}

static int32_t coarser(int32_t index, int by)
{
    return (int32_t)ceil(ldexp(index, -by));
}

static void expect_nothing_fell(const struct protobuf_native *was, const struct protobuf_native *n)
{
    assert_true(n->schema <= was->schema && n->count >= was->count && n->zero >= was->zero);
    for (int negative = 0; negative < 2; negative++) {
        for (size_t i = 0; i < was->n[negative]; i++) {
            int32_t to = coarser(was->buckets[negative][i].index, was->schema - n->schema);
            int64_t together = 0;
            for (size_t j = 0; j < was->n[negative]; j++)
                if (coarser(was->buckets[negative][j].index, was->schema - n->schema) == to)
                    together += was->buckets[negative][j].count;
            assert_true(count_at(n, negative, to) >= together);
        }
    }
}

static void run(unsigned seed)
{
    static const double factors[] = { 1.003, 1.05, 1.1, 2, 20 }, zeros[] = { -1, 0.01 };
    static const uint32_t most[] = { 0, 8, 40, 160 };
    static const unsigned ranges[] = { 3, 18, 60, 200 };
    struct pipeline p;
    struct sent *all = mem_zalloc(VALUES_MAX * sizeof *all);
    struct protobuf_native *n = mem_zalloc(2 * sizeof *n);
    size_t n_all = 0;
    state = seed;
    const bool whole = seed % 3 != 0;
    const unsigned octaves = ranges[below(4)];
    const struct pipeline_opts o = { .workers = 2,
                                     .histograms = true,
                                     .buckets = le,
                                     .n_buckets = ARRAY_LEN(le),
                                     .native_factor = factors[below(5)],
                                     .native_max_buckets = most[below(4)],
                                     .native_zero_threshold = zeros[below(2)] };
    pipeline_init(&p, &o);
    for (int round = 0; round < ROUNDS; round++) {
        struct protobuf_native *now = &n[round & 1], *was = &n[!(round & 1)];
        for (unsigned i = 1 + below(VALUES_MAX / ROUNDS - 1); i > 0; i--)
            all[n_all++] = send_one(&p, round < 5 ? 2 : octaves, whole);
        pipeline_turn(&p);
        if (below(3) == 0)
            pipeline_close(&p);
        protobuf_native(pipeline_protobuf(&p), "t", now);
        expect_buckets(now, all, n_all, whole);
        if (o.native_max_buckets > 0 && now->schema > -4)
            assert_true(now->n[0] + now->n[1] <= o.native_max_buckets);
        if (round > 0)
            expect_nothing_fell(was, now);
    }
    pipeline_release(&p);
    free(all);
    free(n);
}

static void what_is_scraped_is_what_was_sent_and_nothing_falls(void **unused)
{
    (void)unused;
    for (unsigned seed = 1; seed <= 60; seed++)
        run(seed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_scraped_is_what_was_sent_and_nothing_falls),
    };
    sketch_setup();
    return cmocka_run_group_tests_name("native", tests, NULL, NULL);
}
