/* Records written come back; what is damaged in any way does not. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/pack.h"
#include "base/records.h"
#include "support/state_memory.h"

enum { VERSION = STATE_MEMORY_VERSION };

static int write_some(struct state_memory *m, unsigned n, size_t bytes)
{
    const struct records_sink sink = state_memory_sink(m);
    struct records_writer w;
    records_begin(&w, &sink, VERSION);
    for (unsigned i = 0; i < n; i++) {
        struct buf *out = records_add(&w, (uint8_t)(1 + i % 5));
        pack_u32(out, i);
        memset(buf_reserve(out, bytes), 'a' + (int)(i % 26), bytes);
        out->len += bytes;
        records_done(&w);
    }
    return records_end(&w);
}

/* returns  how many came, or a negative error; *ret_why as the reader has it */
static long read_all(struct state_memory *m, const char **ret_why)
{
    const struct records_source source = state_memory_source(m);
    struct records_reader r;
    uint8_t type;
    struct slice body;
    uint32_t n = 0;
    m->at = 0;
    int rc = records_open(&r, &source, VERSION);
    while (rc == 0 && (rc = records_next(&r, &type, &body)) > 0) {
        struct unpack in = unpack_of(body);
        uint32_t i = unpack_u32(&in);
        assert_int_equal(i, n);
        assert_int_equal(type, 1 + n % 5);
        n++;
        rc = 0;
    }
    *ret_why = r.why;
    records_close(&r);
    return rc < 0 ? rc : (long)n;
}

static void records_come_back_in_order(void **state)
{
    static const struct {
        unsigned n;
        size_t bytes, piece;
    } rows[] = { { 0, 0, 0 },      { 1, 0, 0 },      { 5, 7, 1 },
                 { 3, 100000, 0 }, { 20000, 20, 0 }, { 20000, 20, 777 } };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct state_memory m = { .piece = rows[i].piece };
        const char *why;
        assert_int_equal(write_some(&m, rows[i].n, rows[i].bytes), 0);
        assert_int_equal(read_all(&m, &why), rows[i].n);
        state_memory_release(&m);
    }
}

static void numbers_and_texts_come_back(void **state)
{
    struct buf out = { 0 };
    (void)state;
    pack_u8(&out, 200);
    pack_u16(&out, 60000);
    pack_u32(&out, 4000000000u);
    pack_u64(&out, UINT64_MAX - 1);
    pack_double(&out, -0.1);
    pack_text(&out, SLICE_LIT("name"));
    assert_memory_equal(out.ptr, "\xc8\x60\xea\x00\x28\x6b\xee", 7); /* little-endian */
    struct unpack in = unpack_of(buf_slice(&out));
    assert_int_equal(unpack_u8(&in), 200);
    assert_int_equal(unpack_u16(&in), 60000);
    assert_int_equal(unpack_u32(&in), 4000000000u);
    assert_true(unpack_u64(&in) == UINT64_MAX - 1);
    assert_true(unpack_double(&in) == -0.1);
    assert_true(slice_eq(unpack_text(&in), SLICE_LIT("name")));
    assert_true(unpack_done(&in));
    assert_int_equal(unpack_u8(&in), 0);
    assert_true(in.bad);
    buf_release(&out);
}

static void a_text_longer_than_what_is_left_is_bad(void **state)
{
    struct unpack in = unpack_of(slice_of("\xff\xff\xff\xff"
                                          "abc",
                                          7));
    (void)state;
    assert_int_equal(unpack_text(&in).len, 0);
    assert_true(in.bad);
    assert_false(unpack_done(&in));
}

static void every_bit_that_changes_is_noticed(void **state)
{
    struct state_memory m = { 0 };
    (void)state;
    assert_int_equal(write_some(&m, 9, 11), 0);
    for (size_t bit = 0; bit < 8 * m.bytes.len; bit++) {
        const char *why = NULL;
        m.bytes.ptr[bit / 8] ^= (char)(1 << bit % 8);
        assert_true(read_all(&m, &why) < 0);
        assert_non_null(why);
        m.bytes.ptr[bit / 8] ^= (char)(1 << bit % 8);
    }
    state_memory_release(&m);
}

static void every_place_to_end_is_noticed(void **state)
{
    struct state_memory m = { 0 };
    (void)state;
    assert_int_equal(write_some(&m, 9, 11), 0);
    for (size_t len = m.bytes.len; len-- > 0;) {
        const char *why = NULL;
        m.bytes.len = len;
        assert_int_equal(read_all(&m, &why), -EBADMSG);
        assert_string_equal(why, "it ends too early");
    }
    state_memory_release(&m);
}

static void what_goes_on_behind_the_end_is_noticed(void **state)
{
    struct state_memory m = { 0 };
    const char *why = NULL;
    (void)state;
    assert_int_equal(write_some(&m, 9, 11), 0);
    buf_append_char(&m.bytes, 'x');
    assert_int_equal(read_all(&m, &why), -EBADMSG);
    assert_string_equal(why, "it goes on behind its end");
    state_memory_release(&m);
}

/* Blocks of 100,000 bytes each, as every record fills one. */
static void a_block_that_is_missing_is_noticed(void **state)
{
    struct state_memory m = { 0 };
    const char *why = NULL;
    enum { BLOCK = 16 + 4 + 4 + 100000 };
    (void)state;
    assert_int_equal(write_some(&m, 3, 100000), 0);
    size_t at = RECORDS_HEAD + BLOCK;
    memmove(m.bytes.ptr + at, m.bytes.ptr + at + BLOCK, m.bytes.len - at - BLOCK);
    m.bytes.len -= BLOCK;
    assert_int_equal(read_all(&m, &why), -EBADMSG);
    assert_string_equal(why, "parts of it are missing");
    state_memory_release(&m);
}

static void another_version_is_told_from_damage(void **state)
{
    struct state_memory m = { 0 };
    const char *why = NULL;
    (void)state;
    assert_int_equal(write_some(&m, 1, 1), 0);
    m.bytes.ptr[8]++;
    assert_int_equal(read_all(&m, &why), -EPROTONOSUPPORT);
    assert_string_equal(why, "it is of another version");
    state_memory_release(&m);
}

static void a_full_disk_is_an_error_wherever_it_comes(void **state)
{
    struct state_memory whole = { 0 };
    (void)state;
    assert_int_equal(write_some(&whole, 9, 30000), 0);
    for (size_t full = 1; full < whole.bytes.len; full += 997) {
        struct state_memory m = { .full_at = full };
        assert_int_equal(write_some(&m, 9, 30000), -ENOSPC);
        state_memory_release(&m);
    }
    state_memory_release(&whole);
}

static void a_record_that_is_too_long_is_left_out_alone(void **state)
{
    struct state_memory m = { 0 };
    struct records_writer w;
    const struct records_sink sink = state_memory_sink(&m);
    const char *why;
    (void)state;
    records_begin(&w, &sink, VERSION);
    pack_u32(records_add(&w, 1), 0);
    assert_true(records_done(&w));
    struct buf *out = records_add(&w, 2);
    memset(buf_reserve(out, RECORDS_BODY_MAX + 1), 'x', RECORDS_BODY_MAX + 1);
    out->len += RECORDS_BODY_MAX + 1;
    assert_false(records_done(&w));
    pack_u32(records_add(&w, 2), 1);
    assert_true(records_done(&w));
    assert_int_equal(records_end(&w), 0);
    assert_int_equal(read_all(&m, &why), 2);
    state_memory_release(&m);
    assert_int_equal(write_some(&m, 2, RECORDS_BODY_MAX - 4), 0);
    assert_int_equal(read_all(&m, &why), 2);
    state_memory_release(&m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(records_come_back_in_order),
        cmocka_unit_test(numbers_and_texts_come_back),
        cmocka_unit_test(a_text_longer_than_what_is_left_is_bad),
        cmocka_unit_test(every_bit_that_changes_is_noticed),
        cmocka_unit_test(every_place_to_end_is_noticed),
        cmocka_unit_test(what_goes_on_behind_the_end_is_noticed),
        cmocka_unit_test(a_block_that_is_missing_is_noticed),
        cmocka_unit_test(another_version_is_told_from_damage),
        cmocka_unit_test(a_full_disk_is_an_error_wherever_it_comes),
        cmocka_unit_test(a_record_that_is_too_long_is_left_out_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
