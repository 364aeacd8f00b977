#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"

static void bytes_appended_in_any_size_come_out_in_order(void **state)
{
    struct buf b = { 0 };
    (void)state;
    for (size_t i = 0; i < 1000; i++) {
        char piece[97];
        memset(piece, (int)('a' + i % 26), sizeof piece);
        buf_append(&b, piece, i % sizeof piece);
    }
    size_t at = 0;
    for (size_t i = 0; i < 1000; i++)
        for (size_t k = 0; k < i % 97; k++)
            assert_int_equal(b.ptr[at++], (int)('a' + i % 26));
    assert_int_equal(at, b.len);
    assert_true(b.cap >= b.len);
    buf_release(&b);
    assert_null(b.ptr);
    assert_int_equal(b.cap, 0);
}

static void an_empty_buf_takes_empty_pieces(void **state)
{
    struct buf b = { 0 };
    (void)state;
    buf_append(&b, NULL, 0);
    buf_append_slice(&b, (struct slice){ NULL, 0 });
    buf_append_str(&b, "");
    assert_int_equal(buf_slice(&b).len, 0);
    buf_release(&b);
    buf_release(&b);
}

static void clear_keeps_the_memory(void **state)
{
    struct buf b = { 0 };
    (void)state;
    buf_append_str(&b, "hello");
    const char *where = b.ptr;
    buf_clear(&b);
    buf_append_char(&b, 'x');
    assert_ptr_equal(b.ptr, where);
    assert_true(slice_eq(buf_slice(&b), SLICE_LIT("x")));
    buf_release(&b);
}

static void printf_grows_to_what_it_needs(void **state)
{
    (void)state;
    for (int n = 0; n < 300; n++) {
        struct buf b = { 0 };
        buf_append_str(&b, "<");
        buf_printf(&b, "%*d", n, 7);
        buf_append_str(&b, ">");
        size_t wide = n < 1 ? 1 : (size_t)n;
        assert_int_equal(b.len, wide + 2);
        assert_int_equal(b.ptr[wide], '7');
        assert_int_equal(b.ptr[wide + 1], '>');
        buf_release(&b);
    }
}

static void reserve_does_not_move_len(void **state)
{
    struct buf b = { 0 };
    (void)state;
    char *p = buf_reserve(&b, 1000);
    memset(p, 'z', 1000);
    assert_int_equal(b.len, 0);
    b.len += 1000;
    buf_append_char(&b, '!');
    assert_int_equal(b.ptr[999], 'z');
    assert_int_equal(b.ptr[1000], '!');
    buf_release(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bytes_appended_in_any_size_come_out_in_order),
        cmocka_unit_test(an_empty_buf_takes_empty_pieces),
        cmocka_unit_test(clear_keeps_the_memory),
        cmocka_unit_test(printf_grows_to_what_it_needs),
        cmocka_unit_test(reserve_does_not_move_len),
    };
    return cmocka_run_group_tests_name("buf", tests, NULL, NULL);
}
