#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/log.h"
#include "base/mem.h"

static void arrays_grow_by_doubling_from_sixteen(void **state)
{
    uint64_t *p = NULL;
    size_t cap = 0;
    (void)state;
    for (size_t i = 0; i < 1000; i++) {
        p = mem_grow(p, &cap, i + 1, sizeof *p);
        p[i] = i;
    }
    assert_int_equal(cap, 1024);
    assert_int_equal(p[999], 999);
    assert_ptr_equal(mem_grow(p, &cap, 10, sizeof *p), p);
    free(p);
}

static void strings_are_copied_up_to_their_end(void **state)
{
    (void)state;
    char *a = mem_strdup("abc"), *b = mem_strndup("abcdef", 2), *c = mem_strndup("ab", 9);
    assert_string_equal(a, "abc");
    assert_string_equal(b, "ab");
    assert_string_equal(c, "ab");
    free(a);
    free(b);
    free(c);
    unsigned char *z = mem_zalloc(64);
    for (int i = 0; i < 64; i++)
        assert_int_equal(z[i], 0);
    free(z);
    void *empty = mem_alloc(0);
    assert_non_null(empty);
    free(empty);
}

static void memory_apart_shares_no_pair_of_cache_lines(void **state)
{
    static const size_t sizes[] = { 1, 8, 63, 64, 65, 127, 128, 129, 4096, 100000, 300000 };
    enum { EACH = 8, ALL = EACH * (int)(sizeof sizes / sizeof sizes[0]) };
    struct {
        uintptr_t from, to; /* pairs of lines */
        void *ptr, *beside;
    } at[ALL];
    (void)state;
    for (int i = 0; i < ALL; i++) {
        size_t n = sizes[i / EACH];
        unsigned char *p = i % 2 == 0 ? mem_zalloc_apart(n) : mem_try_apart(n);
        assert_non_null(p);
        assert_int_equal((uintptr_t)p % MEM_APART, 0);
        assert_true(i % 2 == 1 || (p[0] == 0 && p[n / 2] == 0 && p[n - 1] == 0));
        memset(p, 0xff, n);
        at[i].ptr = p;
        at[i].from = (uintptr_t)p / MEM_APART;
        at[i].to = ((uintptr_t)p + n - 1) / MEM_APART;
        at[i].beside = mem_alloc(24); /* one that could lie in its last line */
        uintptr_t beside = (uintptr_t)at[i].beside / MEM_APART;
        assert_true(beside < at[i].from || beside > at[i].to);
    }
    for (int i = 0; i < ALL; i++)
        for (int k = 0; k < i; k++)
            assert_true(at[i].from > at[k].to || at[i].to < at[k].from);
    for (int i = 0; i < ALL; i++) {
        free(at[i].ptr);
        free(at[i].beside);
    }
    assert_null(mem_try_apart(SIZE_MAX - MEM_APART / 2));
}

/*
 * In a child, whose standard output is `out`: the signal that ended it.  An alarm ends it if
 * nothing else does.
 */
static int signal_of_exhaustion(int out)
{
    int status = 0;
    pid_t pid = fork();
    if (pid == 0) {
        setrlimit(RLIMIT_CORE, &(struct rlimit){ 0, 0 });
        alarm(5);
        dup2(out, STDOUT_FILENO);
        mem_exhausted(4711);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return WIFSIGNALED(status) ? WTERMSIG(status) : 0;
}

static void running_out_of_memory_is_one_line_of_the_log_and_the_end(void **state)
{
    int ends[2];
    char line[512] = "";
    (void)state;
    assert_int_equal(pipe(ends), 0);
    log_setup(LOG_ERROR, LOG_JSON);
    assert_int_equal(signal_of_exhaustion(ends[1]), SIGABRT);
    log_setup(LOG_INFO, LOG_LOGFMT);
    ssize_t n = read(ends[0], line, sizeof line - 1);
    assert_true(n > 0 && line[0] == '{' && line[n - 1] == '\n');
    assert_non_null(strstr(line, "\"level\":\"error\""));
    assert_non_null(strstr(line, "\"msg\":\"out of memory\",\"wanted_bytes\":4711}"));
    close(ends[0]);
    close(ends[1]);
}

static void running_out_of_memory_does_not_wait_for_who_reads_the_log(void **state)
{
    int ends[2];
    static const char bytes[4096];
    (void)state;
    assert_int_equal(pipe2(ends, O_NONBLOCK), 0);
    while (write(ends[1], bytes, sizeof bytes) > 0)
        ;
    assert_int_equal(fcntl(ends[1], F_SETFL, 0), 0);
    assert_int_equal(signal_of_exhaustion(ends[1]), SIGABRT);
    close(ends[0]);
    close(ends[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(arrays_grow_by_doubling_from_sixteen),
        cmocka_unit_test(strings_are_copied_up_to_their_end),
        cmocka_unit_test(memory_apart_shares_no_pair_of_cache_lines),
        cmocka_unit_test(running_out_of_memory_is_one_line_of_the_log_and_the_end),
        cmocka_unit_test(running_out_of_memory_does_not_wait_for_who_reads_the_log),
    };
    return cmocka_run_group_tests_name("mem", tests, NULL, NULL);
}
