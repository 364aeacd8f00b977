/*
 * Series that share a line of /metrics come, go and come back in any order, held against a model of
 * two numbers a line: what came since the line began, and when its last series goes.  A line that
 * is watched never goes down.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "support/pipeline.h"

enum { STEPS = 10000, TTL_S = 8, SPELLINGS = 4 };

static uint64_t state;

static unsigned below(unsigned n)
{
    state = state * 6364136223846793005ull + 1442695040888963407ull;
    return (unsigned)((state >> 33) % n);
}

/* Lines, and the identities that escaping makes one of: SPELLINGS of each. */
static const struct line {
    const char *type, *spelling[SPELLINGS], *shown[2]; /* shown: the sum, and for a timer the
                                                            count */
    unsigned divisor;                                  /* of a value on its way to the line */
} lines[] = {
    { "c", { "a.b%s", "a-b%s", "a_b%s", "a b%s" }, { "a_b " }, 1 },
    { "c", { "n%s|#k.x:1", "n%s|#k-x:1", "n%s|#k_x:1", "n%s|#k/x:1" }, { "n{k_x=\"1\"} " }, 1 },
    { "c",
      { "n%s|#q:a\\,k.x:2", "n%s|#q:a\\,k-x:2", "n%s|#k_x:2,q:a\\", "n%s|#k/x:2,q:a\\" },
      { "n{k_x=\"2\",q=\"a\\\\\"} " },
      1 },
    { "h", { "t.h%s", "t-h%s", "t_h%s", "t+h%s" }, { "t_h_sum ", "t_h_count " }, 1 },
    { "ms", { "t.m%s", "t-m%s", "t_m%s", "t+m%s" }, { "t_m_sum ", "t_m_count " }, 1000 },
};

struct model {
    uint64_t sum, count;
    uint64_t ends_s; /* when its last series has been idle for the ttl; 0:
                                            not there */
    double shown[2];
};

static struct model models[ARRAY_LEN(lines)];

static void arrive(struct pipeline *p)
{
    unsigned i = below(ARRAY_LEN(lines)), value = 1 + below(9);
    char format[96], text[64], line[128];
    const struct line *l = &lines[i];
    snprintf(text, sizeof text, ":%u000|%s", value, l->type);
    snprintf(format, sizeof format, "%s", l->spelling[below(SPELLINGS)]);
    char *at = strstr(format, "%s");
    snprintf(line, sizeof line, "%.*s%s%s", (int)(at - format), format, text, at + 2);
    pipeline_feed(p, below(2), line);
    pipeline_turn(p);
    struct model *m = &models[i];
    m->sum += value * 1000 / l->divisor;
    m->count++;
    m->ends_s = p->now_ns / PIPELINE_SECOND + TTL_S;
}

/* returns  how many lines went */
static unsigned pass(struct pipeline *p)
{
    unsigned gone = 0;
    pipeline_close(p);
    pipeline_forward(p, 1 + below(3));
    registry_expire(p->registry, p->now_ns);
    for (size_t i = 0; i < ARRAY_LEN(lines); i++) {
        if (models[i].ends_s == 0 || p->now_ns / PIPELINE_SECOND <= models[i].ends_s)
            continue;
        models[i] = (struct model){ 0 };
        gone++;
    }
    return gone;
}

static void look(struct pipeline *p)
{
    const char *text = pipeline_lines(p);
    for (size_t i = 0; i < ARRAY_LEN(lines); i++) {
        struct model *m = &models[i];
        for (int k = 0; k < 2 && lines[i].shown[k] != NULL; k++) {
            const char *at = strstr(text, lines[i].shown[k]);
            if (m->ends_s == 0) {
                assert_null(at);
                continue;
            }
            assert_non_null(at);
            double v = strtod(at + strlen(lines[i].shown[k]), NULL);
            assert_true(v >= m->shown[k]);
            assert_true(v == (double)(k == 0 ? m->sum : m->count));
            m->shown[k] = v;
        }
    }
}

static void a_watched_line_never_goes_down(void **unused)
{
    (void)unused;
    for (unsigned seed = 1; seed <= 3; seed++) {
        struct pipeline p;
        unsigned gone = 0;
        uint64_t expired;
        state = seed;
        memset(models, 0, sizeof models);
        pipeline_init(&p, &(struct pipeline_opts){ .workers = 2, .ttl_s = TTL_S });
        for (unsigned i = 0; i < STEPS; i++) {
            if (below(5) < 3)
                arrive(&p);
            else
                gone += pass(&p);
            look(&p);
        }
        expired = registry_stats(p.registry)->v[REGISTRY_SERIES_EXPIRED];
        assert_true(expired > 1000); /* and most of them left others
                                                                behind */
        assert_true(gone > 100 && gone < expired / 2);
        pipeline_release(&p);
    }
}

/* ---- very many on one line ---- */

enum { MANY = 20000 };

/* The i-th of 2^15 names that are all a_x_x_x.. */
static void feed_many(struct pipeline *p, unsigned from, unsigned to)
{
    for (unsigned i = from; i < to; i++) {
        char line[64] = "a";
        size_t n = 1;
        for (unsigned bit = 0; bit < 15; bit++) {
            line[n++] = i >> bit & 1 ? '.' : '/';
            line[n++] = 'x';
        }
        snprintf(line + n, sizeof line - n, ":1|c");
        pipeline_feed(p, 0, line);
    }
    pipeline_turn(p);
    pipeline_close(p);
}

static void very_many_series_may_share_a_line_and_leave_it_at_once(void **unused)
{
    (void)unused;
    struct pipeline p;
    char want[64];
    pipeline_init(&p, &(struct pipeline_opts){ .ttl_s = 10 });
    feed_many(&p, 0, MANY);
    pipeline_forward(&p, 8);
    feed_many(&p, MANY - 1, MANY);
    pipeline_forward(&p, 6);
    while (registry_expire(p.registry, p.now_ns)) {}
    assert_int_equal(pipeline_series(&p), 1);
    snprintf(want, sizeof want, "a_x_x_x_x_x_x_x_x_x_x_x_x_x_x_x %d\n", MANY + 1);
    pipeline_expect(&p, want);
    pipeline_forward(&p, 11);
    while (registry_expire(p.registry, p.now_ns)) {}
    pipeline_expect(&p, "");
    pipeline_release(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_watched_line_never_goes_down),
        cmocka_unit_test(very_many_series_may_share_a_line_and_leave_it_at_once),
    };
    return cmocka_run_group_tests_name("exposed", tests, NULL, NULL);
}
