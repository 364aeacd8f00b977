#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "protocol/framing.h"

struct fixture {
    struct framing framing;
    char *room;
    struct buf got; /* all that was delivered, a line without LF completed */
    uint32_t calls, errors;
};

static void on_datagram(void *cookie, const char *ptr, size_t len)
{
    struct fixture *f = cookie;
    assert_in_range(len, 1, DATAGRAM_MAX);
    buf_append(&f->got, ptr, len);
    if (ptr[len - 1] != '\n')
        buf_append_char(&f->got, '\n');
    f->calls++;
}

static void fixture_init(struct fixture *f, enum framing_kind kind)
{
    *f = (struct fixture){ .room = malloc(FRAMING_ROOM) };
    assert_non_null(f->room);
    framing_init(&f->framing, kind, f->room);
}

static void fixture_release(struct fixture *f)
{
    free(f->room);
    buf_release(&f->got);
}

static enum reason push(struct fixture *f, const char *ptr, size_t len)
{
    uint32_t errors;
    char *exact = malloc(len ? len : 1);
    assert_non_null(exact);
    memcpy(exact, ptr, len);
    enum reason r = framing_push(&f->framing, exact, len, on_datagram, f, &errors);
    assert_int_equal(r != REASON_NONE, errors > 0 || f->framing.broken);
    f->errors += errors;
    free(exact);
    return r;
}

static bool got(const struct fixture *f, const char *want)
{
    return slice_eq(buf_slice(&f->got), slice_str(want));
}

static void lines_cut_anywhere_arrive_whole(void **state)
{
    struct fixture f;
    (void)state;
    fixture_init(&f, FRAMING_LINE);
    push(&f, "a:1|", 4);
    assert_int_equal(f.calls, 0);
    push(&f, "c\nb:2|c\nc:3", 11);
    push(&f, "", 0);
    push(&f, "|c\n", 3);
    push(&f, "d:4|c", 5);
    assert_true(got(&f, "a:1|c\nb:2|c\nc:3|c\n"));
    assert_int_equal(framing_end(&f.framing, true, on_datagram, &f), REASON_NONE);
    assert_true(got(&f, "a:1|c\nb:2|c\nc:3|c\nd:4|c\n"));
    fixture_release(&f);
}

static void a_broken_connection_drops_its_unfinished_line(void **state)
{
    struct fixture f;
    (void)state;
    fixture_init(&f, FRAMING_LINE);
    push(&f, "a:1|c\nb:2|c", 11);
    assert_int_equal(framing_end(&f.framing, false, on_datagram, &f), REASON_NONE);
    assert_true(got(&f, "a:1|c\n"));
    fixture_release(&f);
}

/* One byte more than a datagram holds, pushed whole and in pieces. */
static void an_endless_line_is_one_error_and_the_next_line_counts(void **state)
{
    static const size_t pieces[] = { 1, 1000, 65535, 65536, 200000 };
    (void)state;
    for (size_t over = 0; over < 2; over++)
        for (size_t p = 0; p < ARRAY_LEN(pieces); p++) {
            struct fixture f;
            size_t n = DATAGRAM_MAX + over;
            char *text = malloc(n + 7);
            memset(text, 'x', n);
            memcpy(text + n, "\na:1|c\n", 7);
            fixture_init(&f, FRAMING_LINE);
            for (size_t at = 0; at < n + 7; at += pieces[p])
                push(&f, text + at, n + 7 - at < pieces[p] ? n + 7 - at : pieces[p]);
            assert_int_equal(f.errors, over);
            assert_int_equal(f.got.len, over ? 6 : n + 7);
            assert_memory_equal(f.got.ptr + f.got.len - 6, "a:1|c\n", 6);
            fixture_release(&f);
            free(text);
        }
}

static void end_of_file_inside_an_endless_line_says_nothing_more(void **state)
{
    struct fixture f;
    char *text = malloc(70000);
    (void)state;
    memset(text, 'x', 70000);
    fixture_init(&f, FRAMING_LINE);
    assert_int_equal(push(&f, text, 70000), REASON_LINE_TOO_LONG);
    assert_int_equal(push(&f, text, 70000), REASON_NONE);
    assert_int_equal(framing_end(&f.framing, true, on_datagram, &f), REASON_NONE);
    assert_int_equal(f.calls, 0);
    assert_int_equal(f.errors, 1);
    fixture_release(&f);
    free(text);
}

static void frames_cut_anywhere_arrive_whole(void **state)
{
    static const char stream[] = "\x06\0\0\0a1:1|c\0\0\0\0\x0d\0\0\0a2:2|c\na3:3|c\x07\0\0\0"
                                 "a4:4|c\n";
    (void)state;
    for (size_t cut = 0; cut < sizeof stream; cut++)
        for (size_t piece = 1; piece < 8; piece++) {
            struct fixture f;
            fixture_init(&f, FRAMING_DSD);
            push(&f, stream, cut);
            for (size_t at = cut; at < sizeof stream - 1; at += piece)
                push(&f, stream + at,
                     sizeof stream - 1 - at < piece ? sizeof stream - 1 - at : piece);
            assert_int_equal(framing_end(&f.framing, true, on_datagram, &f), REASON_NONE);
            assert_true(got(&f, "a1:1|c\na2:2|c\na3:3|c\na4:4|c\n"));
            assert_int_equal(f.calls, 3);
            fixture_release(&f);
        }
}

static void a_frame_that_is_too_large_or_cut_off_is_one_error(void **state)
{
    struct fixture f;
    (void)state;
    fixture_init(&f, FRAMING_DSD);
    assert_int_equal(push(&f, "\x01\0\0\0a\0\0\x01\0junk", 13), REASON_BAD_FRAME);
    assert_true(f.framing.broken && f.errors == 1 && got(&f, "a\n"));
    assert_int_equal(push(&f, "\x01\0\0\0a", 5), REASON_BAD_FRAME);
    assert_int_equal(framing_end(&f.framing, true, on_datagram, &f), REASON_NONE);
    assert_int_equal(f.errors, 1);
    fixture_release(&f);

    fixture_init(&f, FRAMING_DSD);
    assert_int_equal(push(&f, "\x05\0\0\0ab", 6), REASON_NONE);
    assert_int_equal(framing_end(&f.framing, true, on_datagram, &f), REASON_BAD_FRAME);
    fixture_release(&f);

    fixture_init(&f, FRAMING_DSD);
    assert_int_equal(push(&f, "\x05\0", 2), REASON_NONE);
    assert_int_equal(framing_end(&f.framing, true, on_datagram, &f), REASON_BAD_FRAME);
    fixture_release(&f);
}

static void the_largest_frame_is_taken(void **state)
{
    struct fixture f;
    char *text = malloc(DATAGRAM_MAX + 4);
    (void)state;
    memset(text, 'y', DATAGRAM_MAX + 4);
    memcpy(text, "\xff\xff\0\0", 4);
    fixture_init(&f, FRAMING_DSD);
    push(&f, text, 3);
    push(&f, text + 3, 30000);
    push(&f, text + 30003, DATAGRAM_MAX + 4 - 30003);
    assert_int_equal(f.got.len, DATAGRAM_MAX + 1);
    assert_int_equal(framing_end(&f.framing, true, on_datagram, &f), REASON_NONE);
    fixture_release(&f);
    free(text);
}

static void the_end_delivers_what_is_left_once(void **state)
{
    static const enum framing_kind kinds[] = { FRAMING_LINE, FRAMING_DSD };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
        struct fixture f;
        fixture_init(&f, kinds[i]);
        push(&f, "\x05\0\0\0a:1", 7);
        bool frame = kinds[i] == FRAMING_DSD;
        assert_int_equal(framing_end(&f.framing, true, on_datagram, &f),
                         frame ? REASON_BAD_FRAME : REASON_NONE);
        assert_int_equal(f.calls, frame ? 0 : 1);
        assert_int_equal(framing_end(&f.framing, true, on_datagram, &f), REASON_NONE);
        assert_int_equal(f.calls, frame ? 0 : 1);
        fixture_release(&f);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_cut_anywhere_arrive_whole),
        cmocka_unit_test(a_broken_connection_drops_its_unfinished_line),
        cmocka_unit_test(an_endless_line_is_one_error_and_the_next_line_counts),
        cmocka_unit_test(end_of_file_inside_an_endless_line_says_nothing_more),
        cmocka_unit_test(frames_cut_anywhere_arrive_whole),
        cmocka_unit_test(a_frame_that_is_too_large_or_cut_off_is_one_error),
        cmocka_unit_test(the_largest_frame_is_taken),
        cmocka_unit_test(the_end_delivers_what_is_left_once),
    };
    return cmocka_run_group_tests_name("framing", tests, NULL, NULL);
}
