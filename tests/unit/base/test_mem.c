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
        cmocka_unit_test(running_out_of_memory_is_one_line_of_the_log_and_the_end),
        cmocka_unit_test(running_out_of_memory_does_not_wait_for_who_reads_the_log),
    };
    return cmocka_run_group_tests_name("mem", tests, NULL, NULL);
}
