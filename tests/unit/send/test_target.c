#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <sys/un.h>

#include "base/slice.h"
#include "send/target.h"

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
    {"unixgram://@",            -EINVAL, NULL,       0   },
    {"unixgram://@name",        0,       "unixgram", 0   },
    {"carrier://pigeon",        -EINVAL, NULL,       0   },
};

static void an_address_names_a_transport(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(targets); i++) {
        struct target t;
        assert_int_equal(target_parse(targets[i].text, &t), targets[i].rc);
        if (targets[i].rc < 0)
            continue;
        assert_string_equal(t.kind->name, targets[i].name);
        assert_int_equal(t.port, targets[i].port);
    }
}

static void an_abstract_socket_has_no_file(void **state)
{
    (void)state;
    struct target t;
    struct sockaddr_un a;
    assert_int_equal(target_parse("unixgram://@name", &t), 0);
    memcpy(&a, &t.addr, sizeof a);
    assert_int_equal(t.addr_len, offsetof(struct sockaddr_un, sun_path) + 5);
    assert_memory_equal(a.sun_path, "\0name", 5);
}

/* 192.0.2.0/24 is for examples only: nobody has such an address. */
static void only_ports_of_this_machine_are_looked_up_in_proc(void **state)
{
    (void)state;
    struct target t;
    assert_int_equal(target_parse("udp://127.0.0.1:8125", &t), 0);
    assert_true(t.here);
    assert_int_equal(target_parse("udp://192.0.2.1:8125", &t), 0);
    assert_false(t.here);
    assert_int_equal(target_parse("unixgram:///x", &t), 0);
    assert_true(t.here);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_address_names_a_transport),
        cmocka_unit_test(an_abstract_socket_has_no_file),
        cmocka_unit_test(only_ports_of_this_machine_are_looked_up_in_proc),
    };
    return cmocka_run_group_tests_name("target", tests, NULL, NULL);
}
