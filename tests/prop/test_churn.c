/*
 * Series with shared tags, tags of their own, and tags that are escaped come, go idle and come
 * again at random, some of them seen by two workers: /metrics has those that are there and no
 * other, and when all have gone, so have their names and tags.  With a sink, and without.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "aggregate/registry_priv.h"
#include "support/pipeline.h"

enum { SERIES = 400, ROUNDS = 60, TTL_S = 100, STEP_S = 30 };

/* Its line less the value, and how /metrics shows it. */
static void spell(unsigned i, char line[96], char shown[128])
{
    switch (i % 4) {
    case 0: /* of a few names and tags */
        snprintf(line, 96, "name%u:1|c|#env:e%u,region:r%u", i % 3, i % 8, i / 8);
        snprintf(shown, 128, "name%u{env=\"e%u\",region=\"r%u\"} ", i % 3, i % 8, i / 8);
        break;
    case 1: /* a tag of its own */
        snprintf(line, 96, "shared:1|c|#env:prod,user:u%u", i);
        snprintf(shown, 128, "shared{env=\"prod\",user=\"u%u\"} ", i);
        break;
    case 2: /* a name of its own, no tags */
        snprintf(line, 96, "own.%u:1|%s", i, i % 8 == 2 ? "c" : "g");
        snprintf(shown, 128, "own_%u ", i);
        break;
    default: /* escaped */
        snprintf(line, 96, "quoted:1|c|#a.b:\"%u\",k:\\", i);
        snprintf(shown, 128, "quoted{a_b=\"\\\"%u\\\"\",k=\"\\\\\"} ", i);
    }
}

static void check_page(struct pipeline *p, const uint64_t *last_s, uint64_t now_s)
{
    const char *text = pipeline_lines(p);
    char line[96], shown[128], at[130];
    uint64_t there = 0;
    for (unsigned i = 0; i < SERIES; i++) {
        spell(i, line, shown);
        snprintf(at, sizeof at, "\n%s", shown);
        const bool is = strncmp(text, shown, strlen(shown)) == 0 || strstr(text, at) != NULL;
        /* Sweeps come now and then: for a while after its time a series may be there or not. */
        if (last_s[i] > 0 && now_s <= last_s[i] + TTL_S)
            assert_true(is);
        else if (last_s[i] == 0 || now_s > last_s[i] + (uint64_t)2 * TTL_S)
            assert_false(is);
        there += is;
    }
    assert_int_equal(pipeline_series(p), there);
    assert_true(symbols_count(&p->registry->symbols) <= 3 * p->registry->n_all);
}

static void expire_all(struct pipeline *p)
{
    pipeline_turn(p);
    pipeline_close(p);
    while (registry_expire(p->registry, p->now_ns)) {}
}

static void churn(bool no_sink)
{
    uint64_t last_s[SERIES] = { 0 };
    struct pipeline p;
    uint64_t random = 3;
    pipeline_init(&p, &(struct pipeline_opts){ .workers = 2, .ttl_s = TTL_S, .no_sink = no_sink });
    for (int round = 0; round < ROUNDS; round++) {
        const unsigned few = round % 20 < 10 ? 2 : 40; /* of how many one is sent */
        for (unsigned i = 0; i < SERIES; i++) {
            random = random * 6364136223846793005ull + 1442695040888963407ull;
            if ((random >> 33) % few != 0)
                continue;
            char line[96], shown[128];
            spell(i, line, shown);
            pipeline_feed(&p, (unsigned)(random >> 62) & 1, line);
            last_s[i] = p.now_ns / PIPELINE_SECOND;
        }
        expire_all(&p);
        check_page(&p, last_s, p.now_ns / PIPELINE_SECOND);
        pipeline_forward(&p, STEP_S);
    }
    for (int i = 0; i < 8; i++) {
        pipeline_forward(&p, TTL_S);
        expire_all(&p);
    }
    pipeline_expect(&p, "");
    assert_int_equal(p.registry->n_all, 0);
    assert_int_equal(p.registry->by_identity.n, 0);
    assert_int_equal(symbols_count(&p.registry->symbols), 0);
    assert_int_equal(p.limit.n, 0);
    pipeline_release(&p);
}

static void names_and_tags_go_with_the_last_series_that_has_them(void **unused)
{
    (void)unused;
    churn(false);
    churn(true);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_and_tags_go_with_the_last_series_that_has_them),
    };
    return cmocka_run_group_tests_name("churn", tests, NULL, NULL);
}
