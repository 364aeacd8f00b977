#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "protocol/scan.h"

static uint64_t random_state = 42;

static uint32_t random_u32(void)
{
    random_state = random_state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(random_state >> 33);
}

static bool bit(const uint64_t *mask, size_t i)
{
    return mask[i / 64] >> (i % 64) & 1;
}

/* What the header promises, byte by byte. */
static void assert_scan_is_right(const struct scan *s, const char *p, size_t n, const char *variant)
{
    size_t ends = 0, pipes = 0;
    bool any_odd = false, ok = true;
    for (size_t i = 0; i < n; i++) {
        unsigned char c = (unsigned char)p[i];
        bool odd = (c < 0x20 && c != '\n') || c >= 0x7f;
        any_odd = any_odd || odd;
        ok = ok && bit(s->colon, i) == (c == ':') && bit(s->odd, i) == odd;
        if (c == '\n')
            ok = ok && s->end[ends++] == i;
        if (c == '|')
            ok = ok && s->pipe[pipes++] == i;
    }
    if (n > 0 && p[n - 1] != '\n')
        ok = ok && s->end[ends] == n;
    ok = ok && s->pipe[pipes] == SCAN_NO_PIPE && s->any_odd == any_odd;
    for (size_t i = n; i < (n + 63) / 64 * 64 + 64; i++)
        ok = ok && !bit(s->colon, i) && !bit(s->odd, i);
    if (!ok)
        fail_msg("%s is wrong for %zu bytes", variant, n);
}

static void scan_with_all(struct scan *s, const char *bytes, size_t n)
{
    const struct scan_variant *variants;
    size_t n_variants = scan_variants(&variants);
    char *exact = malloc(n ? n : 1);
    assert_non_null(exact);
    memcpy(exact, bytes, n);
    for (size_t v = 0; v < n_variants; v++) {
        memset(s, 0xa5, sizeof *s);
        variants[v].fn(s, exact, n);
        assert_scan_is_right(s, exact, n, variants[v].name);
    }
    free(exact);
}

static void every_byte_has_one_meaning_at_every_place_of_a_block(void **state)
{
    struct scan *s = malloc(sizeof *s);
    char bytes[64];
    (void)state;
    for (int c = 0; c < 256; c++)
        for (size_t at = 0; at < sizeof bytes; at++) {
            memset(bytes, 'x', sizeof bytes);
            bytes[at] = (char)c;
            scan_with_all(s, bytes, at % 2 ? sizeof bytes : at + 1);
        }
    free(s);
}

static void all_variants_agree_on_random_bytes_of_every_length(void **state)
{
    static const char likely[] = "||||::::\n\nabc_ ,#@.\r\t\x7f\xc3\xa9";
    struct scan *s = malloc(sizeof *s);
    char bytes[700] = { 0 };
    (void)state;
    for (size_t n = 0; n <= sizeof bytes; n++) {
        for (size_t i = 0; i < n; i++)
            if (n % 3 == 0)
                bytes[i] = (char)random_u32();
            else if (n % 3 == 1)
                bytes[i] = likely[random_u32() % (sizeof likely - 1)];
            else
                bytes[i] = random_u32() % 9 ? 'q' : likely[random_u32() % 10];
        scan_with_all(s, bytes, n);
    }
    free(s);
}

static void the_longest_datagram_may_be_all_of_one_byte(void **state)
{
    static const char all[] = { '|', '\n', ':', '\0', 'a' };
    struct scan *s = malloc(sizeof *s);
    char *bytes = malloc(SCAN_MAX);
    (void)state;
    for (size_t i = 0; i < sizeof all; i++) {
        memset(bytes, all[i], SCAN_MAX);
        scan_with_all(s, bytes, SCAN_MAX);
    }
    free(bytes);
    free(s);
}

static void the_next_bit_is_found_across_words(void **state)
{
    struct scan *s = malloc(sizeof *s);
    char bytes[400];
    const struct scan_variant *variants;
    (void)state;
    scan_variants(&variants);
    for (size_t at = 0; at < sizeof bytes; at += 7) {
        memset(bytes, 'x', sizeof bytes);
        bytes[at] = ':';
        variants[0].fn(s, bytes, sizeof bytes);
        for (uint32_t from = 0; from < sizeof bytes; from++)
            assert_int_equal(scan_next(s->colon, from, sizeof bytes),
                             from <= at ? at : (uint32_t)SCAN_NONE);
    }
    free(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_byte_has_one_meaning_at_every_place_of_a_block),
        cmocka_unit_test(all_variants_agree_on_random_bytes_of_every_length),
        cmocka_unit_test(the_longest_datagram_may_be_all_of_one_byte),
        cmocka_unit_test(the_next_bit_is_found_across_words),
    };
    return cmocka_run_group_tests_name("scan", tests, NULL, NULL);
}
