#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/log.h"
#include "base/mem.h"
#include "support/sanitized.h"

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

static void exhausted(void)
{
    mem_exhausted(4711);
}

/*
 * Runs `what` in a child, whose standard output is `out`: the status with which it ended.  An alarm
 * ends it if nothing else does.
 */
static int status_of(void (*what)(void), int out)
{
    int status = 0;
    pid_t pid = fork();
    if (pid == 0) {
        alarm(20);
        dup2(out, STDOUT_FILENO);
        what();
        _exit(77);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

static void running_out_of_memory_is_one_line_of_the_log_and_the_end(void **state)
{
    int ends[2];
    char line[512] = "";
    (void)state;
    assert_int_equal(pipe(ends), 0);
    log_setup(LOG_ERROR, LOG_JSON);
    assert_int_equal(status_of(exhausted, ends[1]), EXIT_FAILURE);
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
    assert_int_equal(status_of(exhausted, ends[1]), EXIT_FAILURE);
    close(ends[0]);
    close(ends[1]);
}

/* The address space ends soon: every allocation takes what is left of it. */
static void take_all(void)
{
    uint64_t kept = mem_reserve_used();
    mem_reserve_keep();
    mem_reserve_keep(); /* the same one */
    setrlimit(RLIMIT_AS, &(struct rlimit){ 64 << 20, 64 << 20 });
    setrlimit(RLIMIT_DATA, &(struct rlimit){ 16 << 20, 16 << 20 });
    while (mem_reserve_used() == kept)
        *(volatile char *)mem_alloc(64 << 10) = 1;
    /* It is gone, and what it gave is used up after at most 16 of these. */
    for (int i = 0; i < 1000; i++)
        *(volatile char *)mem_alloc(64 << 10) = 1;
}

static void map_beyond(void)
{
    setrlimit(RLIMIT_AS, &(struct rlimit){ 64 << 20, 64 << 20 });
    void *p = mmap(NULL, 256 << 20, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    _exit(p == MAP_FAILED ? 0 : 1);
}

/* Sanitizers need more of the address space; an emulator of another CPU knows no end of it. */
static bool address_space_can_end(void)
{
    return !SANITIZED && status_of(map_beyond, STDOUT_FILENO) == 0;
}

static void a_reserve_is_given_back_once_before_the_end(void **state)
{
    int ends[2];
    char said[1024] = "";
    (void)state;
    if (!address_space_can_end())
        skip();
    assert_int_equal(pipe(ends), 0);
    assert_int_equal(status_of(take_all, ends[1]), EXIT_FAILURE);
    assert_true(read(ends[0], said, sizeof said - 1) > 0);
    const char *first = strstr(said, "the reserve is given back");
    assert_non_null(first);
    assert_null(strstr(first + 1, "the reserve is given back"));
    assert_non_null(strstr(first, "msg=\"out of memory\" wanted_bytes=65536"));
    close(ends[0]);
    close(ends[1]);
}

enum { HUGE_SHIFT = 60 }; /* bytes that no address space has */

static void alloc_huge(void)
{
    free(mem_alloc((size_t)1 << HUGE_SHIFT));
}

static void zalloc_huge(void)
{
    free(mem_zalloc((size_t)1 << HUGE_SHIFT));
}

static void zalloc_apart_huge(void)
{
    free(mem_zalloc_apart((size_t)1 << HUGE_SHIFT));
}

static void realloc_huge(void)
{
    free(mem_realloc(mem_alloc(1), (size_t)1 << HUGE_SHIFT));
}

static void grow_huge(void)
{
    size_t cap = 0;
    free(mem_grow(NULL, &cap, (size_t)1 << HUGE_SHIFT, 64));
}

static void whatever_finds_no_memory_ends_in_the_same_way(void **state)
{
    static void (*const rows[])(void) = { alloc_huge, zalloc_huge, zalloc_apart_huge, realloc_huge,
                                          grow_huge };
    (void)state;
    if (SANITIZED)
        skip(); /* they end by themselves */
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        int ends[2];
        char said[1024] = "";
        assert_int_equal(pipe(ends), 0);
        assert_int_equal(status_of(rows[i], ends[1]), EXIT_FAILURE);
        assert_true(read(ends[0], said, sizeof said - 1) > 0);
        assert_non_null(strstr(said, "msg=\"out of memory\""));
        close(ends[0]);
        close(ends[1]);
    }
}

static void a_reserve_helps_once_until_it_is_kept_again(void **state)
{
    (void)state;
    uint64_t before = mem_reserve_used();
    log_setup(LOG_ERROR, LOG_LOGFMT);
    for (int i = 0; i < 3; i++) {
        assert_false(mem_reserve_helps(1));
        mem_reserve_keep();
        assert_true(mem_reserve_helps(1));
    }
    log_setup(LOG_INFO, LOG_LOGFMT);
    assert_int_equal(mem_reserve_used(), before + 3);
}

/* Two found no memory at the same moment, and the other one was there first. */
static void *late(void *helped)
{
    *(bool *)helped = mem_reserve_helps(1) && !mem_reserve_helps(1);
    return NULL;
}

static void a_reserve_helps_each_thread_that_was_short_of_memory(void **state)
{
    pthread_t other;
    bool helped = false;
    (void)state;
    log_setup(LOG_ERROR, LOG_LOGFMT);
    mem_reserve_keep();
    assert_true(mem_reserve_helps(1));
    assert_int_equal(pthread_create(&other, NULL, late, &helped), 0);
    pthread_join(other, NULL);
    log_setup(LOG_INFO, LOG_LOGFMT);
    assert_true(helped);
    assert_false(mem_reserve_helps(1));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(arrays_grow_by_doubling_from_sixteen),
        cmocka_unit_test(strings_are_copied_up_to_their_end),
        cmocka_unit_test(memory_apart_shares_no_pair_of_cache_lines),
        cmocka_unit_test(running_out_of_memory_is_one_line_of_the_log_and_the_end),
        cmocka_unit_test(running_out_of_memory_does_not_wait_for_who_reads_the_log),
        cmocka_unit_test(a_reserve_is_given_back_once_before_the_end),
        cmocka_unit_test(whatever_finds_no_memory_ends_in_the_same_way),
        cmocka_unit_test(a_reserve_helps_once_until_it_is_kept_again),
        cmocka_unit_test(a_reserve_helps_each_thread_that_was_short_of_memory),
    };
    return cmocka_run_group_tests_name("mem", tests, NULL, NULL);
}
