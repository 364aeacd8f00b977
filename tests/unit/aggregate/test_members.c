#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "aggregate/members.h"
#include "support/redis_server.h"

/* Standard error of 2^14 registers. */
#define SIGMA (1.04 / 128)

static uint64_t hash_of(const char *prefix, uint32_t i)
{
    char text[48];
    int n = snprintf(text, sizeof text, "%s%u", prefix, i);
    return members_hash(slice_of(text, (size_t)n));
}

static void fill(struct members *m, const char *prefix, uint32_t from, uint32_t to)
{
    for (uint32_t i = from; i < to; i++)
        assert_int_equal(members_add(m, hash_of(prefix, i)), 0);
}

static void up_to_512_members_are_counted_exactly(void **unused)
{
    (void)unused;
    struct members m = { 0 };
    for (uint32_t i = 0; i < MEMBERS_EXACT; i++) {
        assert_int_equal(members_count(&m), i);
        members_add(&m, hash_of("user-", i));
        for (uint32_t again = i > 3 ? i - 3 : 0; again <= i; again++)
            members_add(&m, hash_of("user-", again));
    }
    assert_int_equal(members_count(&m), MEMBERS_EXACT);
    assert_null(m.registers);
    members_release(&m);
}

static void a_513th_member_makes_an_estimate(void **unused)
{
    (void)unused;
    struct members m = { 0 };
    fill(&m, "user-", 0, MEMBERS_EXACT);
    fill(&m, "user-", 0, MEMBERS_EXACT);
    assert_null(m.registers);
    fill(&m, "user-", MEMBERS_EXACT, MEMBERS_EXACT + 1);
    assert_non_null(m.registers);
    assert_null(m.hashes);
    assert_true(fabs((double)members_count(&m) - 513) <= 3 * SIGMA * 513);
    members_release(&m);
}

static void large_sets_are_within_three_sigma(void **unused)
{
    (void)unused;
    static const uint32_t sizes[] = { 1000, 3000, 10000, 30000, 100000, 300000, 1000000 };
    static const char *const prefixes[] = { "user-", "", "session:0000" };
    for (size_t p = 0; p < ARRAY_LEN(prefixes); p++) {
        struct members m = { 0 };
        uint32_t at = 0;
        for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
            fill(&m, prefixes[p], at, sizes[i]);
            at = sizes[i];
            assert_true(fabs((double)members_count(&m) - at) <= 3 * SIGMA * at);
        }
        members_release(&m);
    }
}

static void the_empty_member_and_odd_hashes_count_once(void **unused)
{
    (void)unused;
    static const uint64_t hashes[] = { 0, 1ull << 63, UINT64_MAX, 1ull << 32, 0xffffffff };
    struct members m = { 0 };
    for (int round = 0; round < 2; round++)
        for (size_t i = 0; i < ARRAY_LEN(hashes); i++)
            members_add(&m, hashes[i]);
    members_add(&m, members_hash(slice_of("", 0)));
    members_add(&m, members_hash(slice_of(NULL, 0)));
    assert_int_equal(members_count(&m), ARRAY_LEN(hashes) + 1);
    members_release(&m);
}

static void merging_counts_the_union(void **unused)
{
    (void)unused;
    static const struct {
        uint32_t a_from, a_to, b_from, b_to, want;
        bool exact;
    } rows[] = {
        { 0, 0, 0, 0, 0, true },
        { 0, 10, 0, 0, 10, true },
        { 0, 0, 0, 10, 10, true },
        { 0, 10, 5, 20, 20, true },
        { 0, 300, 200, 512, 512, true },
        { 0, 300, 200, 600, 600, false },
        { 0, 10, 0, 5000, 5000, false },
        { 0, 5000, 0, 10, 5000, false },
        { 0, 5000, 4000, 9000, 9000, false },
        { 0, 0, 0, 5000, 5000, false },
        { 0, 512, 512, 513, 513, false },
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct members a = { 0 }, b = { 0 };
        fill(&a, "m", rows[i].a_from, rows[i].a_to);
        fill(&b, "m", rows[i].b_from, rows[i].b_to);
        assert_int_equal(members_merge(&a, &b), 0);
        double off = fabs((double)members_count(&a) - rows[i].want);
        assert_true(rows[i].exact ? off == 0 : off <= 3 * SIGMA * rows[i].want);
        assert_int_equal(a.registers == NULL, rows[i].exact);
        members_release(&a);
        members_release(&b);
    }
}

static void merged_parts_equal_one_set_of_all(void **unused)
{
    (void)unused;
    static const uint32_t sizes[] = { 100, 512, 513, 2000, 20000 };
    for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
        struct members whole = { 0 }, sum = { 0 };
        fill(&whole, "m", 0, sizes[i]);
        for (uint32_t part = 0; part < 7; part++) {
            struct members m = { 0 };
            for (uint32_t j = part; j < sizes[i]; j += 7)
                members_add(&m, hash_of("m", j));
            members_merge(&sum, &m);
            members_release(&m);
        }
        struct buf a = { 0 }, b = { 0 };
        members_redis(&whole, &a);
        members_redis(&sum, &b);
        assert_true(slice_eq(buf_slice(&a), buf_slice(&b)));
        assert_int_equal(members_count(&whole), members_count(&sum));
        buf_release(&a);
        buf_release(&b);
        members_release(&whole);
        members_release(&sum);
    }
}

static void a_cleared_set_is_empty_and_counts_afresh(void **unused)
{
    (void)unused;
    static const uint32_t sizes[] = { 0, 1, 30, 500, 5000 };
    for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
        struct members m = { 0 };
        fill(&m, "m", 0, sizes[i]);
        members_clear(&m);
        assert_int_equal(members_count(&m), 0);
        assert_true(m.cap <= 64);
        fill(&m, "m", 0, 20);
        assert_int_equal(members_count(&m), 20);
        members_release(&m);
    }
}

/* ---- against a real Redis ---- */

static struct redis_server server;

static int start_redis(void **unused)
{
    (void)unused;
    redis_server_init(&server, &(struct redis_server_opts){ 0 });
    redis_server_start(&server);
    return 0;
}

static int stop_redis(void **unused)
{
    (void)unused;
    redis_server_release(&server);
    return 0;
}

static void set_blob(const char *key, const struct members *m)
{
    struct buf blob = { 0 };
    members_redis(m, &blob);
    freeReplyObject(redis_server_reply(&server, "SET %s %b", key, blob.ptr, blob.len));
    buf_release(&blob);
}

static void pfadd(const char *key, const char *prefix, uint32_t from, uint32_t to)
{
    for (uint32_t i = from; i < to;) {
        char text[500][48];
        const char *argv[502] = { "PFADD", key };
        int argc = 2;
        for (; i < to && argc < 502; i++, argc++) {
            snprintf(text[argc - 2], sizeof text[0], "%s%u", prefix, i);
            argv[argc] = text[argc - 2];
        }
        redisReply *r = redisCommandArgv(server.admin, argc, argv, NULL);
        assert_non_null(r);
        assert_int_equal(r->type, REDIS_REPLY_INTEGER);
        freeReplyObject(r);
    }
}

static const uint32_t redis_sizes[] = { 0,   1,    2,    10,   63,   100,  511,   512,
                                        513, 1000, 1400, 1600, 2000, 3000, 10000, 100000 };

static void redis_counts_our_bytes_as_its_own(void **unused)
{
    (void)unused;
    for (size_t i = 0; i < ARRAY_LEN(redis_sizes); i++) {
        struct members m = { 0 };
        fill(&m, "user-", 0, redis_sizes[i]);
        set_blob("ours", &m);
        freeReplyObject(redis_server_reply(&server, "DEL theirs"));
        pfadd("theirs", "user-", 0, redis_sizes[i]);
        assert_int_equal(redis_server_integer(&server, "PFCOUNT ours"),
                         redis_server_integer(&server, "PFCOUNT theirs"));
        if (m.registers != NULL)
            assert_int_equal(redis_server_integer(&server, "PFCOUNT ours"), members_count(&m));
        /* Not one register more or less: the union with the other adds nothing. */
        freeReplyObject(redis_server_reply(&server, "PFMERGE both ours theirs"));
        assert_int_equal(redis_server_integer(&server, "PFCOUNT both"),
                         redis_server_integer(&server, "PFCOUNT theirs"));
        members_release(&m);
    }
}

static void redis_adds_to_and_merges_our_bytes(void **unused)
{
    (void)unused;
    static const uint32_t sizes[] = { 3, 400, 5000 };
    for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
        struct members m = { 0 };
        fill(&m, "a", 0, sizes[i]);
        set_blob("ours", &m);
        freeReplyObject(redis_server_reply(&server, "DEL all part merged"));
        pfadd("all", "a", 0, sizes[i]);
        pfadd("all", "b", 0, 700);
        pfadd("part", "b", 0, 700);
        freeReplyObject(redis_server_reply(&server, "PFMERGE merged part ours"));
        assert_int_equal(redis_server_integer(&server, "PFCOUNT merged"),
                         redis_server_integer(&server, "PFCOUNT all"));
        pfadd("ours", "b", 0, 700);
        assert_int_equal(redis_server_integer(&server, "PFCOUNT ours"),
                         redis_server_integer(&server, "PFCOUNT all"));
        members_release(&m);
    }
}

static void few_members_are_sparse_and_many_are_dense(void **unused)
{
    (void)unused;
    static const struct {
        uint32_t n;
        size_t least, most;
    } rows[] = { { 0, 18, 18 },
                 { 10, 30, 64 },
                 { 100, 200, 420 },
                 { 512, 900, 1800 },
                 { 20000, 12304, 12304 } };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct members m = { 0 };
        struct buf blob = { 0 };
        fill(&m, "user-", 0, rows[i].n);
        buf_append_str(&blob, "before");
        members_redis(&m, &blob);
        assert_memory_equal(blob.ptr, "beforeHYLL", 10);
        assert_in_range(blob.len - 6, rows[i].least, rows[i].most);
        buf_release(&blob);
        members_release(&m);
    }
}

/* A rank above 32 has no sparse form: the whole set goes dense. */
static void a_rank_that_sparse_cannot_say_makes_it_dense(void **unused)
{
    (void)unused;
    static const struct {
        unsigned rank;
        bool sparse;
    } rows[] = { { 1, true },   { 31, true },  { 32, true },
                 { 33, false }, { 50, false }, { 51, false } };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct members m = { 0 };
        uint64_t hash = rows[i].rank == 51 ? 77 : 77 | 1ull << (14 + rows[i].rank - 1);
        members_add(&m, hash);
        struct buf blob = { 0 };
        members_redis(&m, &blob);
        assert_int_equal(blob.len == 12304, !rows[i].sparse);
        set_blob("ours", &m);
        assert_int_equal(redis_server_integer(&server, "PFCOUNT ours"), 1);
        buf_release(&blob);
        members_release(&m);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(up_to_512_members_are_counted_exactly),
        cmocka_unit_test(a_513th_member_makes_an_estimate),
        cmocka_unit_test(large_sets_are_within_three_sigma),
        cmocka_unit_test(the_empty_member_and_odd_hashes_count_once),
        cmocka_unit_test(merging_counts_the_union),
        cmocka_unit_test(merged_parts_equal_one_set_of_all),
        cmocka_unit_test(a_cleared_set_is_empty_and_counts_afresh),
        cmocka_unit_test(redis_counts_our_bytes_as_its_own),
        cmocka_unit_test(redis_adds_to_and_merges_our_bytes),
        cmocka_unit_test(few_members_are_sparse_and_many_are_dense),
        cmocka_unit_test(a_rank_that_sparse_cannot_say_makes_it_dense),
    };
    return cmocka_run_group_tests_name("members", tests, start_redis, stop_redis);
}
