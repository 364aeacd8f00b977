#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <zstd.h>

#include "base/zstd.h"
#include "base/mem.h"

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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_packed_unpacks_to_the_same),
        cmocka_unit_test(it_appends_behind_what_is_there),
        cmocka_unit_test(nothing_packs_to_an_empty_frame),
    };
    return cmocka_run_group_tests_name("zstd", tests, NULL, NULL);
}
