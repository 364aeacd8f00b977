#include <errno.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/slice.h"
#include "opts.h"

enum { ARGS_MAX = 8 };

static int parse(const char *const *args, struct opts *o, struct buf *error)
{
    static char text[ARGS_MAX][128];
    char *argv[ARGS_MAX + 2] = { text[0] };
    int n = 1;
    strcpy(text[0], "statsd-bench");
    for (; args[n - 1] != NULL; n++) {
        argv[n] = text[n];
        strcpy(text[n], args[n - 1]);
    }
    return opts_parse(n, argv, o, error);
}

static void every_option_has_a_usual_value(void **state)
{
    (void)state;
    struct opts o;
    struct buf error = { 0 };
    const char *const none[] = { NULL };
    assert_int_equal(parse(none, &o, &error), 0);
    assert_string_equal(o.to, "udp://127.0.0.1:8125");
    assert_true(o.rate == 10000 && o.duration_s == 10 && isnan(o.max_loss) && isnan(o.rate_to));
    assert_int_equal(o.send_buffer, 4 << 20);
    assert_int_equal(o.payload, 1432);
    assert_int_equal(o.seed, 1);
    assert_null(o.metrics);
}

static void quantities_have_units(void **state)
{
    (void)state;
    struct opts o;
    struct buf error = { 0 };
    const char *const a[] = { "--rate=2.5M",    "--duration", "90s",   "--max-loss=0.1%",
                              "--payload=8KiB", "--period",   "250ms", NULL };
    assert_int_equal(parse(a, &o, &error), 0);
    assert_true(o.rate == 2.5e6 && o.duration_s == 90 && fabs(o.max_loss - 0.001) < 1e-12 &&
                o.period_s == 0.25);
    assert_int_equal(o.payload, 8192);
    const char *const b[] = { "--rate", "max", "--duration=2m", "--max-loss", "0.01", NULL };
    assert_int_equal(parse(b, &o, &error), 0);
    assert_true(isinf(o.rate) && o.duration_s == 120 && o.max_loss == 0.01);
}

/* clang-format off */
static const struct {
    const char *args[ARGS_MAX];
    const char *says;
} bad[] = {
    {{"--nosuch", "1"},                        "unknown option"          },
    {{"stray"},                                "unexpected argument"     },
    {{"--rate"},                               "needs a value"           },
    {{"--rate", "fast"},                       "not a rate like"         },
    {{"--threads", "0"},                       "not within"              },
    {{"--threads", "1.5"},                     "not a whole number"      },
    {{"--sample-rate", "0"},                   "not within"              },
    {{"--quiet=1"},                            "takes no value"          },
    {{"--shape", "ramp"},                      "needs --rate-to"         },
    {{"--rate", "max", "--find-max"},          "--shape constant only"   },
    {{"--gso", "8", "--payload", "0"},         "give --payload"          },
    {{"--gso", "64", "--payload", "1432"},     "more than one message"   },
    {{"--find-max", "--rate=5", "--rate-to=2"}, "below --rate"           },
    {{"--find-max", "--rate=2000M"},           "--rate is above 1e+09"   },
    {{"--threads", "x"},                       "--threads: 'x' is not a whole number"},
    {{"--rate", "10kk"},                       "like 500, 10k, 2.5M or max"},
    {{"--duration", "5d"},                     "like 500ms, 30s, 5m or 2h"},
    {{"--payload", "1k"},                      "like 1432, 8KiB or 4MiB" },
    {{"--max-loss", "x"},                      "like 0.1% or 0.001"      },
    {{"--skew", "x"},                          "not a number"            },
    {{"--series", "0"},                        "within 1 .. 100000000"   },
    {{"--pid", "5000000"},                     "within 1 .. 4194304"     },
    {{"--rate", "-1"},                         "--rate: '-1' is not 0 or more"},
    {{"--gso", "64", "--payload", "1432"},     "--gso 45"                },
    {{"--find-max", "--shape", "sine", "--rate-to=90k"}, "goes with --shape constant only"},
    {{"--find-max", "--shape", "day.csv"},     "--find-max goes with --shape constant only"},
    {{"--rate", "max", "--shape", "day.csv"},  "--rate max goes with --shape constant only"},
    {{"--prefix", "a\nb"},                     "--prefix: a line feed"   },
    {{"--suffix", "\n"},                       "--suffix: a line feed"   },
    {{"--framing", "DSD"},                     "'DSD' is neither line nor dsd"},
    {{"--framing="},                           "'' is neither line nor dsd"},
    {{"--connections=3", "--threads=4"},       "fewer than --threads"    },
    {{"--connections=65537"},                  "not within 0 .. 65536"   },
};
/* clang-format on */

static void a_wrong_command_line_says_what_is_wrong(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        struct opts o;
        struct buf error = { 0 };
        assert_int_equal(parse(bad[i].args, &o, &error), -EINVAL);
        buf_append_char(&error, '\0');
        assert_non_null(strstr(error.ptr, bad[i].says));
        buf_release(&error);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_option_has_a_usual_value),
        cmocka_unit_test(quantities_have_units),
        cmocka_unit_test(a_wrong_command_line_says_what_is_wrong),
    };
    return cmocka_run_group_tests_name("opts", tests, NULL, NULL);
}
