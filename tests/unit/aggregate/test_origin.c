/* Whose series a sample makes: who sent its datagram, or the container that it names. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "support/pipeline.h"

enum { PER_ORIGIN = 2 };

static void begin(struct pipeline *p)
{
    pipeline_init(p, &(struct pipeline_opts){ .limits = { .shares = { .per_origin = PER_ORIGIN },
                                                          .v4_bits = 32,
                                                          .v6_bits = 64 } });
    lane_begin(p->lanes[0], &p->sources[0], (struct lane_clock){ .now_ns = p->now_ns });
}

static struct sockaddr_in host(uint32_t n)
{
    return (struct sockaddr_in){ .sin_family = AF_INET, .sin_addr.s_addr = htonl(0x0a000000 + n) };
}

static void bring(struct pipeline *p, const struct sockaddr *from, const char *text)
{
    lane_datagram(p->lanes[0],
                  &(struct lane_datagram){ .ptr = text, .len = strlen(text), .sender = from });
}

/* More senders than a batch has room for, and lines that the parser rewrites. */
static void each_datagram_of_a_batch_counts_for_its_own_sender(void **unused)
{
    (void)unused;
    enum { SENDERS = 3 * BATCH_SENDERS_MAX + 5 };
    static struct sockaddr_in from[SENDERS];
    static char text[SENDERS][256];
    struct pipeline p;
    begin(&p);
    for (uint32_t i = 0; i < SENDERS; i++) {
        from[i] = host(i);
        snprintf(text[i], sizeof text[i], "p%u:1:2:3|ms\nt%u:1|c|#a:b|#c:d\nz%u:1|c", i, i, i);
        bring(&p, (const struct sockaddr *)&from[i], text[i]);
    }
    lane_flush(p.lanes[0]);
    pipeline_turn(&p);
    assert_int_equal(p.limit.more->shares.origins.n, SENDERS);
    assert_int_equal(p.limit.n, SENDERS * PER_ORIGIN);
    assert_int_equal(pipeline_stat(&p, INGEST_SAMPLES_REFUSED), SENDERS);
    pipeline_release(&p);
}

/* A datagram with more samples than a batch has: what follows the flush has the sender still. */
static void the_rest_of_a_datagram_has_the_same_sender(void **unused)
{
    (void)unused;
    enum { LINES = 3000 };
    struct pipeline p;
    struct buf text = { 0 };
    const struct sockaddr_in from = host(1), other = host(2);
    begin(&p);
    for (int i = 0; i < LINES; i++)
        buf_printf(&text, "a%d:1|c\n", i);
    buf_append_char(&text, '\0');
    bring(&p, (const struct sockaddr *)&from, text.ptr);
    bring(&p, (const struct sockaddr *)&other, "b:1|c");
    lane_flush(p.lanes[0]);
    pipeline_turn(&p);
    assert_int_equal(p.limit.n, PER_ORIGIN + 1);
    assert_int_equal(pipeline_stat(&p, INGEST_SAMPLES_REFUSED), LINES - PER_ORIGIN);
    buf_release(&text);
    pipeline_release(&p);
}

static void origins_are_told_apart(void **unused)
{
    (void)unused;
    static const struct {
        const char *from; /* NULL: not known */
        char name;
        const char *tail;
    } rows[] = {
        { "10.0.0.1", 'a', "" },
        { "::ffff:10.0.0.1", 'a', "" }, /* the same */
        { "2001:db8::1", 'b', "" },
        { "2001:db8::2", 'b', "" }, /* of the same /64 */
        { "2001:db8:0:1::1", 'c', "" },
        { "10.0.0.1", 'd', "|c:one" },
        { NULL, 'd', "|c:ci-one" },
        { "10.0.0.1", 'e', "|c:10.0.0.1" }, /* a container that calls itself like a network */
        { "10.0.0.1", 'f', "|c:one|c:two" },
    };
    struct pipeline p;
    begin(&p);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        for (unsigned k = 0; k < 2 * PER_ORIGIN; k++) {
            char text[64];
            struct sockaddr_in in = { .sin_family = AF_INET };
            struct sockaddr_in6 in6 = { .sin6_family = AF_INET6 };
            const struct sockaddr *from = NULL;
            if (rows[i].from != NULL && inet_pton(AF_INET, rows[i].from, &in.sin_addr) == 1)
                from = (const struct sockaddr *)&in;
            else if (rows[i].from != NULL && inet_pton(AF_INET6, rows[i].from, &in6.sin6_addr) == 1)
                from = (const struct sockaddr *)&in6;
            snprintf(text, sizeof text, "%c%u:1|c%s", rows[i].name, (unsigned)(i * 10 + k),
                     rows[i].tail);
            bring(&p, from, text);
            lane_flush(p.lanes[0]);
        }
    }
    pipeline_turn(&p);
    assert_int_equal(p.limit.more->shares.origins.n, 6); /* a to f */
    assert_int_equal(p.limit.n, 6 * PER_ORIGIN);
    pipeline_release(&p);
}

static void containers_with_long_ids_are_told_apart_and_shown_short(void **unused)
{
    (void)unused;
    struct pipeline p;
    begin(&p);
    for (unsigned who = 0; who < 2; who++) {
        for (unsigned k = 0; k < PER_ORIGIN + 1; k++) {
            char text[512];
            snprintf(text, sizeof text, "w%uk%u:1|c|c:%0300u", who, k, who);
            bring(&p, NULL, text);
            lane_flush(p.lanes[0]);
        }
    }
    pipeline_turn(&p);
    assert_int_equal(p.limit.more->shares.origins.n, 2);
    assert_int_equal(p.limit.n, 2 * PER_ORIGIN);
    char shown[LIMITED_WHO_MAX + 1];
    uint64_t samples;
    assert_true(series_limit_tell(&p.limit, LIMITED_SERIES_PER_ORIGIN, shown, &samples));
    assert_int_equal(samples, 2);
    assert_int_equal(strlen(shown), LIMITED_WHO_MAX);
    assert_memory_equal(shown, "c:000", 5);
    assert_string_equal(shown + LIMITED_WHO_MAX - 4, "0...");
    pipeline_release(&p);
}

static void who_is_not_known_is_limited_by_no_origin(void **unused)
{
    (void)unused;
    struct pipeline p;
    begin(&p);
    bring(&p, NULL, "a:1|c\nb:1|c\nc:1|c\nd:1|c");
    bring(&p, &(struct sockaddr){ .sa_family = AF_UNIX }, "e:1|c\nf:1|c\ng:1|c");
    lane_flush(p.lanes[0]);
    pipeline_turn(&p);
    assert_int_equal(p.limit.n, 7);
    assert_int_equal(p.limit.more->shares.origins.n, 0);
    pipeline_release(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_datagram_of_a_batch_counts_for_its_own_sender),
        cmocka_unit_test(the_rest_of_a_datagram_has_the_same_sender),
        cmocka_unit_test(origins_are_told_apart),
        cmocka_unit_test(containers_with_long_ids_are_told_apart_and_shown_short),
        cmocka_unit_test(who_is_not_known_is_limited_by_no_origin),
    };
    return cmocka_run_group_tests_name("origin", tests, NULL, NULL);
}
