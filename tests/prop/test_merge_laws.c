/*
 * Laws of merging: split a stream anywhere, merge the parts in any order, and the result is the
 * same.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "aggregate/sketch.h"
#include "aggregate/sketch_window.h"
#include "base/mem.h"
#include "support/pipeline.h"

static uint64_t state;

static uint64_t next(void)
{
    state = state * 6364136223846793005ull + 1442695040888963407ull;
    return state >> 24;
}

static unsigned below(unsigned n)
{
    return (unsigned)(next() % n);
}

/* ---- sketches ---- */

/*
 * Whole numbers, so that sums are exact in any order; of a range that now and then asks for a
 * coarser schema.
 */
static double value_of(unsigned shape)
{
    switch (shape) {
    case 0:
        return 1 + below(1000);
    case 1:
        return ldexp(1 + below(7), (int)below(40));
    case 2:
        return (double)below(2000) - 1000;
    default:
        return below(3) == 0 ? 0 : ldexp(1, (int)below(4) * 9);
    }
}

static double bucket(const struct sketch_window *w, int32_t index)
{
    int64_t at = w == NULL ? -1 : (int64_t)index - w->first;
    return at < 0 || at >= w->n ? 0 : sketch_window_count(w, (uint32_t)at);
}

static void expect_same_window(const struct sketch_window *a, const struct sketch_window *b)
{
    if (a == NULL || b == NULL) {
        assert_ptr_equal(a, b);
        return;
    }
    assert_int_equal(a->schema, b->schema);
    int32_t from = a->first < b->first ? a->first : b->first;
    int32_t a_end = a->first + a->n, b_end = b->first + b->n;
    for (int32_t i = from; i < (a_end > b_end ? a_end : b_end); i++)
        assert_true(bucket(a, i) == bucket(b, i));
}

static void expect_same(const struct sketch *a, const struct sketch *b)
{
    assert_true(a->count == b->count && a->sum == b->sum && a->zero == b->zero &&
                a->min == b->min && a->max == b->max);
    expect_same_window(&a->pos, &b->pos);
    expect_same_window(a->neg, b->neg);
    for (double q = 0; q <= 1; q += 0.0625)
        assert_true(sketch_quantile(a, q) == sketch_quantile(b, q));
}

enum { PARTS = 7 };

static void sketches_merge_in_any_order_and_split_anywhere(void **unused)
{
    (void)unused;
    for (unsigned seed = 1; seed <= 400; seed++) {
        state = seed;
        struct sketch whole, part[PARTS];
        unsigned shape = seed % 4, n = 1 + below(seed % 10 == 0 ? 5000 : 200);
        int schema = (int)below(9);
        sketch_init(&whole, schema);
        for (int i = 0; i < PARTS; i++)
            sketch_init(&part[i], schema);
        for (unsigned i = 0; i < n; i++) {
            double v = value_of(shape), weight = below(4) == 0 ? 1 + below(3) : 1;
            assert_int_equal(sketch_add(&whole, v, weight), 0);
            assert_int_equal(sketch_add(&part[below(PARTS)], v, weight), 0);
        }
        for (int left = PARTS; left > 1; left--) { /* any tree of merges */
            unsigned into = below((unsigned)left), from = below((unsigned)left - 1);
            from += from >= into;
            assert_int_equal(sketch_merge(&part[into], &part[from]), 0);
            sketch_release(&part[from]);
            part[from] = part[left - 1];
            if (into == (unsigned)left - 1)
                into = from;
        }
        expect_same(&whole, &part[0]);
        sketch_release(&whole);
        sketch_release(&part[0]);
    }
}

static void sketches_of_any_schemas_meet_at_the_coarsest(void **unused)
{
    (void)unused;
    for (unsigned seed = 1; seed <= 200; seed++) {
        state = seed;
        struct sketch a, b, both;
        int sa = (int)below(9), sb = (int)below(9);
        sketch_init(&a, sa);
        sketch_init(&b, sb);
        sketch_init(&both, sa < sb ? sa : sb);
        sketch_add(&a, 5, 1);
        sketch_add(&b, 5, 1);
        sketch_add(&both, 5, 2);
        for (unsigned i = 0; i < 300; i++) {
            double v = 1 + below(1000);
            sketch_add(i % 2 ? &a : &b, v, 1);
            sketch_add(&both, v, 1);
        }
        sketch_merge(&a, &b);
        expect_same(&a, &both);
        sketch_release(&a);
        sketch_release(&b);
        sketch_release(&both);
    }
}

/* ---- the registry ---- */

static int by_line(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* The lines, sorted: the order within a family is that of first sight, which differs. */
static char *sorted_lines(struct pipeline *p)
{
    char *text = mem_strdup(pipeline_lines(p)), **lines = NULL;
    size_t n = 0, cap = 0;
    for (char *at = strtok(text, "\n"); at != NULL; at = strtok(NULL, "\n")) {
        lines = mem_grow(lines, &cap, n + 1, sizeof(char *));
        lines[n++] = at;
    }
    qsort(lines, n, sizeof(char *), by_line);
    struct buf out = { 0 };
    for (size_t i = 0; i < n; i++) {
        buf_append_str(&out, lines[i]);
        buf_append_char(&out, '\n');
    }
    buf_append_char(&out, '\0');
    free(lines);
    free(text);
    return out.ptr;
}

static void random_line(struct buf *out)
{
    static const char *const tags[] = { "", "|#a:1,b:2", "|#b:2,a:1", "|#a:1", "|#a:3,,b:2" };
    const char *t = tags[below(5)];
    unsigned name = below(4);
    switch (below(5)) {
    case 0:
        buf_printf(out, "c%u:%u|c%s\n", name, below(100), t);
        break;
    case 1:
        buf_printf(out, "t%u:%u|ms|@0.5%s\n", name, 1000 * below(50), t);
        break;
    case 2:
        buf_printf(out, "h.%u:%d:%u|h%s\n", name, (int)below(100) - 50, below(9), t);
        break;
    case 3:
        buf_printf(out, "s%u:m%u|s%s\n", name, below(2000), t);
        break;
    default:
        buf_printf(out, "g-%u:%u|g%s\n", name, below(1000), t);
        break;
    }
}

static void any_number_of_workers_and_pages_shows_the_same(void **unused)
{
    (void)unused;
    for (unsigned seed = 1; seed <= 30; seed++) {
        state = seed;
        struct pipeline one, many;
        pipeline_init(&one, &(struct pipeline_opts){ 0 });
        pipeline_init(&many, &(struct pipeline_opts){ .workers = PIPELINE_WORKERS_MAX });
        for (unsigned i = 0; i < 400; i++) {
            struct buf lines = { 0 };
            for (unsigned j = below(30); j > 0; j--)
                random_line(&lines);
            buf_append_char(&lines, '\0');
            uint64_t now_ns = 1000 * PIPELINE_SECOND + i * 100000ull;
            pipeline_feed_at(&one, 0, lines.ptr, now_ns);
            pipeline_feed_at(&many, below(PIPELINE_WORKERS_MAX), lines.ptr, now_ns);
            buf_release(&lines);
            if (below(5) == 0)
                pipeline_turn_worker(&many, below(PIPELINE_WORKERS_MAX));
        }
        pipeline_turn(&one);
        pipeline_turn(&many);
        pipeline_close(&one);
        pipeline_close(&many);
        many.now_ns = one.now_ns;
        char *a = sorted_lines(&one), *b = sorted_lines(&many);
        assert_string_equal(a, b);
        free(a);
        free(b);
        assert_int_equal(pipeline_stat(&one, INGEST_VALUES_AGGREGATED),
                         pipeline_stat(&many, INGEST_VALUES_AGGREGATED));
        assert_int_equal(one.limit.n, many.limit.n);
        pipeline_release(&one);
        pipeline_release(&many);
    }
}

static double sum_of(const char *closed, const char *prefix)
{
    double sum = 0;
    for (const char *at = closed; *at != '\0'; at = strchr(at, '\n') + 1)
        if (strncmp(at, prefix, strlen(prefix)) == 0)
            sum += strtod(at + strlen(prefix), NULL);
    return sum;
}

static void intervals_add_up_to_the_total_wherever_they_are_cut(void **unused)
{
    (void)unused;
    for (unsigned seed = 1; seed <= 50; seed++) {
        state = seed;
        struct pipeline p;
        pipeline_init(&p, &(struct pipeline_opts){ .workers = 2 });
        double sent = 0, down = 0, closed_counter = 0, closed_timer = 0;
        unsigned timers = 0;
        for (unsigned i = 0; i < 300; i++) {
            char line[64];
            int n = (int)below(100) - 30;
            snprintf(line, sizeof line, "c:%d|c\nt:7|h", n);
            pipeline_feed(&p, below(2), line);
            sent += n;
            down += n < 0 ? n : 0;
            timers++;
            if (below(4) == 0)
                pipeline_turn_worker(&p, below(2));
            if (below(10) == 0 || i == 299) {
                if (i == 299)
                    pipeline_turn(&p);
                const char *closed = pipeline_close(&p);
                closed_counter += sum_of(closed, "counter c ");
                closed_timer += sum_of(closed, "timer t ");
            }
        }
        assert_true(closed_counter == sent && closed_timer == timers);
        char want[64];
        snprintf(want, sizeof want, "c %.0f", sent - down);
        assert_true(pipeline_has(pipeline_lines(&p), want));
        pipeline_release(&p);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sketches_merge_in_any_order_and_split_anywhere),
        cmocka_unit_test(sketches_of_any_schemas_meet_at_the_coarsest),
        cmocka_unit_test(any_number_of_workers_and_pages_shows_the_same),
        cmocka_unit_test(intervals_add_up_to_the_total_wherever_they_are_cut),
    };
    sketch_setup();
    return cmocka_run_group_tests_name("merge laws", tests, NULL, NULL);
}
