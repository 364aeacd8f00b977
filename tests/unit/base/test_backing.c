/* Memory made ready by another thread: it is zeroes, it is the owner's, and it goes. */
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <cmocka.h>

#include "base/backing.h"
#include "base/mem.h"
#include "base/slab.h"
#include "base/slice.h"

enum { PAGE = 4096 };

static void expect_zeroes_and_write(char *p, size_t bytes)
{
    for (size_t at = 0; at < bytes; at += 511)
        assert_int_equal(p[at], 0);
    memset(p, 0xa5, bytes);
}

static size_t resident(void *p, size_t bytes)
{
    const size_t pages = bytes / PAGE;
    unsigned char *in = mem_zalloc(pages);
    size_t n = 0;
    assert_int_equal(mincore(p, bytes, in), 0);
    for (size_t i = 0; i < pages; i++)
        n += in[i] & 1;
    free(in);
    return n;
}

static bool is_gone(void *p)
{
    unsigned char in;
    return mincore(p, PAGE, &in) == -1;
}

static void await_ready(const void *p)
{
    while (!backing_is_ready(p))
        sched_yield();
}

static void what_is_asked_for_is_there_when_it_is_ready(void **unused)
{
    (void)unused;
    static const size_t bytes[] = { 256 << 10, 1 << 20, 2 << 20, (2 << 20) + PAGE, 9 << 20 };
    assert_int_equal(backing_start(), 0);
    for (size_t i = 0; i < ARRAY_LEN(bytes); i++) {
        char *p = slab_map(bytes[i]);
        assert_non_null(p);
        backing_ahead(p, bytes[i]);
        await_ready(p);
        assert_int_equal(resident(p, bytes[i]), bytes[i] / PAGE);
        backing_claim(p);
        expect_zeroes_and_write(p, bytes[i]);
        backing_unmap(p, bytes[i]);
    }
    backing_stop();
}

static void little_is_left_to_its_owner(void **unused)
{
    (void)unused;
    assert_int_equal(backing_start(), 0);
    char *p = slab_map(64 << 10);
    backing_ahead(p, 64 << 10);
    assert_true(backing_is_ready(p));
    assert_int_equal(resident(p, 64 << 10), 0);
    backing_unmap(p, 64 << 10);
    backing_stop();
}

static void without_its_thread_mappings_are_as_ever(void **unused)
{
    (void)unused;
    const size_t bytes = 1 << 20;
    char *p = slab_map(bytes);
    backing_ahead(p, bytes);
    assert_true(backing_is_ready(p));
    backing_claim(p);
    expect_zeroes_and_write(p, bytes);
    backing_unmap(p, bytes);
    assert_true(is_gone(p));
    backing_unmap(NULL, bytes);
    backing_stop();
}

/* More than it remembers, claimed and given back before their turn comes. */
static void an_owner_may_come_first(void **unused)
{
    (void)unused;
    enum { MANY = 200 };
    const size_t bytes = 4 << 20;
    char *at[MANY];
    assert_int_equal(backing_start(), 0);
    for (int i = 0; i < MANY; i++) {
        at[i] = slab_map(bytes);
        assert_non_null(at[i]);
        backing_ahead(at[i], bytes);
        if (i % 3 == 0) {
            backing_claim(at[i]);
            assert_true(backing_is_ready(at[i]));
            at[i][0] = at[i][bytes - 1] = 1;
        }
        if (i % 2 == 0)
            backing_unmap(at[i], bytes);
    }
    for (int i = 1; i < MANY; i += 2) {
        if (i % 3 == 0)
            assert_int_equal(at[i][0] + at[i][bytes - 1], 2);
        backing_unmap(at[i], bytes);
    }
    backing_stop();
}

/* It waits below another one.  Its turn may come before that one is asked for, so: some time. */
static void what_was_never_touched_is_given_back_at_once(void **unused)
{
    (void)unused;
    enum { TRIES = 30 };
    const size_t bytes = 2 << 20, many = 16 << 20;
    bool at_once = false;
    assert_int_equal(backing_start(), 0);
    for (int i = 0; i < TRIES && !at_once; i++) {
        char *first = slab_map(many), *p = slab_map(bytes), *last = slab_map(many);
        backing_ahead(first, many);
        backing_ahead(p, bytes);
        backing_ahead(last, many);
        backing_unmap(p, bytes);
        at_once = is_gone(p) && !backing_is_ready(last);
        backing_unmap(first, many);
        backing_unmap(last, many);
    }
    backing_stop();
    assert_true(at_once);
}

static void what_was_asked_for_is_done_before_it_stops(void **unused)
{
    (void)unused;
    const size_t bytes = 6 << 20;
    assert_int_equal(backing_start(), 0);
    char *kept = slab_map(bytes), *gone = slab_map(bytes);
    backing_ahead(kept, bytes);
    backing_unmap(gone, bytes);
    backing_stop();
    assert_int_equal(resident(kept, bytes), bytes / PAGE);
    assert_true(is_gone(gone));
    backing_unmap(kept, bytes);
    assert_int_equal(backing_start(), 0); /* and may be started again */
    backing_stop();
}

static void *own_some(void *seed)
{
    uint64_t random = (uintptr_t)seed;
    for (int i = 0; i < 150; i++) {
        random = random * 6364136223846793005ull + 1442695040888963407ull;
        const size_t bytes = (size_t)(1 + (random >> 60)) << 18;
        char *p = slab_map(bytes);
        assert_non_null(p);
        backing_ahead(p, bytes);
        if (random >> 40 & 1)
            await_ready(p);
        if (random >> 41 & 1) {
            backing_claim(p);
            expect_zeroes_and_write(p, bytes);
        }
        backing_unmap(p, bytes);
    }
    return NULL;
}

static void several_owners_do_not_meet(void **unused)
{
    (void)unused;
    pthread_t threads[3];
    assert_int_equal(backing_start(), 0);
    for (uintptr_t i = 0; i < ARRAY_LEN(threads); i++)
        assert_int_equal(pthread_create(&threads[i], NULL, own_some, (void *)(i + 1)), 0);
    for (size_t i = 0; i < ARRAY_LEN(threads); i++)
        pthread_join(threads[i], NULL);
    backing_stop();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_asked_for_is_there_when_it_is_ready),
        cmocka_unit_test(little_is_left_to_its_owner),
        cmocka_unit_test(without_its_thread_mappings_are_as_ever),
        cmocka_unit_test(an_owner_may_come_first),
        cmocka_unit_test(what_was_never_touched_is_given_back_at_once),
        cmocka_unit_test(what_was_asked_for_is_done_before_it_stops),
        cmocka_unit_test(several_owners_do_not_meet),
    };
    return cmocka_run_group_tests_name("backing", tests, NULL, NULL);
}
