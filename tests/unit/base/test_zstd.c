#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <zstd.h>

#include "base/zstd.h"
#include "base/mem.h"

/*
 * malloc and calloc are this file's own and hand on to glibc's; a sanitizer has its own, so there
 * none fails.
 */
static long countdown = -1; /* allocations until one fails; -1: none fails */

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define HAS_SANITIZER 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) ||                         \
    __has_feature(memory_sanitizer)
#define HAS_SANITIZER 1
#endif
#endif

#if !defined(HAS_SANITIZER) && defined(__GLIBC__)
void *__libc_malloc(size_t n);
void *__libc_calloc(size_t n, size_t size);

static bool fails_now(void)
{
    return countdown >= 0 && countdown-- == 0;
}

void *malloc(size_t n)
{
    return fails_now() ? NULL : __libc_malloc(n);
}

void *calloc(size_t n, size_t size)
{
    return fails_now() ? NULL : __libc_calloc(n, size);
}
#endif

/* What a client makes of it; the whole of packed must be one frame. */
static void expect_unpacked(const char *packed, size_t n, const char *want, size_t len)
{
    char *have = mem_alloc(len + 1);
    char *in = mem_alloc(n);
    memcpy(in, packed, n);
    assert_int_equal(ZSTD_findFrameCompressedSize(in, n), n);
    ZSTD_DCtx *z = ZSTD_createDCtx();
    ZSTD_inBuffer from = { in, n, 0 };
    ZSTD_outBuffer to = { have, len + 1, 0 };
    assert_int_equal(ZSTD_decompressStream(z, &to, &from), 0);
    assert_int_equal(from.pos, n);
    assert_int_equal(to.pos, len);
    if (len > 0)
        assert_memory_equal(have, want, len);
    ZSTD_freeDCtx(z);
    free(in);
    free(have);
}

static void pack(const char *ptr, size_t len, size_t step, struct buf *out)
{
    struct zstd *z = zstd_new();
    assert_non_null(z);
    for (size_t n; len > 0; ptr += n, len -= n) {
        n = len < step ? len : step;
        char *exact = mem_alloc(n);
        memcpy(exact, ptr, n);
        zstd_add(z, exact, n, out);
        free(exact);
    }
    zstd_finish(z, out);
    zstd_free(z);
}

static void what_is_packed_unpacks_to_the_same(void **unused)
{
    (void)unused;
    static const size_t sizes[] = { 0, 1, 2, 100, 4095, 65536, 1000003, 20u << 20 };
    for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
        for (int noise = 0; noise < 2; noise++) {
            char *text = mem_alloc(sizes[i]);
            uint64_t random = 11;
            for (size_t b = 0; b < sizes[i]; b++) {
                random = random * 6364136223846793005ull + 1442695040888963407ull;
                text[b] = noise ? (char)(random >> 56) : "app_requests{code=\"200\"} 1\n"[b % 27];
            }
            for (size_t step = 100; step <= sizes[i] * 10; step *= 1000) {
                struct buf out = { 0 };
                pack(text, sizes[i], step, &out);
                expect_unpacked(out.ptr, out.len, text, sizes[i]);
                if (!noise && sizes[i] > 4000)
                    assert_true(out.len * 10 < sizes[i]);
                buf_release(&out);
            }
            free(text);
        }
    }
}

static void it_appends_behind_what_is_there(void **unused)
{
    (void)unused;
    struct buf out = { 0 };
    buf_append_str(&out, "head");
    pack("hello", 5, 5, &out);
    assert_memory_equal(out.ptr, "head\x28\xb5\x2f\xfd", 8);
    expect_unpacked(out.ptr + 4, out.len - 4, "hello", 5);
    buf_release(&out);
}

static void nothing_packs_to_an_empty_frame(void **unused)
{
    (void)unused;
    struct buf out = { 0 };
    pack("", 0, 1, &out);
    expect_unpacked(out.ptr, out.len, "", 0);
    buf_release(&out);
}

static void without_memory_there_is_none_and_with_one_no_more_is_taken(void **unused)
{
    (void)unused;
    const char *bytes = "app_requests 1\n";
    struct buf out = { 0 };
    struct zstd *z = NULL;
    buf_reserve(&out, 256 * 1024);
    for (long nth = 0; z == NULL; nth++) {
        countdown = nth;
        z = zstd_new();
        assert_true(z != NULL || countdown == -1);
    }
    countdown = 0; /* the next one fails */
    zstd_add(z, bytes, strlen(bytes), &out);
    zstd_finish(z, &out);
    countdown = -1;
    expect_unpacked(out.ptr, out.len, bytes, strlen(bytes));
    zstd_free(z);
    buf_release(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_packed_unpacks_to_the_same),
        cmocka_unit_test(it_appends_behind_what_is_there),
        cmocka_unit_test(nothing_packs_to_an_empty_frame),
        cmocka_unit_test(without_memory_there_is_none_and_with_one_no_more_is_taken),
    };
    return cmocka_run_group_tests_name("zstd", tests, NULL, NULL);
}
