/**
 * cmocka: as much of it as the tests of base/ and protocol/ use, for a machine that has no cmocka
 * (tests/support/arm64.sh).  The first assert that fails ends the program.
 */
#ifndef SUPPORT_ARM64_CMOCKA_H
#define SUPPORT_ARM64_CMOCKA_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct CMUnitTest {
    const char *name;
    void (*run)(void **state);
    int (*setup)(void **state), (*teardown)(void **state);
};

static int cmocka_skipped;

#define cmocka_unit_test(f)                                                                        \
    {                                                                                              \
#f, f, NULL, NULL                                                                          \
    }
#define cmocka_unit_test_setup_teardown(f, up, down)                                               \
    {                                                                                              \
#f, f, up, down                                                                            \
    }

#define fail_msg(...)                                                                              \
    (fprintf(stderr, "%s:%d: ", __FILE__, __LINE__), fprintf(stderr, __VA_ARGS__),                 \
     fprintf(stderr, "\n"), exit(1))
#define cmocka_must(ok, what) ((ok) ? (void)0 : (void)fail_msg("%s", what))

#define assert_true(x)                   cmocka_must(x, #x)
#define assert_false(x)                  cmocka_must(!(x), #x)
#define assert_null(p)                   cmocka_must((p) == NULL, #p)
#define assert_non_null(p)               cmocka_must((p) != NULL, #p)
#define assert_ptr_equal(a, b)           cmocka_must((const void *)(a) == (const void *)(b), #a)
#define assert_int_equal(a, b)           cmocka_must((long long)(a) == (long long)(b), #a)
#define assert_string_equal(a, b)        cmocka_must(strcmp(a, b) == 0, #a)
#define assert_string_not_equal(a, b)    cmocka_must(strcmp(a, b) != 0, #a)
#define assert_memory_equal(a, b, n)     cmocka_must(memcmp(a, b, n) == 0, #a)
#define assert_memory_not_equal(a, b, n) cmocka_must(memcmp(a, b, n) != 0, #a)
#define assert_in_range(x, least, most)                                                            \
    cmocka_must((long long)(x) >= (long long)(least) && (long long)(x) <= (long long)(most), #x)
#define skip()                                                                                     \
    do {                                                                                           \
        cmocka_skipped++;                                                                          \
        return;                                                                                    \
    } while (0)

static inline int cmocka_run(const char *name, const struct CMUnitTest *tests, size_t n,
                             int (*setup)(void **state), int (*teardown)(void **state))
{
    void *group = NULL;
    if (setup != NULL && setup(&group) != 0)
        fail_msg("setup");
    for (size_t i = 0; i < n; i++) {
        void *state = group;
        printf("%s: %s\n", name, tests[i].name);
        fflush(stdout);
        if (tests[i].setup != NULL && tests[i].setup(&state) != 0)
            fail_msg("setup");
        tests[i].run(&state);
        if (tests[i].teardown != NULL && tests[i].teardown(&state) != 0)
            fail_msg("teardown");
    }
    if (teardown != NULL && teardown(&group) != 0)
        fail_msg("teardown");
    printf("[  PASSED  ] %zu tests, %d skipped.\n", n - (size_t)cmocka_skipped, cmocka_skipped);
    return 0;
}

#define cmocka_run_group_tests_name(name, tests, setup, teardown)                                  \
    cmocka_run(name, tests, sizeof(tests) / sizeof(tests)[0], setup, teardown)
#define cmocka_run_group_tests(tests, setup, teardown)                                             \
    cmocka_run_group_tests_name(#tests, tests, setup, teardown)

#endif
