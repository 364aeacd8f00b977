/*
 * Series come, expire and come again, at several workers, from several senders, with turns in any
 * order: what the limits on shares count is what there is.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "support/pipeline.h"

enum { WORKERS = 3, NAMES = 5, TAGS = 12, SENDERS = 4, STEPS = 600, SEEDS = 12, TTL_S = 5 };

static uint64_t seed;

static uint32_t any(uint32_t below)
{
    seed = seed * 6364136223846793005ull + 1442695040888963407ull;
    return (uint32_t)(seed >> 33) % below;
}

static uint64_t share_of(const struct pipeline *p, unsigned name)
{
    char text[16];
    int n = snprintf(text, sizeof text, "m%u", name);
    return shares_of_name(&p->limit.more->shares, hash64_bytes(text, (size_t)n));
}

static unsigned shown(struct pipeline *p, unsigned name)
{
    char text[16];
    unsigned n = 0;
    snprintf(text, sizeof text, "m%u{", name);
    for (const char *at = pipeline_lines(p); (at = strstr(at, text)) != NULL; at++)
        n++;
    return n;
}

/* After a turn of every worker: each place of the limit has a share, and each series a place. */
static void check(struct pipeline *p)
{
    const struct shares *s = &p->limit.more->shares;
    uint64_t sum = 0;
    for (unsigned name = 0; name < NAMES; name++) {
        assert_true(shown(p, name) <= share_of(p, name));
        sum += share_of(p, name);
    }
    assert_int_equal(sum, s->owners.n);
    assert_int_equal(p->limit.n, s->owners.n);
    assert_true(s->origins.n <= SENDERS);
    assert_true(p->limit.n >= pipeline_series(p));
}

static void expire(struct pipeline *p)
{
    (void)pipeline_close(p);
    while (registry_expire(p->registry, p->now_ns)) {}
}

static void feed(struct pipeline *p, struct sockaddr_in *from)
{
    char lines[256] = "";
    *from = (struct sockaddr_in){ .sin_family = AF_INET,
                                  .sin_addr.s_addr = htonl(0x0a000001 + any(SENDERS)) };
    p->sender = (const struct sockaddr *)from;
    for (unsigned i = 0, n = 1 + any(4); i < n; i++) {
        char line[64];
        snprintf(line, sizeof line, "m%u:1|%s|#k:%u\n", any(NAMES), any(4) > 0 ? "c" : "g",
                 any(TAGS));
        strcat(lines, line);
    }
    pipeline_feed(p, any(WORKERS), lines);
}

static void counts_are_what_there_is_after_expiry_and_rebirth(void **unused)
{
    (void)unused;
    for (unsigned k = 0; k < SEEDS; k++) {
        struct pipeline p;
        struct sockaddr_in from;
        seed = 13 + k;
        pipeline_init(
            &p, &(struct pipeline_opts){ .workers = WORKERS,
                                         .ttl_s = TTL_S,
                                         .limits = { .shares = { .per_name = 8, .per_origin = 14 },
                                                     .v4_bits = 32,
                                                     .v6_bits = 64 } });
        for (unsigned i = 0; i < STEPS; i++) {
            feed(&p, &from);
            if (any(10) == 0)
                pipeline_turn_worker(&p, any(WORKERS));
            if (any(20) == 0)
                pipeline_forward(&p, any(2 * TTL_S));
            if (any(8) == 0)
                expire(&p);
            if (any(25) == 0) {
                pipeline_turn(&p);
                check(&p);
            }
        }
        assert_true(pipeline_stat(&p, INGEST_SAMPLES_REFUSED) > 0);
        for (int i = 0; i < 4; i++) {
            pipeline_forward(&p, 2 * TTL_S);
            pipeline_turn(&p);
            expire(&p);
        }
        check(&p);
        assert_int_equal(p.limit.n, 0);
        assert_int_equal(p.limit.more->shares.origins.n, 0);
        pipeline_release(&p);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(counts_are_what_there_is_after_expiry_and_rebirth),
    };
    return cmocka_run_group_tests_name("shares", tests, NULL, NULL);
}
