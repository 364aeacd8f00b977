#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "sinks/redis/keys.h"

static void the_hash_is_that_of_the_cluster_specification(void **state)
{
    (void)state;
    assert_int_equal(redis_keys_crc16(SLICE_LIT("123456789")), 0x31c3);
    assert_int_equal(redis_keys_crc16(SLICE_LIT("")), 0);
}

/* From memory of exactly its size, so that a sanitizer sees what is read behind it. */
static void expect(struct redis_keys_memo *m, const char *name, size_t len)
{
    char *exact = malloc(len > 0 ? len : 1);
    assert_non_null(exact);
    memcpy(exact, name, len);
    const struct slice s = slice_of(exact, len);
    assert_int_equal(redis_keys_shard_of(m, s), redis_keys_shard(s));
    free(exact);
}

static void what_is_remembered_is_what_the_hash_gives(void **state)
{
    enum { LEN_MAX = 100, ROUNDS = 20, BASES = 3 };
    static struct redis_keys_memo m; /* { 0 }, which is no empty name either */
    char name[LEN_MAX];
    (void)state;
    for (unsigned round = 0; round < ROUNDS; round++) {
        for (size_t len = 0; len <= LEN_MAX; len++) {
            memset(name, 'a' + (int)(round % BASES), len);
            expect(&m, name, len);
            for (size_t i = 0; i < len; i++) { /* one byte differs, wherever it is */
                name[i] ^= 1;
                expect(&m, name, len);
                name[i] ^= 1;
                expect(&m, name, len);
            }
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_hash_is_that_of_the_cluster_specification),
        cmocka_unit_test(what_is_remembered_is_what_the_hash_gives),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
