/* words: numbers and the load in words. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "words.h"

enum { ARGS_MAX = 8 };

/* clang-format off */
static const struct {
    const char *args[ARGS_MAX];
    const char *text;
} cases[] = {
    {{NULL},
     "10,000 lines/s for 10 s, to udp://127.0.0.1:8125:\n"
     "> 60 % counters, 30 % timings (ms), 10 % gauges; 10,000 series, 3 tags a line, "
     "datagrams of up to 1,432 bytes\n"},
    {{"--rate=max", "--payload=0", "--types=c"},
     "as many lines as the sender can make for 10 s, to udp://127.0.0.1:8125:\n"
     "> 100 % counters; 10,000 series, 3 tags a line, a datagram for each line\n"},
    {{"--to=tcp://[::1]:9", "--framing=line", "--types=c"},
     "10,000 lines/s for 10 s, to tcp://[::1]:9:\n"
     "> 100 % counters; 10,000 series, 3 tags a line, buffers of up to 1,432 bytes\n"},
    {{"--to=unix:///x", "--framing=dsd", "--datagram-rate", "--types=c", "--payload=0"},
     "10,000 frames/s for 10 s, to unix:///x:\n"
     "> 100 % counters; 10,000 series, 3 tags a line, a frame for each line\n"},
    {{"--shape=ramp", "--rate=1k", "--rate-to=9k", "--datagram-rate", "--duration=1m",
      "--types=h,d,s"},
     "from 1,000 to 9,000 datagrams/s for 60 s, to udp://127.0.0.1:8125:\n"
     "> 33.3 % sets, 33.3 % histograms, 33.3 % distributions; 10,000 series, 3 tags a line, "
     "datagrams of up to 1,432 bytes\n"},
    {{"--shape=sine", "--rate-to=90k", "--to=[::1]:9", "--tags=0", "--series=7"},
     "a wave between 10,000 and 90,000 lines/s for 10 s, to [::1]:9:\n"
     "> 60 % counters, 30 % timings (ms), 10 % gauges; 7 series, 0 tags a line, "
     "datagrams of up to 1,432 bytes\n"},
    {{"--shape=day.csv", "--types=g"},
     "the rates of day.csv for 10 s, to udp://127.0.0.1:8125:\n"
     "> 100 % gauges; 10,000 series, 3 tags a line, "
     "datagrams of up to 1,432 bytes\n"},
    {{"--find-max", "--rate=50k", "--types=g"},
     "trials of 3 s each, from 50,000 lines/s upwards, to udp://127.0.0.1:8125:\n"
     "> 100 % gauges; 10,000 series, 3 tags a line, "
     "datagrams of up to 1,432 bytes\n"},
};
/* clang-format on */

static void a_load_is_told_in_words(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        char name[] = "b", text[ARGS_MAX][64];
        char *argv[ARGS_MAX + 2] = { name };
        int n = 1;
        for (; n <= ARGS_MAX && cases[i].args[n - 1] != NULL; n++) {
            snprintf(text[n - 1], sizeof text[0], "%s", cases[i].args[n - 1]);
            argv[n] = text[n - 1];
        }
        struct opts o;
        struct buf error = { 0 }, out = { 0 };
        assert_int_equal(opts_parse(n, argv, &o, &error), 0);
        words_load(&o, "> ", &out);
        buf_append_char(&out, '\0');
        assert_string_equal(out.ptr, cases[i].text);
        buf_release(&out);
    }
}

/* clang-format off */
static const struct {
    double v;
    const char *text;
} counts[] = {
    {0,       "0"          },
    {999,     "999"        },
    {1234567, "1,234,567"  },
    {-1234,   "-1,234"     },
    {-123,    "-123"       },
    {1e15,    "1,000,000,000,000,000"},
    {1e16,    "1e+16"      },
    {1e300,   "1e+300"     },
    {-1e300,  "-1e+300"    },
};
/* clang-format on */

static void counts_of_any_size_can_be_read(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(counts); i++) {
        struct buf b = { 0 };
        words_count(&b, counts[i].v);
        assert_true(slice_eq(buf_slice(&b), slice_str(counts[i].text)));
        buf_release(&b);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_load_is_told_in_words),
        cmocka_unit_test(counts_of_any_size_can_be_read),
    };
    return cmocka_run_group_tests_name("words", tests, NULL, NULL);
}
