#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "capture/reassembly.h"

#define S UINT64_C(1000000000)

static uint8_t payload[REASSEMBLY_BYTES_MAX];

static int fill(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof payload; i++)
        payload[i] = (uint8_t)(i * 31 + i / 256);
    return 0;
}

static struct frame_ip piece(uint32_t id, size_t at, size_t n, bool more)
{
    return (struct frame_ip){ .version = 4,
                              .protocol = IPPROTO_UDP,
                              .id = id,
                              .at = (uint32_t)at,
                              .more = more,
                              .payload = payload + at,
                              .len = n,
                              .wire_len = n };
}

/* The property: however a packet is cut up, and in whichever order its fragments come, it is whole
 * when the last of them is there, and not before. */
static void what_is_cut_up_becomes_whole(void **state)
{
    (void)state;
    struct reassembly *r = reassembly_new();
    unsigned short seed[3] = { 1, 2, 3 };
    for (unsigned round = 0; round < 500; round++) {
        struct frame_ip all[64], whole = { 0 };
        size_t total = 9 + (size_t)nrand48(seed) % (sizeof payload - 9), n = 0, at = 0;
        while (at < total) {
            size_t most = total - at, len = 8 + (size_t)nrand48(seed) % (total / 20 + 8) / 8 * 8;
            len = len < most && n < 62 && (n > 0 || len < total) ? len : most;
            if (n == 0 && len == total)
                len = 8;
            all[n++] = piece(round, at, len, at + len < total);
            at += len;
            if (n == 63 && at < total) {
                all[n++] = piece(round, at, total - at, false);
                break;
            }
        }
        for (size_t i = n - 1; i > 0; i--) {
            size_t k = (size_t)nrand48(seed) % (i + 1);
            struct frame_ip other = all[i];
            all[i] = all[k];
            all[k] = other;
        }
        for (size_t i = 0; i + 1 < n; i++)
            assert_int_equal(reassembly_add(r, &all[i], round, &whole), REASSEMBLY_OPEN);
        assert_int_equal(reassembly_add(r, &all[n - 1], round, &whole), REASSEMBLY_WHOLE);
        assert_int_equal(whole.len, total);
        assert_int_equal(whole.wire_len, total);
        assert_false(frame_is_fragment(&whole));
        assert_memory_equal(whole.payload, payload, total);
    }
    assert_int_equal(reassembly_incomplete(r), 0);
    reassembly_free(r);
}

static void packets_are_told_apart_by_all_that_names_them(void **state)
{
    (void)state;
    struct reassembly *r = reassembly_new();
    struct frame_ip whole, first = piece(1, 0, 8, true), other = piece(1, 8, 3, false);
    assert_int_equal(reassembly_add(r, &first, 0, &whole), REASSEMBLY_OPEN);
    other.from[3] = 1;
    assert_int_equal(reassembly_add(r, &other, 0, &whole), REASSEMBLY_OPEN);
    other = piece(2, 8, 3, false);
    assert_int_equal(reassembly_add(r, &other, 0, &whole), REASSEMBLY_OPEN);
    other = piece(1, 8, 3, false);
    other.to[15] = 1;
    assert_int_equal(reassembly_add(r, &other, 0, &whole), REASSEMBLY_OPEN);
    other = piece(1, 8, 3, false);
    assert_int_equal(reassembly_add(r, &other, 0, &whole), REASSEMBLY_WHOLE);
    assert_int_equal(reassembly_incomplete(r), 3);
    reassembly_free(r);
}

static void the_same_fragment_twice_is_one(void **state)
{
    (void)state;
    struct reassembly *r = reassembly_new();
    struct frame_ip whole, a = piece(1, 0, 16, true), b = piece(1, 16, 5, false);
    assert_int_equal(reassembly_add(r, &a, 0, &whole), REASSEMBLY_OPEN);
    assert_int_equal(reassembly_add(r, &a, 0, &whole), REASSEMBLY_IGNORED);
    assert_int_equal(reassembly_add(r, &b, 0, &whole), REASSEMBLY_WHOLE);
    reassembly_free(r);
}

static void fragments_that_contradict_drop_their_packet(void **state)
{
    (void)state;
    uint8_t others[16] = { 0 };
    struct frame_ip changed = piece(1, 8, 16, true);
    changed.payload = others;
    struct frame_ip cut = piece(1, 24, 8, true);
    cut.wire_len = 16;
    const struct frame_ip rows[] = {
        piece(1, 16, 16, true), /* reaches into it */
        changed,                /* the same place, other bytes */
        piece(1, 24, 3, true),  /* not a multiple of 8, and not the last */
        piece(1, 8, 8, false),  /* ends before what is there */
        cut,                    /* captured in part */
        piece(1, 32, 0, true),  /* without a byte */
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct reassembly *r = reassembly_new();
        struct frame_ip whole, there = piece(1, 8, 16, true), rest = piece(1, 0, 8, true);
        assert_int_equal(reassembly_add(r, &there, 0, &whole), REASSEMBLY_OPEN);
        assert_int_equal(reassembly_add(r, &rows[i], 0, &whole), REASSEMBLY_DROPPED);
        assert_int_equal(reassembly_add(r, &rest, 0, &whole), REASSEMBLY_IGNORED);
        assert_int_equal(reassembly_incomplete(r), 0);
        reassembly_free(r);
    }
}

static void a_packet_longer_than_ip_has_is_dropped(void **state)
{
    (void)state;
    struct reassembly *r = reassembly_new();
    struct frame_ip whole, f = piece(1, 65528, 7, false);
    assert_int_equal(reassembly_add(r, &f, 0, &whole), REASSEMBLY_OPEN);
    f = piece(2, 65528, 7, false);
    f.len = f.wire_len = 8;
    f.payload = payload;
    assert_int_equal(reassembly_add(r, &f, 0, &whole), REASSEMBLY_DROPPED);
    reassembly_free(r);
}

static void who_waits_too_long_is_given_up(void **state)
{
    (void)state;
    struct reassembly *r = reassembly_new();
    struct frame_ip whole, a = piece(1, 0, 8, true), b = piece(1, 8, 5, false);
    assert_int_equal(reassembly_add(r, &a, 100 * S, &whole), REASSEMBLY_OPEN);
    assert_int_equal(reassembly_add(r, &b, 130 * S, &whole), REASSEMBLY_OPEN);
    assert_int_equal(reassembly_incomplete(r), 2);
    assert_int_equal(reassembly_add(r, &a, 159 * S, &whole), REASSEMBLY_WHOLE);
    assert_int_equal(reassembly_incomplete(r), 1);
    reassembly_free(r);
}

static void the_oldest_makes_room(void **state)
{
    (void)state;
    struct reassembly *r = reassembly_new();
    struct frame_ip whole, f;
    for (uint32_t id = 0; id <= REASSEMBLY_OPEN_MAX; id++) {
        f = piece(id, 0, 8, true);
        assert_int_equal(reassembly_add(r, &f, id, &whole), REASSEMBLY_OPEN);
    }
    assert_int_equal(reassembly_incomplete(r), REASSEMBLY_OPEN_MAX + 1);
    f = piece(1, 8, 5, false);
    assert_int_equal(reassembly_add(r, &f, 5000, &whole), REASSEMBLY_WHOLE);
    f = piece(0, 8, 5, false);
    assert_int_equal(reassembly_add(r, &f, 5000, &whole), REASSEMBLY_OPEN);
    reassembly_free(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_cut_up_becomes_whole),
        cmocka_unit_test(packets_are_told_apart_by_all_that_names_them),
        cmocka_unit_test(the_same_fragment_twice_is_one),
        cmocka_unit_test(fragments_that_contradict_drop_their_packet),
        cmocka_unit_test(a_packet_longer_than_ip_has_is_dropped),
        cmocka_unit_test(who_waits_too_long_is_given_up),
        cmocka_unit_test(the_oldest_makes_room),
    };
    return cmocka_run_group_tests(tests, fill, NULL);
}
