/* Which series a share has: those with the same hash, however they are spelled, and nested. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "mirror/share.h"
#include "protocol/parse.h"

static struct tags room;

static uint64_t hash_of_line(const char *line, unsigned name_tags)
{
    struct parse_opts opts = PARSE_OPTS_DEFAULT;
    struct batch b;
    opts.name_tags = name_tags;
    struct parser *p = parser_new(&opts);
    assert_non_null(p);
    assert_int_equal(batch_init(&b, 16, opts.max_line), 0);
    parser_begin(p, line, strlen(line), false);
    assert_false(parser_next(p, &b));
    assert_true(b.n > 0);
    uint64_t hash = mirror_hash_series(&b.samples[0], &room);
    batch_release(&b);
    parser_free(p);
    return hash;
}

static void a_share_is_a_number_or_has_a_percent_sign(void **unused)
{
    (void)unused;
    static const struct {
        const char *text;
        double share;
        uint64_t below;
        bool all;
    } rows[] = {
        { "0", 0, 0, false },
        { "0%", 0, 0, false },
        { "0.5", 0.5, UINT64_C(1) << 63, false },
        { "50%", 0.5, UINT64_C(1) << 63, false },
        { "0.25", 0.25, UINT64_C(1) << 62, false },
        { "1", 1, UINT64_MAX, true },
        { "100%", 1, UINT64_MAX, true },
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct mirror_share s;
        assert_null(mirror_share_parse(slice_str(rows[i].text), &s));
        assert_true(s.share == rows[i].share && s.below == rows[i].below && s.all == rows[i].all);
    }
}

static void what_is_no_share_is_told(void **unused)
{
    (void)unused;
    static const char *const rows[] = { "", "%", "x", "-1", "1.01", "101%", "-0.1%", "1 %", "nan" };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct mirror_share s = { .share = 7 };
        assert_non_null(mirror_share_parse(slice_str(rows[i]), &s));
        assert_true(s.share == 7);
    }
}

static void all_has_every_hash_and_nothing_has_none(void **unused)
{
    (void)unused;
    struct mirror_share all, nothing;
    assert_null(mirror_share_parse(SLICE_LIT("1"), &all));
    assert_null(mirror_share_parse(SLICE_LIT("0"), &nothing));
    assert_true(mirror_share_has(&all, 0) && mirror_share_has(&all, UINT64_MAX));
    assert_false(mirror_share_has(&nothing, 0) || mirror_share_has(&nothing, UINT64_MAX));
}

/* docs/mirror.md has them, too. */
static void hashes_are_those_that_are_documented(void **unused)
{
    (void)unused;
    static const struct {
        const char *line;
        uint64_t hash;
    } rows[] = {
        { "a:1|c", UINT64_C(0xe6c632b61e964e1f) },
        { "shop.orders:1|c", UINT64_C(0x81b2c394fa668a8a) },
        { "shop.orders:1|c|#env:prod,status:200", UINT64_C(0x7a5e4940a19c0f6f) },
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        assert_true(hash_of_line(rows[i].line, 0) == rows[i].hash);
    }
}

static void the_hash_is_of_the_name_and_its_tags_however_they_are_spelled(void **unused)
{
    (void)unused;
    static const char *const same[] = {
        "a:1|c|#x:1,y:2",     "a:1|c|#y:2,x:1",
        "a:7|g|#x:1,y:2",     "a:1:2:3|ms|@0.5|#y:2,x:1",
        "a:m|s|#x:1,,y:2",    "a:1|c|#x:1,y:2|c:ci-3f2a|T1700000000",
        "  a:1|c|#x:1,y:2  ", "a:1|h|#x:9,y:2,x:1",
        "a,x=1,y=2:1|c",      "a;y=2;x=1:1|c",
    };
    const uint64_t hash = hash_of_line(same[0], 0);
    for (size_t i = 0; i < ARRAY_LEN(same); i++)
        assert_true(hash_of_line(same[i], NAME_TAGS_INFLUX | NAME_TAGS_GRAPHITE) == hash);
    static const char *const others[] = { "b:1|c|#x:1,y:2", "a:1|c", "a:1|c|#x:1", "a:1|c|#x:1,y:3",
                                          "a:1|c|#x:1y:2" };
    for (size_t i = 0; i < ARRAY_LEN(others); i++)
        assert_true(hash_of_line(others[i], 0) != hash);
}

static void the_seed_of_the_process_changes_nothing(void **unused)
{
    (void)unused;
    const uint64_t hash = hash_of_line("a:1|c|#x:1,y:2", 0);
    const uint64_t seed = hash_seed;
    hash_seed = 12345;
    assert_true(hash_of_line("a:1|c|#x:1,y:2", 0) == hash);
    hash_seed = seed;
}

static void a_smaller_share_is_part_of_a_larger_one_and_about_as_large_as_it_says(void **unused)
{
    (void)unused;
    enum { NAMES = 20000 };
    static const char *const shares[] = { "0", "1%", "10%", "20%", "0.5", "99%", "1" };
    unsigned had[ARRAY_LEN(shares)] = { 0 };
    for (unsigned n = 0; n < NAMES; n++) {
        char name[32];
        bool before = false;
        snprintf(name, sizeof name, "name.%u|#a:b", n);
        for (size_t i = 0; i < ARRAY_LEN(shares); i++) {
            struct mirror_share s;
            assert_null(mirror_share_parse(slice_str(shares[i]), &s));
            const bool has = mirror_share_has(&s, mirror_hash_text(slice_str(name)));
            assert_true(has || !before);
            before = has;
            had[i] += has;
        }
    }
    assert_int_equal(had[0], 0);
    assert_in_range(had[1], NAMES / 100 * 0.7, NAMES / 100 * 1.3);
    assert_in_range(had[2], NAMES / 10 * 0.9, NAMES / 10 * 1.1);
    assert_in_range(had[4], NAMES / 2 * 0.95, NAMES / 2 * 1.05);
    assert_int_equal(had[6], NAMES);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_share_is_a_number_or_has_a_percent_sign),
        cmocka_unit_test(what_is_no_share_is_told),
        cmocka_unit_test(all_has_every_hash_and_nothing_has_none),
        cmocka_unit_test(hashes_are_those_that_are_documented),
        cmocka_unit_test(the_hash_is_of_the_name_and_its_tags_however_they_are_spelled),
        cmocka_unit_test(the_seed_of_the_process_changes_nothing),
        cmocka_unit_test(a_smaller_share_is_part_of_a_larger_one_and_about_as_large_as_it_says),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
