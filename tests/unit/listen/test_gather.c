/* How long datagrams are left to gather: by their rate, never beyond what the buffer holds. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/slice.h"
#include "listen/gather.h"

#define MIB (1ull << 20)

enum { LOOKS = 1000 };

/*
 * LOOKS looks at a stream of that many datagrams a second, the first wait being wait_ms.
 * returns  the wait after them; 0: the gathering has ended
 */
static unsigned after_stream(struct gather *g, unsigned wait_ms, unsigned rate)
{
    uint64_t due = 0; /* thousandths of a datagram */
    for (unsigned i = 0; i < LOOKS && wait_ms > 0; i++) {
        due += (uint64_t)wait_ms * rate;
        wait_ms = gather_look(g, (unsigned)(due / 1000));
        due %= 1000;
    }
    return wait_ms;
}

static unsigned settled(unsigned most_ms, unsigned rate)
{
    struct gather g = { 0 };
    return after_stream(&g, gather_begin(&g, most_ms), rate);
}

static void the_wait_is_what_the_buffer_allows(void **unused)
{
    (void)unused;
    static const struct {
        uint64_t granted;
        unsigned ms;
    } rows[] = {
        { 0, 0 },           { 416 << 10, 0 }, { 2 * MIB - 1, 0 }, { 2 * MIB, 1 },
        { 4 * MIB, 2 },     { 8 * MIB, 4 },   { 12 * MIB, 4 },    { 15 * MIB, 5 },
        { 64 * MIB, 21 },   { 96 * MIB, 32 }, { 128 * MIB, 32 },  { 2048 * MIB, 32 },
        { UINT64_MAX, 32 },
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        assert_int_equal(gather_most_ms(rows[i].granted), rows[i].ms);
    for (uint64_t granted = 0; granted < 256 * MIB; granted += 100000) {
        unsigned ms = gather_most_ms(granted);
        assert_true(ms * 2 * MIB <= granted && (ms <= 4 || ms * 3 * MIB <= granted));
        assert_true(ms <= gather_most_ms(granted + 100000));
    }
}

static void a_steady_stream_settles_where_a_look_finds_enough(void **unused)
{
    (void)unused;
    static const struct {
        unsigned most_ms, rate, ms;
    } rows[] = {
        { 32, 900, 0 },    { 32, 1000, 32 },  { 32, 6000, 32 }, { 21, 6000, 21 },
        { 32, 12800, 20 }, { 32, 25600, 10 }, { 32, 64000, 4 }, { 32, 100000, 4 },
        { 32, 250000, 4 }, { 32, 256000, 0 }, { 4, 6000, 4 },   { 4, 100000, 4 },
        { 2, 6000, 2 },    { 1, 6000, 1 },    { 1, 900000, 1 }, { 1, 1100000, 0 },
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        unsigned ms = settled(rows[i].most_ms, rows[i].rate);
        /* A look finds a datagram more or less from time to time. */
        assert_in_range(ms + 1, rows[i].ms, rows[i].ms + 1);
        assert_true((ms == 0) == (rows[i].ms == 0));
    }
}

static void the_first_wait_is_short_and_grows_only_after_a_round(void **unused)
{
    (void)unused;
    struct gather g = { 0 };
    unsigned ms = gather_begin(&g, 32), same = 1;
    assert_int_equal(ms, GATHER_MS_FIRST);
    for (int i = 0; i < 200; i++) {
        unsigned next = gather_look(&g, 40);
        assert_in_range(next, ms, 2 * ms);
        if (next != ms)
            assert_in_range(same, 16, 16);
        same = next != ms ? 1 : same + 1;
        ms = next;
    }
    assert_int_equal(ms, 32);
    assert_int_equal(gather_begin(&g, 32), GATHER_MS_FIRST); /* it remembers nothing */
    assert_int_equal(gather_begin(&g, 3), 3);
}

static void more_at_once_shortens_the_wait_at_once(void **unused)
{
    (void)unused;
    static const struct {
        unsigned found, ms; /* after a wait of 32 ms */
    } rows[] = {
        { 512, 32 }, { 513, 15 }, { 700, 11 }, { 1023, 8 }, { 1024, 0 }, { 5000, 0 },
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct gather g = { 0 };
        unsigned ms = after_stream(&g, gather_begin(&g, 32), 5000);
        assert_int_equal(ms, 32);
        assert_int_equal(gather_look(&g, rows[i].found), rows[i].ms);
    }
}

/* The fullest look of a round counts, not the mean: a burst may come again. */
static void a_stream_in_bursts_is_not_left_longer(void **unused)
{
    (void)unused;
    struct gather g = { 0 };
    unsigned ms = gather_begin(&g, 32);
    for (int i = 0; i < LOOKS; i++) {
        ms = gather_look(&g, i % 10 == 0 ? 300 : 3);
        assert_int_equal(ms, GATHER_MS_FIRST);
    }
}

static void whatever_is_found_the_wait_stays_within_its_bounds(void **unused)
{
    (void)unused;
    srand(1);
    for (unsigned most = 1; most <= GATHER_MS_MAX; most++) {
        struct gather g = { 0 };
        unsigned first = most < GATHER_MS_FIRST ? most : GATHER_MS_FIRST;
        unsigned ms = gather_begin(&g, most);
        for (int i = 0; i < 20000; i++) {
            if (ms == 0)
                ms = gather_begin(&g, most);
            assert_in_range(ms, first, most);
            ms = gather_look(&g, (unsigned)rand() % (1u << rand() % 12));
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_wait_is_what_the_buffer_allows),
        cmocka_unit_test(a_steady_stream_settles_where_a_look_finds_enough),
        cmocka_unit_test(the_first_wait_is_short_and_grows_only_after_a_round),
        cmocka_unit_test(more_at_once_shortens_the_wait_at_once),
        cmocka_unit_test(a_stream_in_bursts_is_not_left_longer),
        cmocka_unit_test(whatever_is_found_the_wait_stays_within_its_bounds),
    };
    return cmocka_run_group_tests_name("gather", tests, NULL, NULL);
}
