/* What a request target names, and which queries are too much. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/buf.h"
#include "http/target.h"

static void a_target_names_its_path_in_either_form(void **state)
{
    (void)state;
    static const struct {
        const char *target, *path;
    } rows[] = {
        { "/metrics", "/metrics" },
        { "/", "/" },
        { "http://host/metrics", "/metrics" },
        { "http://host:9102/metrics", "/metrics" },
        { "HTTP://[::1]:9102/-/healthy", "/-/healthy" },
        { "https://user@host/metrics", "/metrics" },
        { "http://host", "/" },
        { "http://", "/" },
        { "http:///metrics", "/metrics" },
        { "/http://host/metrics", "/http://host/metrics" },
        { "ftp://host/metrics", "ftp://host/metrics" },
        { "*", "*" },
        { "", "" },
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        assert_string_equal(http_target_path(rows[i].target), rows[i].path);
}

/* A target with n arguments of len bytes each, the & behind it included. */
static bool is_cut(const char *path, unsigned n, unsigned len)
{
    struct buf b = { 0 };
    buf_append_str(&b, path);
    for (unsigned i = 0; i < n; i++) {
        for (unsigned j = 0; j + 1 < len; j++)
            buf_append_char(&b, 'x');
        if (i + 1 < n)
            buf_append_char(&b, '&');
    }
    buf_append_char(&b, '\0');
    bool cut = http_target_cut_query(b.ptr);
    size_t left = strlen(b.ptr);
    assert_int_equal(left, cut ? strlen(path) : b.len - 1);
    buf_release(&b);
    return cut;
}

static void a_query_is_cut_that_is_longer_or_of_more_arguments_than_may_be(void **state)
{
    (void)state;
    assert_false(is_cut("/metrics?", 0, 0));
    assert_false(is_cut("/metrics?", HTTP_ARGS_MAX, 8));
    assert_true(is_cut("/metrics?", HTTP_ARGS_MAX + 1, 8));
    assert_true(is_cut("/metrics?", HTTP_ARGS_MAX + 1, 1)); /* nothing but & */
    assert_true(is_cut("http://host/metrics?", 500, 4));
    assert_false(is_cut("/metrics?", 1, HTTP_QUERY_BYTES + 1));
    assert_true(is_cut("/metrics?", 1, HTTP_QUERY_BYTES + 2));
    assert_false(is_cut("/metrics/", 500, 4)); /* no query */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_target_names_its_path_in_either_form),
        cmocka_unit_test(a_query_is_cut_that_is_longer_or_of_more_arguments_than_may_be),
    };
    return cmocka_run_group_tests_name("target", tests, NULL, NULL);
}
