/* Lines into datagrams: joined up to a length, whole ones as they came, framed for streams. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "mirror/pack.h"

static struct slice datagram(const struct send_block *b, size_t i)
{
    return slice_of(b->bytes + b->datagrams[i].at, b->datagrams[i].len);
}

static void assert_text(struct slice got, const char *want)
{
    assert_int_equal(got.len, strlen(want));
    assert_memory_equal(got.ptr, want, got.len);
}

static void lines_are_joined_up_to_the_mtu(void **unused)
{
    (void)unused;
    struct pack *p = pack_new(SEND_DATAGRAMS, 11);
    struct send_block b;
    assert_false(pack_block(p, &b));
    assert_true(pack_line(p, SLICE_LIT("a:1|c")));
    assert_true(pack_line(p, SLICE_LIT("b:1|c"))); /* 11 bytes: fits */
    assert_true(pack_line(p, SLICE_LIT("c:1|c")));
    assert_true(pack_line(p, SLICE_LIT("longer.than.that:1|c")));
    assert_true(pack_line(p, SLICE_LIT("d:1|c")));
    assert_true(pack_block(p, &b));
    assert_int_equal(b.n, 4);
    assert_int_equal(b.amount, 5);
    assert_text(datagram(&b, 0), "a:1|c\nb:1|c");
    assert_int_equal(b.datagrams[0].amount, 2);
    assert_text(datagram(&b, 1), "c:1|c");
    assert_text(datagram(&b, 2), "longer.than.that:1|c");
    assert_text(datagram(&b, 3), "d:1|c");
    pack_clear(p);
    assert_false(pack_block(p, &b));
    pack_free(p);
}

static void a_whole_datagram_stays_alone(void **unused)
{
    (void)unused;
    struct pack *p = pack_new(SEND_DATAGRAMS, PACK_MTU);
    struct send_block b;
    assert_true(pack_line(p, SLICE_LIT("a:1|c")));
    assert_true(pack_whole(p, SLICE_LIT("b:1|c\nc:1|c")));
    assert_true(pack_line(p, SLICE_LIT("d:1|c")));
    assert_true(pack_block(p, &b));
    assert_int_equal(b.n, 3);
    assert_int_equal(b.amount, 4);
    assert_text(datagram(&b, 1), "b:1|c\nc:1|c");
    assert_int_equal(b.datagrams[1].amount, 2);
    assert_text(datagram(&b, 2), "d:1|c");
    pack_free(p);
}

static void a_whole_datagram_goes_byte_for_byte(void **unused)
{
    (void)unused;
    static const struct {
        const char *text;
        uint32_t lines;
    } rows[] = {
        { "a:1|c", 1 }, { "a:1|c\n", 1 }, { "a:1|c\nb:1|c\n", 2 }, { "\n", 1 }, { "\n\n", 2 },
    };
    static const enum send_framing framings[] = { SEND_DATAGRAMS, SEND_LINES, SEND_FRAMES };
    for (size_t k = 0; k < ARRAY_LEN(rows) * ARRAY_LEN(framings); k++) {
        const size_t i = k / ARRAY_LEN(framings), len = strlen(rows[i].text);
        const enum send_framing framing = framings[k % ARRAY_LEN(framings)];
        struct pack *p = pack_new(framing, PACK_MTU);
        struct send_block b;
        assert_true(pack_whole(p, slice_str(rows[i].text)));
        assert_true(pack_block(p, &b));
        assert_int_equal(b.n, 1);
        assert_int_equal(b.amount, rows[i].lines);
        struct slice got = datagram(&b, 0);
        /* A stream's line has one line feed, whether it came with one or not. */
        if (framing == SEND_LINES && rows[i].text[len - 1] != '\n')
            assert_true(got.ptr[--got.len] == '\n');
        if (framing == SEND_FRAMES)
            got = slice_of(got.ptr + 4, got.len - 4);
        assert_text(got, rows[i].text);
        pack_free(p);
    }
}

static void a_stream_gets_line_feeds_or_lengths(void **unused)
{
    (void)unused;
    static const struct {
        enum send_framing framing;
        const char *text;
        size_t len;
    } rows[] = { { SEND_LINES, "a:1|c\nb:1|c\nc:1|c\n", 18 },
                 { SEND_FRAMES, "\x0b\0\0\0a:1|c\nb:1|c\x05\0\0\0c:1|c", 24 } };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct pack *p = pack_new(rows[i].framing, PACK_MTU);
        struct send_block b;
        assert_true(pack_line(p, SLICE_LIT("a:1|c")));
        assert_true(pack_line(p, SLICE_LIT("b:1|c")));
        assert_true(pack_whole(p, SLICE_LIT("c:1|c")));
        assert_true(pack_block(p, &b));
        assert_int_equal(b.n, 2);
        assert_int_equal(b.datagrams[0].len + b.datagrams[1].len, rows[i].len);
        assert_memory_equal(b.bytes, rows[i].text, rows[i].len);
        pack_free(p);
    }
}

static void one_without_room_says_so_and_takes_the_same_after_a_clear(void **unused)
{
    (void)unused;
    static char longest[65535];
    memset(longest, 'x', sizeof longest);
    static const enum send_framing framings[] = { SEND_DATAGRAMS, SEND_LINES, SEND_FRAMES };
    for (size_t i = 0; i < ARRAY_LEN(framings); i++) {
        struct pack *p = pack_new(framings[i], PACK_MTU);
        struct send_block b;
        size_t n = 0;
        while (pack_whole(p, SLICE_LIT("x:1|c")))
            n++;
        assert_int_equal(n, PACK_DATAGRAMS);
        assert_false(pack_line(p, SLICE_LIT("x:1|c")));
        assert_true(pack_block(p, &b));
        pack_clear(p);
        for (n = 0; pack_line(p, slice_of(longest, sizeof longest)); n++) {}
        assert_in_range(n, 1, 2);
        assert_true(pack_block(p, &b));
        assert_int_equal(b.n, n);
        pack_clear(p);
        assert_true(pack_whole(p, slice_of(longest, sizeof longest)));
        assert_true(pack_block(p, &b));
        pack_free(p);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_are_joined_up_to_the_mtu),
        cmocka_unit_test(a_whole_datagram_stays_alone),
        cmocka_unit_test(a_whole_datagram_goes_byte_for_byte),
        cmocka_unit_test(a_stream_gets_line_feeds_or_lengths),
        cmocka_unit_test(one_without_room_says_so_and_takes_the_same_after_a_clear),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
