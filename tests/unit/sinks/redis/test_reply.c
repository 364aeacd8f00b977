#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/slice.h"
#include "sinks/redis/reply.h"

/* What the script says, judged for a batch with number 7. */
static void every_answer_of_the_script_has_its_meaning(void **state)
{
    /* clang-format off */
    static const struct {
        const char *text;
        enum redis_verdict_kind kind;
        uint64_t last;
    } cases[] = {
        { "applied 7 0123456789abcdef 9 0 0 - 1 -", REDIS_VERDICT_APPLIED, 0 },
        { "applied 7 a 9 2 1 ffffffffffffffff 0 c|a b c", REDIS_VERDICT_APPLIED, 0 },
        { "applied 6 a 9 0 0 - 1 -", REDIS_VERDICT_LATER, 0 }, /* of another batch */
        { "applied 7 a 9 0 0 - 2 -", REDIS_VERDICT_LATER, 0 },
        { "applied 7 a 9 0 0", REDIS_VERDICT_LATER, 0 },
        { "applied 7 a -1 0 0 - 1", REDIS_VERDICT_LATER, 0 },
        { "applied 7 0123456789abcdef0 9 0 0 - 1 -", REDIS_VERDICT_LATER, 0 },
        { "applied 7 a 9 4294967296 0 - 1 -", REDIS_VERDICT_LATER, 0 },
        { "applied 7 xyz 9 0 0 - 1 -", REDIS_VERDICT_LATER, 0 },
        { "duplicate", REDIS_VERDICT_DUPLICATE, 0 },
        { "duplicate 1", REDIS_VERDICT_LATER, 0 },
        { "foreign", REDIS_VERDICT_FOREIGN, 0 },
        { "foreign taken", REDIS_VERDICT_FOREIGN, 0 },
        { "foreign ?", REDIS_VERDICT_FOREIGN, 0 },
        { "foreign there", REDIS_VERDICT_LATER, 0 }, /* that is a duplicate */
        { "foreign 1", REDIS_VERDICT_LATER, 0 },
        { "fenced", REDIS_VERDICT_FENCED, 0 },
        { "fenced there", REDIS_VERDICT_FENCED, 0 },
        { "fenced taken", REDIS_VERDICT_FENCED, 0 },
        { "fenced ?", REDIS_VERDICT_FENCED, 0 },
        { "fenced ? ?", REDIS_VERDICT_LATER, 0 },
        { "fenced 1", REDIS_VERDICT_LATER, 0 },
        { "dropped 7 HSET k: WRONGTYPE of key", REDIS_VERDICT_DROPPED, 0 },
        { "dropped 6 x", REDIS_VERDICT_LATER, 0 },
        { "gap 0 none - 0", REDIS_VERDICT_GAP, 0 }, /* it has none of ours */
        { "gap 5 50:4 ab 12", REDIS_VERDICT_GAP, 5 },
        { "gap 6 50:4 ab 12", REDIS_VERDICT_LATER, 0 }, /* it has 6 and still refuses 7: nonsense */
        { "gap 9 50:4 ab 12", REDIS_VERDICT_LATER, 0 },
        { "gap 5 none ab 12", REDIS_VERDICT_LATER, 0 },
        { "gap 5 50 ab 12", REDIS_VERDICT_LATER, 0 },
        { "gap 5 5:4", REDIS_VERDICT_LATER, 0 },
        { "", REDIS_VERDICT_LATER, 0 },
    };
    /* clang-format on */
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        char *text = strdup(cases[i].text);
        redisReply r = { .type = REDIS_REPLY_STRING, .str = text, .len = strlen(text) };
        struct redis_verdict v = redis_reply_judge(&r, 7);
        if (v.kind != cases[i].kind || (v.kind == REDIS_VERDICT_GAP && v.last != cases[i].last))
            fail_msg("%s: verdict %d, last %llu", text, (int)v.kind, (unsigned long long)v.last);
        assert_int_equal(v.text != NULL,
                         v.kind == REDIS_VERDICT_LATER || v.kind == REDIS_VERDICT_DROPPED);
        free(text);
    }
}

/* What hiredis makes of the bytes, judged for a batch with number 7. */
static void every_other_answer_is_an_error_or_nonsense(void **state)
{
    /* clang-format off */
    static const struct {
        const char *bytes;
        enum redis_verdict_kind kind;
        uint64_t last;
    } cases[] = {
        { ":7\r\n", REDIS_VERDICT_LATER, 0 },
        { "+OK\r\n", REDIS_VERDICT_LATER, 0 },
        { "$1\r\n7\r\n", REDIS_VERDICT_LATER, 0 },
        { "$-1\r\n", REDIS_VERDICT_LATER, 0 },
        { "*1\r\n:7\r\n", REDIS_VERDICT_LATER, 0 },
        { "-NEEDS HSET {sd:00}:tot: NOPERM this user has no permissions\r\n",
          REDIS_VERDICT_LATER, 0 },
        { "-NEEDS TIME: ERR The user executing the script can't run this command or subcommand\r\n",
          REDIS_VERDICT_LATER, 0 },
        { "-LOADING Redis is loading the dataset in memory\r\n", REDIS_VERDICT_LATER, 0 },
        { "-NOSCRIPT No matching script. Please use EVAL.\r\n", REDIS_VERDICT_LATER, 0 },
        { "-READONLY You can't write against a read only replica.\r\n", REDIS_VERDICT_LATER, 0 },
        { "-OOM command not allowed when used memory > 'maxmemory'.\r\n", REDIS_VERDICT_LATER, 0 },
        { "-BUSY Redis is busy running a script.\r\n", REDIS_VERDICT_LATER, 0 },
        { "-NOPERM this user has no permissions\r\n", REDIS_VERDICT_LATER, 0 },
        /* Of Redis 7 and of 5 and 6.  Redis kills a script only as long as it wrote nothing. */
        { "-ERR Script killed by user with SCRIPT KILL... script: f_1, on @user_script:6.\r\n",
          REDIS_VERDICT_LATER, 0 },
        { "-ERR Error running script (call to f_1): @user_script:6: "
          "Script killed by user with SCRIPT KILL...\r\n",
          REDIS_VERDICT_LATER, 0 },
        { "-ERR Error running script (call to f_1): @user_script:6: -WRONGTYPE Operation\r\n",
          REDIS_VERDICT_FAILED, 0 },
        { "-WRONGTYPE Operation against a key holding the wrong kind of value\r\n",
          REDIS_VERDICT_FAILED, 0 },
        { "-OOMPH\r\n", REDIS_VERDICT_FAILED, 0 },
        { "-ERR unknown command 'EVALSHA', with args beginning with:\r\n", REDIS_VERDICT_LATER, 0 },
        { "-\r\n", REDIS_VERDICT_FAILED, 0 },
    };
    /* clang-format on */
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        redisReader *reader = redisReaderCreate();
        void *reply = NULL;
        redisReaderFeed(reader, cases[i].bytes, strlen(cases[i].bytes));
        assert_int_equal(redisReaderGetReply(reader, &reply), REDIS_OK);
        assert_non_null(reply);
        struct redis_verdict v = redis_reply_judge(reply, 7);
        if (v.kind != cases[i].kind || (v.kind == REDIS_VERDICT_GAP && v.last != cases[i].last))
            fail_msg("%s: verdict %d, last %llu", cases[i].bytes, (int)v.kind,
                     (unsigned long long)v.last);
        assert_int_equal(v.text != NULL, v.kind == REDIS_VERDICT_LATER ||
                                             v.kind == REDIS_VERDICT_FAILED ||
                                             v.kind == REDIS_VERDICT_DROPPED);
        freeReplyObject(reply);
        redisReaderFree(reader);
    }
}

static void a_refused_number_comes_with_what_became_of_it(void **state)
{
    static const struct {
        const char *text;
        enum redis_fate fate;
    } rows[] = {
        { "foreign", REDIS_FATE_FREE },       { "foreign taken", REDIS_FATE_TAKEN },
        { "foreign ?", REDIS_FATE_UNKNOWN },  { "fenced", REDIS_FATE_FREE },
        { "fenced there", REDIS_FATE_THERE }, { "fenced taken", REDIS_FATE_TAKEN },
        { "fenced ?", REDIS_FATE_UNKNOWN },
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char *text = strdup(rows[i].text);
        redisReply r = { .type = REDIS_REPLY_STRING, .str = text, .len = strlen(text) };
        assert_int_equal(redis_reply_judge(&r, 7).fate, rows[i].fate);
        free(text);
    }
}

static void no_answer_leaves_it_open(void **state)
{
    (void)state;
    assert_int_equal(redis_reply_judge(NULL, 1).kind, REDIS_VERDICT_LOST);
}

static void an_applied_batch_tells_what_of_it_was_not(void **state)
{
    (void)state;
    char text[] = "applied 7 abc 12 2 1 ffffffffffffffff 0 c|a b|#x:y";
    redisReply r = { .type = REDIS_REPLY_STRING, .str = text, .len = sizeof text - 1 };
    struct redis_verdict v = redis_reply_judge(&r, 7);
    assert_int_equal(v.kind, REDIS_VERDICT_APPLIED);
    assert_string_equal(v.totals.birth, "abc");
    assert_int_equal(v.totals.writes, 12);
    assert_int_equal(v.refused, 2);
    assert_int_equal(v.dropped, 1);
    assert_true(v.unlogged);
    assert_true(slice_eq(v.holder, SLICE_LIT("ffffffffffffffff")));
    assert_true(slice_eq(v.field, SLICE_LIT("c|a b|#x:y"))); /* a name may hold blanks */
}

static void the_first_batch_meets_a_gap_only_where_the_producer_is_unknown(void **state)
{
    (void)state;
    char unknown[] = "gap 0 none abc 12", known[] = "gap 0 0:0 abc 12";
    redisReply r = { .type = REDIS_REPLY_STRING, .str = unknown, .len = sizeof unknown - 1 };
    assert_int_equal(redis_reply_judge(&r, 1).kind, REDIS_VERDICT_GAP);
    r = (redisReply){ .type = REDIS_REPLY_STRING, .str = known, .len = sizeof known - 1 };
    assert_int_equal(redis_reply_judge(&r, 1).kind, REDIS_VERDICT_LATER);
}

static void an_entry_is_there_or_waits_or_can_never_be_there(void **state)
{
    /* clang-format off */
    static const struct {
        const char *bytes;
        enum redis_verdict_kind kind;
        bool of_server;
    } cases[] = {
        { "$15\r\n1700000000000-0\r\n", REDIS_VERDICT_APPLIED, false },
        { "$-1\r\n", REDIS_VERDICT_LATER, false },
        { ":1\r\n", REDIS_VERDICT_LATER, false },
        { "+QUEUED\r\n", REDIS_VERDICT_LATER, false },
        { "-NOPERM this user has no permissions to run the 'xadd' command\r\n",
          REDIS_VERDICT_LATER, false },
        { "-OOM command not allowed when used memory > 'maxmemory'.\r\n",
          REDIS_VERDICT_LATER, false },
        { "-MISCONF Redis is configured to save RDB snapshots\r\n", REDIS_VERDICT_LATER, false },
        { "-BUSY Redis is busy running a script.\r\n", REDIS_VERDICT_LATER, false },
        { "-ERR unknown command 'XADD', with args beginning with: \r\n",
          REDIS_VERDICT_LATER, false },
        { "-READONLY You can't write against a read only replica.\r\n",
          REDIS_VERDICT_LATER, true },
        { "-LOADING Redis is loading the dataset in memory\r\n", REDIS_VERDICT_LATER, true },
        { "-MASTERDOWN Link with MASTER is down\r\n", REDIS_VERDICT_LATER, true },
        { "-READONLYISH\r\n", REDIS_VERDICT_FAILED, false },
        { "-WRONGTYPE Operation against a key holding the wrong kind of value\r\n",
          REDIS_VERDICT_FAILED, false },
        { "-ERR The stream has exhausted the last possible ID, unable to add more items\r\n",
          REDIS_VERDICT_FAILED, false },
    };
    /* clang-format on */
    (void)state;
    assert_int_equal(redis_reply_judge_entry(NULL).kind, REDIS_VERDICT_LOST);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        redisReader *reader = redisReaderCreate();
        redisReply *r = NULL;
        redisReaderFeed(reader, cases[i].bytes, strlen(cases[i].bytes));
        assert_int_equal(redisReaderGetReply(reader, (void **)&r), REDIS_OK);
        struct redis_verdict v = redis_reply_judge_entry(r);
        redis_verdict_check(&v);
        if (v.kind != cases[i].kind)
            fail_msg("%s: verdict %d", cases[i].bytes, (int)v.kind);
        if (v.text != NULL)
            assert_int_equal(redis_reply_is_of_server(v.text), cases[i].of_server);
        freeReplyObject(r);
        redisReaderFree(reader);
    }
}

static void an_error_that_the_operator_can_mend_comes_with_what_to_do(void **state)
{
    /* clang-format off */
    static const struct {
        const char *error, *remedy;
    } cases[] = {
        { "WRONGPASS invalid username-password pair or user is disabled.", "redis.url" },
        { "ERR invalid password", "password" },
        { "ERR AUTH <password> called without any password configured for the default user.",
          "password" },
        { "NOAUTH Authentication required.", "password" },
        { "NOPERM this user has no permissions to run the 'script|load' command", "ACL" },
        { "NEEDS HSET {sd:00}:tot: ERR The user executing the script can't run this command or "
          "subcommand script", "ACL" },
        { "ERR DB index is out of range", "database" },
        { "ERR invalid DB index", "database" },
        { "NEEDS HSET {sd:00}:tot: OOM command not allowed when used memory > 'maxmemory'.",
          "maxmemory" },
        { "READONLY You can't write against a read only replica.", "master" },
        { "WRONGTYPE Operation against a key holding the wrong kind of value", "key" },
    };
    /* clang-format on */
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        const char *remedy = redis_reply_remedy(cases[i].error);
        if (remedy == NULL || strstr(remedy, cases[i].remedy) == NULL)
            fail_msg("%s: %s", cases[i].error, remedy ? remedy : "(none)");
    }
    assert_null(redis_reply_remedy("ERR something new"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_answer_of_the_script_has_its_meaning),
        cmocka_unit_test(every_other_answer_is_an_error_or_nonsense),
        cmocka_unit_test(a_refused_number_comes_with_what_became_of_it),
        cmocka_unit_test(no_answer_leaves_it_open),
        cmocka_unit_test(an_applied_batch_tells_what_of_it_was_not),
        cmocka_unit_test(the_first_batch_meets_a_gap_only_where_the_producer_is_unknown),
        cmocka_unit_test(an_entry_is_there_or_waits_or_can_never_be_there),
        cmocka_unit_test(an_error_that_the_operator_can_mend_comes_with_what_to_do),
    };
    return cmocka_run_group_tests_name("redis_reply", tests, NULL, NULL);
}
