#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "cmd/replay/shift.h"

static const struct {
    const char *in, *out;
    int64_t by_s;
    size_t moved;
} cases[] = {
    { "a:1|c|T100", "a:1|c|T107", 7, 1 },
    { "a:1|c|T999", "a:1|c|T1006", 7, 1 },
    { "a:1|c|T1006", "a:1|c|T999", -7, 1 },
    { "a:1|c|@0.5|#k:v|T100|c:x", "a:1|c|@0.5|#k:v|T101|c:x", 1, 1 },
    { "a:1|c|T5\nb:2|g\nc:3|ms|T6\n", "a:1|c|T6\nb:2|g\nc:3|ms|T7\n", 1, 2 },
    { "a:1|c|T5\r\nb:2|g|T6 ", "a:1|c|T6\r\nb:2|g|T7 ", 1, 2 },
    { "\n\na:1|c|T5\n\n", "\n\na:1|c|T6\n\n", 1, 1 },
    /* No timestamps: a value, a type, a tag, words. */
    { "a:T5|T5", "a:T5|T5", 1, 0 },
    { "T5|T5|c", "T5|T5|c", 1, 0 },
    { "a:1|c|#t:|Tx|T", "a:1|c|#t:|Tx|T", 1, 0 },
    { "a:1|c|T-5|T5.5|T0|T 5", "a:1|c|T-5|T5.5|T0|T 5", 1, 0 },
    { "a:1|c|T99999999999999999999", "a:1|c|T99999999999999999999", 1, 0 },
    { "a:1|c|T9223372036854775807", "a:1|c|T9223372036854775807", 1, 0 },
    { "a:1|c|T5", "a:1|c|T5", -5, 0 },
    /* Events and service checks have theirs behind d: and a text that may look like one. */
    { "_e{5,4}:title|text|d:5|h:x", "_e{5,4}:title|text|d:6|h:x", 1, 1 },
    { "_e{5,6}:|d:10|x|d:20|d:5\r\n", "_e{5,6}:|d:10|x|d:20|d:6\r\n", 1, 1 },
    { "_e{5,4}:title|T123|T5", "_e{5,4}:title|T123|T5", 1, 0 },
    { "_e{5,4}:title|text", "_e{5,4}:title|text", 1, 0 },
    { "_e{5,8}:title|text|d:5", "_e{5,8}:title|text|d:5", 1, 0 },
    { "_e{5,99}:title|text|d:5", "_e{5,99}:title|text|d:5", 1, 0 },
    { "_e{5,9223372036854775807}:t|d:5", "_e{5,9223372036854775807}:t|d:5", 1, 0 },
    { "_e{9223372036854775807,9223372036854775807}:t|d:5",
      "_e{9223372036854775807,9223372036854775807}:t|d:5", 1, 0 },
    { "_e{-1,4}:title|text|d:5", "_e{-1,4}:title|text|d:5", 1, 0 },
    { "_e{1,1}|d:5", "_e{1,1}|d:5", 1, 0 },
    { "_e{|d:5", "_e{|d:5", 1, 0 },
    { "_e{0,0}:|d:5", "_e{0,0}:|d:5", 1, 0 },
    { "_sc|d:5|0|d:5|#a|m:x", "_sc|d:5|0|d:6|#a|m:x", 1, 1 },
    { "_sc|name|0|T5", "_sc|name|0|T5", 1, 0 },
    { "a:1|c|T5\n_sc|n|1|d:5\n_e{1,1}:t|x|d:5", "a:1|c|T6\n_sc|n|1|d:6\n_e{1,1}:t|x|d:6", 1, 3 },
    { "a:1|c|d:5", "a:1|c|d:5", 1, 0 },
    { "_e:1|c|T5", "_e:1|c|T6", 1, 1 },
    { "", "", 1, 0 },
    { "|T5", "|T5", 1, 0 },
    { "||T5", "||T6", 1, 1 },
};

static void only_timestamps_move(void **state)
{
    (void)state;
    struct buf out = { 0 };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        buf_clear(&out);
        assert_int_equal(shift_append(slice_str(cases[i].in), cases[i].by_s, &out), cases[i].moved);
        print_message("%s -> %.*s\n", cases[i].in, (int)out.len, out.ptr);
        assert_true(slice_eq(buf_slice(&out), slice_str(cases[i].out)));
    }
    buf_release(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(only_timestamps_move) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
