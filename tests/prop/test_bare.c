/*
 * Without sinks no interval is kept, and /metrics is the same: the same lines at the same times to
 * two registries, one of which keeps what intervals bring, through intervals, expiry, reloads that
 * rename, drop and reshape, and pages that come late.
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

enum { SEEDS = 30, STEPS = 400, NAMES = 12, WORKERS = 2, TTL_S = 5, LINES_MOST = 4000 };

static const double few[] = { 1, 50 }, many[] = { 1, 5, 10, 50 };

/* 1 and 2: histograms of few and of many bounds; 3: scale 10; 4: a shorter window */
static void fill(struct profile *p, uint8_t number)
{
    p->histogram = number == 1 || number == 2;
    p->buckets = number == 2 ? many : few;
    p->n_buckets = number == 2 ? ARRAY_LEN(many) : ARRAY_LEN(few);
    p->scale = number == 3 ? 10 : 1;
    if (number == 4)
        p->summary_max_age_ms = 10000;
}

static const struct mapping_rule rules[] = {
    { .match = "c1", .name = "c2" },
    { .match = "g1", .name = "shown", .profile = 3 },
    { .match = "t1", .name = "t1", .profile = 1 },
    { .match = "t1", .name = "t1", .profile = 2 },
    { .match = "t1", .name = "t1", .profile = 4 },
    { .match = "*2", .name = "x", .drop = true },
    { .match = "s3", .name = "s1" },
    { .match = "*", .name = "all_${1}" },
};

struct rig {
    struct pipeline keeps, bare;
    uint64_t dice;
};

static unsigned dice(struct rig *r, unsigned n)
{
    r->dice = r->dice * 6364136223846793005ull + 1442695040888963407ull;
    return (unsigned)(r->dice >> 33) % n;
}

static void feed(struct rig *r)
{
    static const struct {
        const char *name, *sign, *rest;
    } forms[] = {
        { "c", "", "|c" },  { "c", "-", "|c" },      { "c.", "", "|c|#a:b" }, { "g", "", "|g" },
        { "g", "+", "|g" }, { "g", "-", "|g" },      { "t", "", "|ms" },      { "t", "-", "|h" },
        { "s", "m", "|s" }, { "c-", "", "|c|#a:b" },
    };
    const size_t form = dice(r, ARRAY_LEN(forms));
    char line[64];
    snprintf(line, sizeof line, "%s%u:%s%u%s", forms[form].name, dice(r, NAMES), forms[form].sign,
             dice(r, 100), forms[form].rest);
    unsigned worker = dice(r, WORKERS);
    pipeline_feed(&r->keeps, worker, line);
    pipeline_feed(&r->bare, worker, line);
}

static void turn(struct rig *r)
{
    unsigned worker = dice(r, WORKERS);
    pipeline_turn_worker(&r->keeps, worker);
    pipeline_turn_worker(&r->bare, worker);
}

/* What the interval brought keeps a series from expiring, so the sweep is behind the close; and one
 * a second is all there are. */
static void close_and_expire(struct rig *r)
{
    pipeline_forward(&r->keeps, 1);
    pipeline_forward(&r->bare, 1);
    pipeline_turn(&r->keeps);
    pipeline_turn(&r->bare);
    r->keeps.end = r->bare.end =
        (struct interval_end){ .interval_ms = 10000, .now_ns = r->keeps.now_ns, .now_wall_ms = 1 };
    struct snapshot snap;
    registry_close(r->keeps.registry, &r->keeps.end, &snap);
    registry_close(r->bare.registry, &r->bare.end, &snap);
    assert_false(registry_give(r->keeps.registry, SIZE_MAX));
    while (registry_give(r->bare.registry, 1)) {}
    while (registry_expire(r->keeps.registry, r->keeps.now_ns)) {}
    while (registry_expire(r->bare.registry, r->bare.now_ns)) {}
    assert_int_equal(pipeline_series(&r->bare), pipeline_series(&r->keeps));
}

static void forward(struct rig *r)
{
    unsigned seconds = dice(r, TTL_S);
    pipeline_forward(&r->keeps, seconds);
    pipeline_forward(&r->bare, seconds);
}

static void remap(struct rig *r)
{
    struct mapping_rule some[3];
    struct pipeline_opts o = r->keeps.opts;
    o.rules = some;
    o.n_rules = dice(r, 4);
    for (size_t i = 0; i < o.n_rules; i++)
        some[i] = rules[dice(r, ARRAY_LEN(rules))];
    (void)pipeline_remap(&r->keeps, &o);
    (void)pipeline_remap(&r->bare, &o);
    close_and_expire(r);
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Its lines in order; *ret_copy is to be freed. */
static size_t sorted(struct pipeline *p, char **lines, char **ret_copy)
{
    size_t n = 0;
    *ret_copy = mem_strdup(pipeline_lines(p));
    for (char *line = strtok(*ret_copy, "\n"); line != NULL; line = strtok(NULL, "\n")) {
        assert_true(n < LINES_MOST);
        lines[n++] = line;
    }
    qsort(lines, n, sizeof *lines, by_text);
    return n;
}

static void compare(struct rig *r, uint64_t seed)
{
    static char *a[LINES_MOST], *b[LINES_MOST];
    char *kept, *bare;
    size_t n = sorted(&r->keeps, a, &kept), m = sorted(&r->bare, b, &bare);
    for (size_t i = 0; i < n && i < m; i++)
        if (strcmp(a[i], b[i]) != 0)
            fail_msg("seed %u: %s, without sinks %s", (unsigned)seed, a[i], b[i]);
    assert_int_equal(m, n);
    free(kept);
    free(bare);
}

static void run(uint64_t seed)
{
    static struct rig r;
    r = (struct rig){ .dice = seed };
    struct pipeline_opts o = { .workers = WORKERS,
                               .ttl_s = seed % 3 == 0 ? 0 : TTL_S,
                               .set_steps = seed % 2 * 3,
                               .fill = fill,
                               .n_profiles = 4,
                               .births = seed % 5 == 0 };
    pipeline_init(&r.keeps, &o);
    o.no_sink = true;
    pipeline_init(&r.bare, &o);
    for (unsigned i = 0; i < STEPS; i++) {
        const unsigned what = dice(&r, 100);
        if (what < 70)
            feed(&r);
        else if (what < 85)
            turn(&r);
        else if (what < 92)
            forward(&r);
        else if (what < 98)
            close_and_expire(&r);
        else
            remap(&r);
        if (what >= 70)
            compare(&r, seed);
    }
    pipeline_release(&r.bare);
    pipeline_release(&r.keeps);
}

static void without_sinks_the_page_is_the_same(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= SEEDS; seed++)
        run(seed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_sinks_the_page_is_the_same),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
