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
#include "transport.h"

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
    const char *const a[] = { "--rate=2.5M", "--duration", "90s", "--max-loss=0.1%", "--payload=8KiB", "--period", "250ms", NULL };
    assert_int_equal(parse(a, &o, &error), 0);
    assert_true(o.rate == 2.5e6 && o.duration_s == 90 && fabs(o.max_loss - 0.001) < 1e-12 && o.period_s == 0.25);
    assert_int_equal(o.payload, 8192);
    const char *const b[] = { "--rate", "max", "--duration=2m", "--max-loss", "0.01", NULL };
    assert_int_equal(parse(b, &o, &error), 0);
    assert_true(isinf(o.rate) && o.duration_s == 120 && o.max_loss == 0.01);
}

static const struct {
    const char *args[ARGS_MAX];
    const char *says;
} bad[] = {
    {{"--nosuch", "1"},                        "unknown option"          },
    {{"stray"},                                "unexpected argument"     },
    {{"--rate"},                               "needs a value"           },
    {{"--rate", "fast"},                       "not a value"             },
    {{"--rate", "-1"},                         "not within"              },
    {{"--threads", "0"},                       "not within"              },
    {{"--threads", "1.5"},                     "not a value"             },
    {{"--sample-rate", "0"},                   "not within"              },
    {{"--quiet=1"},                            "takes no value"          },
    {{"--shape", "ramp"},                      "needs --rate-to"         },
    {{"--rate", "max", "--find-max"},          "--shape constant only"   },
    {{"--gso", "8", "--payload", "0"},         "give --payload"          },
    {{"--gso", "64", "--payload", "1432"},     "more than one message"   },
    {{"--find-max", "--rate=5", "--rate-to=2"}, "below --rate"           },
};

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

static const struct {
    const char *text;
    int rc;
    const char *name;
    uint16_t port;
} targets[] = {
    {"127.0.0.1:8125",          0,       "udp",      8125},
    {"udp://127.0.0.1:1",       0,       "udp",      1   },
    {"udp://[::1]:65535",       0,       "udp",      65535},
    {"unixgram:///run/x.sock",  0,       "unixgram", 0   },
    {"udp://127.0.0.1",         -EINVAL, NULL,       0   },
    {"udp://127.0.0.1:0",       -EINVAL, NULL,       0   },
    {"udp://127.0.0.1:65536",   -EINVAL, NULL,       0   },
    {"udp://:8125",             -EINVAL, NULL,       0   },
    {"unixgram://",             -EINVAL, NULL,       0   },
    {"carrier://pigeon",        -EINVAL, NULL,       0   },
};

static void an_address_names_a_transport(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(targets); i++) {
        struct transport_target t;
        assert_int_equal(transport_parse(targets[i].text, &t), targets[i].rc);
        if (targets[i].rc < 0)
            continue;
        assert_string_equal(t.transport->name, targets[i].name);
        assert_int_equal(t.port, targets[i].port);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_option_has_a_usual_value),
        cmocka_unit_test(quantities_have_units),
        cmocka_unit_test(a_wrong_command_line_says_what_is_wrong),
        cmocka_unit_test(an_address_names_a_transport),
    };
    return cmocka_run_group_tests_name("opts", tests, NULL, NULL);
}
