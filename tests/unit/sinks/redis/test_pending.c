#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "sinks/redis/pending.h"

/* Adds and takes of changing lengths, so that the ring turns and grows at every place. */
static void tags_come_back_in_the_order_they_were_added(void **state)
{
    static char tags[5000];
    struct redis_pending p = { 0 };
    size_t added = 0, taken = 0;
    (void)state;
    for (size_t round = 0; added < sizeof tags; round++) {
        for (size_t i = 0; i < round % 97 + 3 && added < sizeof tags; i++)
            redis_pending_add(&p, &tags[added++]);
        for (size_t i = 0; i < round % 89 && taken < added; i++)
            assert_ptr_equal(redis_pending_take(&p), &tags[taken++]);
        assert_int_equal(p.n, added - taken);
    }
    while (p.n > 0)
        assert_ptr_equal(redis_pending_take(&p), &tags[taken++]);
    assert_int_equal(taken, sizeof tags);
    redis_pending_release(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tags_come_back_in_the_order_they_were_added),
    };
    return cmocka_run_group_tests_name("redis_pending", tests, NULL, NULL);
}
