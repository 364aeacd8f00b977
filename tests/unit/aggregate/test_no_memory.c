/*
 * Every allocation of the ingest path fails once.  What then happens to a sample is one of:
 * aggregated, or refused and counted.
 *
 * malloc and its kin are this file's own and hand on to glibc's; a sanitizer has its own, so there
 * the test is left out.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cmocka.h>

#include "support/pipeline.h"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define HAS_SANITIZER 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) ||                         \
    __has_feature(memory_sanitizer)
#define HAS_SANITIZER 1
#endif
#endif

static long countdown = -1; /* allocations until one fails; -1: none fails */
static bool failed;

#if !defined(HAS_SANITIZER) && defined(__GLIBC__)
#define INTERPOSED true

void *__libc_malloc(size_t n);
void *__libc_calloc(size_t n, size_t size);
void *__libc_realloc(void *p, size_t n);
void *__libc_memalign(size_t align, size_t n);

static bool fails_now(void)
{
    if (countdown < 0 || countdown-- > 0)
        return false;
    failed = true;
    errno = ENOMEM;
    return true;
}

void *malloc(size_t n)
{
    return fails_now() ? NULL : __libc_malloc(n);
}

void *calloc(size_t n, size_t size)
{
    return fails_now() ? NULL : __libc_calloc(n, size);
}

void *realloc(void *p, size_t n)
{
    return fails_now() ? NULL : __libc_realloc(p, n);
}

void *aligned_alloc(size_t align, size_t n)
{
    return fails_now() ? NULL : __libc_memalign(align, n);
}

void *mmap(void *at, size_t n, int prot, int flags, int fd, off_t offset)
{
    if (fails_now())
        return MAP_FAILED;
    return (void *)syscall(SYS_mmap, at, n, prot, flags, fd, offset);
}
#else
#define INTERPOSED false
#endif

static void feed_armed(struct pipeline *p, const char *lines, long nth)
{
    /* Not pipeline_feed: its own copy must not be what fails. */
    const struct lane_datagram d = { .ptr = lines, .len = strlen(lines) };
    lane_begin(p->lanes[0], &p->sources[0], (struct lane_clock){ .now_ns = p->now_ns += 1000 });
    countdown = nth;
    lane_datagram(p->lanes[0], &d);
    lane_flush(p->lanes[0]);
    countdown = -1;
}

static bool turn_armed(struct pipeline *p, long nth)
{
    countdown = nth;
    bool turned = ingest_turn(p->in[0], p->now_ns);
    countdown = -1;
    struct page *page = ingest_take(p->in[0]);
    if (page != NULL) {
        registry_merge(p->registry, page, p->now_ns);
        p->seen[0] = *page_stats(page);
        ingest_give(p->in[0], page);
    }
    return turned;
}

static char *many_series(unsigned n)
{
    struct buf out = { 0 };
    for (unsigned i = 0; i < n; i++)
        buf_printf(&out, "c:1|c|#i:%u\n", i);
    buf_append_char(&out, '\0');
    return out.ptr;
}

static void a_sample_is_aggregated_or_refused_whatever_fails(void **unused)
{
    (void)unused;
    if (!INTERPOSED)
        skip();
    static const double bounds[] = { 1, 2 };
    char *growth = many_series(600); /* past the first size of every table */
    const struct {
        const char *lines;
        unsigned samples;
    } rows[] = {
        { "a:1|c", 1 },
        { "a:1|c\na:2|c\nb:1|g|#x:1\n", 3 },
        { "t:1|ms\nt:1e30|ms\nt:-4|h\nt:0|h\nt:3|ms|@0.3\n", 5 },
        { "s:a|s\ns:b|s\ns:c|s\ns:d|s\ns:e|s\ns:f|s\ns:g|s\ns:h|s\ns:i|s\ns:j|s\n", 10 },
        { growth, 600 },
        { "t:1|ms\nt:1e30|ms\nt:-4|h\nt:0|h\nt:3|ms|@0.3\n", 5 },
    };
    const size_t native = ARRAY_LEN(rows) - 1;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        for (long nth = 0;; nth++) {
            struct pipeline p;
            pipeline_init(&p, &(struct pipeline_opts){ .histograms = i % 2,
                                                       .native_factor = i == native ? 1.1 : 0,
                                                       .buckets = bounds,
                                                       .n_buckets = 2 });
            failed = false;
            feed_armed(&p, rows[i].lines, nth);
            bool any = failed;
            turn_armed(&p, -1);
            const uint64_t *v = p.seen[0].v;
            assert_int_equal(v[INGEST_SAMPLES_READ], rows[i].samples);
            assert_int_equal(v[INGEST_SAMPLES_AGGREGATED] + v[INGEST_SAMPLES_REFUSED],
                             rows[i].samples);
            if (!any)
                assert_int_equal(v[INGEST_SAMPLES_REFUSED], 0);
            /* All is well once there is memory again. */
            feed_armed(&p, rows[i].lines, -1);
            turn_armed(&p, -1);
            assert_true(v[INGEST_SAMPLES_AGGREGATED] >= rows[i].samples);
            assert_int_equal(v[INGEST_SAMPLES_AGGREGATED] + v[INGEST_SAMPLES_REFUSED],
                             2 * rows[i].samples);
            assert_int_equal(p.limit.n, pipeline_series(&p));
            if (rows[i].lines == growth)
                assert_int_equal(pipeline_series(&p), 600);
            pipeline_close(&p);
            pipeline_lines(&p);
            pipeline_release(&p);
            if (!any)
                break; /* past the last allocation: every one has failed once */
        }
    }
    free(growth);
}

/* In the second page the cells are there, and only the list of those touched has to grow. */
static void a_sample_of_a_known_series_is_aggregated_or_refused_whatever_fails(void **unused)
{
    (void)unused;
    if (!INTERPOSED)
        skip();
    char *growth = many_series(600);
    const struct {
        const char *lines;
        unsigned samples, tag_errors;
    } rows[] = {
        { "a:1|c", 1, 0 },
        { "a:1|c|#x:,y:1\n", 1, 1 },
        { "g:1|g|#a:1,b:2,c:\ng:2|g|#b:2,a:1\ng:3|g|#b:2,a:1,d:\n", 3, 2 },
        { growth, 600, 0 },
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        for (long nth = 0;; nth++) {
            struct pipeline p;
            pipeline_init(&p, &(struct pipeline_opts){ 0 });
            feed_armed(&p, rows[i].lines, -1);
            turn_armed(&p, -1);
            failed = false;
            feed_armed(&p, rows[i].lines, nth);
            bool any = failed;
            turn_armed(&p, -1);
            const uint64_t *v = p.seen[0].v;
            assert_int_equal(v[INGEST_SAMPLES_READ], 2 * rows[i].samples);
            assert_int_equal(v[INGEST_SAMPLES_AGGREGATED] + v[INGEST_SAMPLES_REFUSED],
                             2 * rows[i].samples);
            assert_in_range(v[INGEST_TAG_ERRORS], rows[i].tag_errors, 2 * rows[i].tag_errors);
            if (!any)
                assert_int_equal(v[INGEST_SAMPLES_REFUSED], 0);
            pipeline_release(&p);
            if (!any)
                break;
        }
    }
    free(growth);
}

static void expiry_without_memory_happens_later(void **unused)
{
    (void)unused;
    if (!INTERPOSED)
        skip();
    char *growth = many_series(600);
    for (long nth = 0;; nth++) {
        struct pipeline p;
        pipeline_init(&p, &(struct pipeline_opts){ .ttl_s = 4 });
        feed_armed(&p, growth, -1);
        assert_true(turn_armed(&p, -1));
        pipeline_close(&p);
        pipeline_forward(&p, 100);
        failed = false;
        turn_armed(&p, nth);
        bool any = failed;
        for (int i = 0; i < 4; i++) {
            pipeline_forward(&p, 1);
            assert_true(turn_armed(&p, -1));
            registry_expire(p.registry, p.now_ns);
        }
        assert_int_equal(pipeline_series(&p), 0);
        assert_int_equal(p.limit.n, 0);
        pipeline_release(&p);
        if (!any)
            break;
    }
    free(growth);
}

static void make_worker(const struct limit_opts *limits)
{
    struct series_limit limit;
    struct profiles *profiles =
        profiles_new(&(struct profile){ .histogram = true, .sketch_schema = 5, .scale = 1 });
    assert_int_equal(series_limit_init(&limit, 10), 0);
    assert_int_equal(series_limit_shares(&limit, limits), 0);
    for (long nth = 0;; nth++) {
        struct ingest *in = NULL;
        failed = false;
        countdown = nth;
        int rc = ingest_new(&(struct ingest_opts){ .tags = TAGS_OPTS_DEFAULT,
                                                   .profiles = profiles,
                                                   .limit = &limit },
                            &in);
        countdown = -1;
        assert_int_equal(rc, failed ? -ENOMEM : 0);
        assert_int_equal(in == NULL, failed);
        ingest_free(in);
        if (!failed)
            break;
    }
    profiles_free(profiles);
    series_limit_release(&limit);
}

static void a_worker_that_cannot_be_made_says_so(void **unused)
{
    (void)unused;
    if (!INTERPOSED)
        skip();
    make_worker(&(struct limit_opts){ 0 });
    make_worker(&(struct limit_opts){ .shares = { .per_name = 1 }, .samples_per_name = 1 });
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_sample_is_aggregated_or_refused_whatever_fails),
        cmocka_unit_test(a_sample_of_a_known_series_is_aggregated_or_refused_whatever_fails),
        cmocka_unit_test(expiry_without_memory_happens_later),
        cmocka_unit_test(a_worker_that_cannot_be_made_says_so),
    };
    return cmocka_run_group_tests_name("no memory", tests, NULL, NULL);
}
