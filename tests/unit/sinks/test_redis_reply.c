#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/slice.h"
#include "sinks/redis_reply.h"

/* What hiredis makes of the bytes, judged for a batch with number 7. */
static void every_answer_has_its_meaning(void **state)
{
    static const struct {
        const char *bytes;
        enum redis_verdict_kind kind;
        uint64_t last;
    } cases[] = {
        { ":7\r\n", REDIS_VERDICT_APPLIED, 0 },
        { ":0\r\n", REDIS_VERDICT_DUPLICATE, 0 },
        { ":-1\r\n", REDIS_VERDICT_GAP, 0 },     /* it has none of ours */
        { ":-6\r\n", REDIS_VERDICT_GAP, 5 },
        { ":-7\r\n", REDIS_VERDICT_LATER, 0 },   /* it has 6 and still refuses 7: nonsense */
        { ":-100\r\n", REDIS_VERDICT_LATER, 0 },
        { ":-9223372036854775808\r\n", REDIS_VERDICT_LATER, 0 },
        { ":6\r\n", REDIS_VERDICT_LATER, 0 },
        { ":8\r\n", REDIS_VERDICT_LATER, 0 },
        { "+OK\r\n", REDIS_VERDICT_LATER, 0 },
        { "$1\r\n7\r\n", REDIS_VERDICT_LATER, 0 },
        { "$-1\r\n", REDIS_VERDICT_LATER, 0 },
        { "*1\r\n:7\r\n", REDIS_VERDICT_LATER, 0 },
        { "-LOADING Redis is loading the dataset in memory\r\n", REDIS_VERDICT_LATER, 0 },
        { "-NOSCRIPT No matching script. Please use EVAL.\r\n", REDIS_VERDICT_LATER, 0 },
        { "-READONLY You can't write against a read only replica.\r\n", REDIS_VERDICT_LATER, 0 },
        { "-OOM command not allowed when used memory > 'maxmemory'.\r\n", REDIS_VERDICT_LATER, 0 },
        { "-BUSY Redis is busy running a script.\r\n", REDIS_VERDICT_LATER, 0 },
        { "-NOPERM this user has no permissions\r\n", REDIS_VERDICT_LATER, 0 },
        { "-ERR Error running script (call to f_1): @user_script:6: @user_script: 6: -OOM command not allowed\r\n",
          REDIS_VERDICT_LATER, 0 },
        { "-ERR Error running script (call to f_1): @user_script:6: -WRONGTYPE Operation\r\n", REDIS_VERDICT_FAILED, 0 },
        { "-WRONGTYPE Operation against a key holding the wrong kind of value\r\n", REDIS_VERDICT_FAILED, 0 },
        { "-OOMPH\r\n", REDIS_VERDICT_FAILED, 0 },
        { "-\r\n", REDIS_VERDICT_FAILED, 0 },
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        redisReader *reader = redisReaderCreate();
        void *reply = NULL;
        redisReaderFeed(reader, cases[i].bytes, strlen(cases[i].bytes));
        assert_int_equal(redisReaderGetReply(reader, &reply), REDIS_OK);
        assert_non_null(reply);
        struct redis_verdict v = redis_reply_judge(reply, 7);
        if (v.kind != cases[i].kind || v.last != cases[i].last)
            fail_msg("%s: verdict %d, last %llu", cases[i].bytes, (int)v.kind, (unsigned long long)v.last);
        assert_int_equal(v.text != NULL, v.kind == REDIS_VERDICT_LATER || v.kind == REDIS_VERDICT_FAILED);
        freeReplyObject(reply);
        redisReaderFree(reader);
    }
}

static void no_answer_leaves_it_open(void **state)
{
    (void)state;
    assert_int_equal(redis_reply_judge(NULL, 1).kind, REDIS_VERDICT_LOST);
}

static void the_first_batch_cannot_leave_a_gap(void **state)
{
    (void)state;
    redisReply r = { .type = REDIS_REPLY_INTEGER, .integer = -1 };
    assert_int_equal(redis_reply_judge(&r, 1).kind, REDIS_VERDICT_LATER);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_answer_has_its_meaning),
        cmocka_unit_test(no_answer_leaves_it_open),
        cmocka_unit_test(the_first_batch_cannot_leave_a_gap),
    };
    return cmocka_run_group_tests_name("redis_reply", tests, NULL, NULL);
}
