/*
 * The same lines in the same order bring the same, however they are cut into datagrams and whenever
 * the batch is flushed.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "support/pipeline.h"

enum { LINES = 700, ROUNDS = 60, LINE_BYTES = 96 };

static uint64_t state;

static unsigned below(unsigned n)
{
    state = state * 6364136223846793005ull + 1442695040888963407ull;
    return (unsigned)((state >> 24) % n);
}

/*
 * Of each kind some, with few names, so that lines of one series meet; some wrong, some that the
 * general way reads.
 */
static void random_line(char out[LINE_BYTES])
{
    static const char *const forms[] = {
        "c%u:%d|c|#b:1,a:2", "c%u:%d|c|@0.25",
        "g%u:%d|g",          "g%u:+%d|g|#k:",
        "g%u:-%d|g",         "t%u:%d|ms|#x:y",
        "t%u:%d:%d:7|d",     "s%u:%d|s",
        "bad%u %d",          "c%u:%d|q",
        "c%u:1e308|c%d",     "c%u:1e308|c||%d",
        "_e{2,1}:t%u|%d",    "_sc|db%u|%d",
        "g%u:1e308|g|T%d",   " c%u:%d|c\r",
        "n\x01%u:%d|c",      "t%u:%d|h|#\xc3\xa9:%d",
        "c%u:%d|c|#a:2,b:1", "",
    };
    const char *form = forms[below(ARRAY_LEN(forms))];
    int v = (int)below(2000);
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
    snprintf(out, LINE_BYTES, form, below(7), v, v / 3);
#pragma GCC diagnostic pop
}

/*
 * The lines in datagrams of 1 to datagram_max of them, flushed after about one datagram in
 * flush_every.
 */
static void feed_cut(struct pipeline *p, char lines[LINES][LINE_BYTES], unsigned datagram_max,
                     unsigned flush_every)
{
    struct buf kept[LINES] = {
        { 0 }
    }; /* bytes stay in place until the flush, each datagram's exactly as long */
    struct lane *l = p->lanes[0];
    unsigned n_kept = 0;
    lane_begin(l, &p->sources[0], (struct lane_clock){ .now_ns = p->now_ns });
    for (unsigned at = 0; at < LINES;) {
        unsigned n = 1 + below(datagram_max);
        struct buf text = { 0 };
        for (unsigned i = 0; i < n && at < LINES; i++, at++) {
            if (i > 0)
                buf_append_char(&text, '\n');
            buf_append_str(&text, lines[at]);
        }
        kept[n_kept].ptr = mem_alloc(text.len + 1);
        memcpy(kept[n_kept].ptr, text.len > 0 ? text.ptr : "", text.len);
        lane_datagram(l, &(struct lane_datagram){ .ptr = kept[n_kept++].ptr, .len = text.len });
        buf_release(&text);
        if (below(flush_every) == 0 || at == LINES) {
            lane_flush(l);
            while (n_kept > 0)
                free(kept[--n_kept].ptr);
        }
    }
}

/* All that can be seen of it: the page, the closed interval, and the counters. */
static char *outcome(char lines[LINES][LINE_BYTES], unsigned datagram_max, unsigned flush_every)
{
    struct pipeline p;
    struct buf out = { 0 };
    pipeline_init(&p, &(struct pipeline_opts){
                          .gauge_sign = GAUGE_SIGN_AUTO, .max_series = 30, .set_steps = 2 });
    feed_cut(&p, lines, datagram_max, flush_every);
    p.now_ns += PIPELINE_SECOND;
    pipeline_turn(&p);
    buf_append_str(&out, pipeline_lines(&p));
    buf_append_str(&out, pipeline_close(&p));
    pipeline_print_counters(&p, &out);
    buf_append_char(&out, '\0');
    pipeline_release(&p);
    return out.ptr;
}

static void a_lane_fed_any_cut_of_datagrams_equals_another(void **unused)
{
    (void)unused;
    static char lines[LINES][LINE_BYTES];
    for (unsigned round = 0; round < ROUNDS; round++) {
        state = round;
        for (unsigned i = 0; i < LINES; i++)
            random_line(lines[i]);
        char *alone = outcome(lines, 1, 1);
        static const unsigned cuts[][2] = { { 1, 20 }, { 5, 1 },     { 5, 64 },
                                            { 40, 3 }, { LINES, 1 }, { LINES, 2 } };
        for (size_t i = 0; i < ARRAY_LEN(cuts); i++) {
            char *cut = outcome(lines, cuts[i][0], cuts[i][1]);
            assert_string_equal(cut, alone);
            free(cut);
        }
        free(alone);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_lane_fed_any_cut_of_datagrams_equals_another),
    };
    return cmocka_run_group_tests_name("cuts of a lane", tests, NULL, NULL);
}
