/*
 * Whose turn it is, when the next step comes, and what becomes of a turn whose answer is another.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/log.h"
#include "sinks/redis/janitor.h"
#include "sinks/redis/keys.h"

static const char sha1[] = "0123456789012345678901234567890123456789";

struct wire {
    bool down;   /* the node is not ready */
    bool closed; /* it is ready, and takes nothing */
    uint32_t sent;
    uint8_t place;
    char text[512];
};

static const char *sha_at(void *cookie, uint8_t place)
{
    const struct wire *w = cookie;
    (void)place;
    return w->down ? NULL : sha1;
}

static bool take(void *cookie, struct redis_ask *a)
{
    struct wire *w = cookie;
    if (w->closed)
        return false;
    assert_true(a->len < sizeof w->text);
    memcpy(w->text, a->bytes, a->len);
    w->text[a->len] = '\0';
    w->place = a->place;
    w->sent++;
    return true;
}

static struct redis_janitor *janitor(struct wire *w, uint64_t ttl_s, uint8_t first)
{
    return redis_janitor_new(&(struct redis_janitor_opts){
        .prefix = "sd", .ttl_s = ttl_s, .first = first, .cookie = w, .sha = sha_at, .send = take });
}

static void answer(struct redis_janitor *j, int type, const char *text, uint64_t now_ms)
{
    char copy[128];
    snprintf(copy, sizeof copy, "%s", text);
    const redisReply r = { .type = type, .str = copy, .len = strlen(copy) };
    redis_janitor_answer(j, &r, now_ms);
}

static int heard[2];

static void listen_to_the_log(void)
{
    assert_int_equal(pipe(heard), 0);
    log_to_fd(heard[1]);
}

/* What was said since; valid until the next call. */
static const char *the_log(void)
{
    static char text[8192];
    log_to_fd(STDOUT_FILENO);
    close(heard[1]);
    ssize_t n = read(heard[0], text, sizeof text - 1);
    close(heard[0]);
    text[n > 0 ? n : 0] = '\0';
    return text;
}

static void a_step_is_the_command_byte_for_byte(void **state)
{
    struct wire w = { 0 };
    (void)state;
    struct redis_janitor *j = janitor(&w, 86400, 9);
    uint64_t at_ms = redis_janitor_pump(j, 1000);
    assert_int_equal(at_ms, 1000 + 300000 / 64);
    assert_int_equal(redis_janitor_pump(j, at_ms), 0);
    assert_string_equal(w.text,
                        "*9\r\n$7\r\nEVALSHA\r\n$40\r\n0123456789012345678901234567890123456789"
                        "\r\n$1\r\n2\r\n$11\r\n{sd:09}:tot\r\n$11\r\n{sd:09}:jan\r\n"
                        "$5\r\nprune\r\n$1\r\n0\r\n$5\r\n86400\r\n$6\r\n270000\r\n");
    assert_int_equal(redis_janitor_pump(j, at_ms + 60000), 0); /* one at a time */
    assert_int_equal(w.sent, 1);
    answer(j, REDIS_REPLY_STRING, "pruned 18446744073709551615 3", at_ms);
    assert_int_equal(redis_janitor_pump(j, at_ms), at_ms + 5);
    assert_int_equal(redis_janitor_pump(j, at_ms + 5), 0);
    assert_non_null(strstr(w.text, "$20\r\n18446744073709551615\r\n"));
    assert_int_equal(w.place, 9);
    answer(j, REDIS_REPLY_STRING, "pruned 0 4", at_ms);
    assert_int_equal(redis_janitor_pruned(j), 7);
    redis_janitor_free(j);
}

/* returns  how long a walk over all shards takes, at one step each */
static uint64_t walk_ms(uint64_t ttl_s)
{
    struct wire w = { 0 };
    uint64_t now_ms = 1000, begun_ms = 0;
    bool seen[REDIS_SHARDS] = { false };
    struct redis_janitor *j = janitor(&w, ttl_s, 60);
    for (int i = 0; i <= REDIS_SHARDS; i++) {
        uint64_t next_ms = redis_janitor_pump(j, now_ms);
        assert_true(next_ms > now_ms);
        now_ms = next_ms;
        assert_int_equal(redis_janitor_pump(j, now_ms), 0);
        assert_int_equal(w.place, (60 + i) % REDIS_SHARDS);
        assert_int_equal(seen[w.place], i == REDIS_SHARDS);
        seen[w.place] = true;
        begun_ms = i == 0 ? now_ms : begun_ms;
        answer(j, REDIS_REPLY_STRING, i % 2 == 0 ? "pruned 0 0" : "busy", now_ms);
    }
    redis_janitor_free(j);
    return now_ms - begun_ms;
}

static void each_shard_has_its_turn_in_a_quarter_of_the_ttl_or_five_minutes(void **state)
{
    static const struct {
        uint64_t ttl_s, least_ms, most_ms;
    } rows[] = {
        { 1, 900, 1000 },
        { 2, 900, 1000 },
        { 60, 14500, 15000 },
        { 1200, 299000, 300000 },
        { 86400, 299000, 300000 },
        { 31536000, 299000, 300000 },
        { UINT64_MAX, 299000, 300000 },
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        uint64_t ms = walk_ms(rows[i].ttl_s);
        if (ms < rows[i].least_ms || ms > rows[i].most_ms)
            fail_msg("ttl %d s: %d ms", (int)rows[i].ttl_s, (int)ms);
    }
}

static void without_a_ttl_nothing_is_ever_sent(void **state)
{
    struct wire w = { 0 };
    (void)state;
    struct redis_janitor *j = janitor(&w, 0, 0);
    for (uint64_t now_ms = 0; now_ms < 100000000; now_ms += 1000000)
        assert_int_equal(redis_janitor_pump(j, now_ms), 0);
    assert_int_equal(w.sent, 0);
    redis_janitor_free(j);
}

static void a_node_that_is_not_ready_is_asked_for_again(void **state)
{
    struct wire w = { .down = true };
    (void)state;
    struct redis_janitor *j = janitor(&w, 2, 0);
    uint64_t at_ms = redis_janitor_pump(j, 1000);
    assert_int_equal(redis_janitor_pump(j, at_ms), at_ms + 1000);
    w.down = false;
    w.closed = true;
    assert_int_equal(redis_janitor_pump(j, at_ms + 1000), at_ms + 2000);
    w.closed = false;
    assert_int_equal(redis_janitor_pump(j, at_ms + 2000), 0);
    assert_int_equal(w.place, 0);
    redis_janitor_answer(j, NULL, at_ms + 2000); /* the connection ended: the next shard's turn */
    at_ms = redis_janitor_pump(j, at_ms + 2000);
    assert_true(at_ms > 0);
    assert_int_equal(redis_janitor_pump(j, at_ms), 0);
    assert_int_equal(w.place, 1);
    redis_janitor_answer(j, NULL, at_ms);
    redis_janitor_free(j);
}

/* Redis is outside, too. */
static void whatever_the_answer_the_turn_ends_and_the_next_begins_anew(void **state)
{
    static const struct {
        int type;
        const char *text;
    } rows[] = {
        { REDIS_REPLY_STRING, "" },
        { REDIS_REPLY_STRING, "pruned" },
        { REDIS_REPLY_STRING, "pruned 7" },
        { REDIS_REPLY_STRING, "pruned  1" },
        { REDIS_REPLY_STRING, "pruned 7 x" },
        { REDIS_REPLY_STRING, "pruned 7 -1" },
        { REDIS_REPLY_STRING, "pruned 123456789012345678901 1" },
        { REDIS_REPLY_STRING, "pruned 7 9999999" },
        { REDIS_REPLY_STRING, "applied 7 1" },
        { REDIS_REPLY_NIL, "" },
        { REDIS_REPLY_INTEGER, "" },
        { REDIS_REPLY_ARRAY, "" },
        { REDIS_REPLY_ERROR, "MOVED 7000 127.0.0.1:7001" },
        { REDIS_REPLY_ERROR, "NOSCRIPT No matching script" },
        { REDIS_REPLY_ERROR, "" },
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct wire w = { 0 };
        struct redis_janitor *j = janitor(&w, 2, 63);
        uint64_t at_ms = redis_janitor_pump(j, 1000);
        assert_int_equal(redis_janitor_pump(j, at_ms), 0);
        answer(j, REDIS_REPLY_STRING, "pruned 5 0", at_ms);
        at_ms = redis_janitor_pump(j, at_ms);
        assert_int_equal(redis_janitor_pump(j, at_ms), 0);
        listen_to_the_log();
        answer(j, rows[i].type, rows[i].text, at_ms);
        assert_string_equal(the_log(), ""); /* once is no trouble */
        at_ms = redis_janitor_pump(j, at_ms);
        assert_int_equal(redis_janitor_pump(j, at_ms), 0);
        if (w.place != 0 || strstr(w.text, "prune\r\n$1\r\n0\r\n") == NULL)
            fail_msg("row %zu: shard %d, %s", i, (int)w.place, w.text);
        assert_int_equal(redis_janitor_pruned(j), 0);
        answer(j, REDIS_REPLY_STRING, "busy", at_ms);
        redis_janitor_free(j);
    }
}

static void a_right_that_is_missing_is_said_once(void **state)
{
    struct wire w = { 0 };
    uint64_t now_ms = 1000;
    (void)state;
    struct redis_janitor *j = janitor(&w, 86400, 0);
    listen_to_the_log();
    for (int i = 0; i < 64; i++) {
        now_ms = redis_janitor_pump(j, now_ms);
        assert_int_equal(redis_janitor_pump(j, now_ms), 0);
        answer(j, REDIS_REPLY_ERROR,
               "NOPERM this user has no permissions to run the 'hscan' command", now_ms);
    }
    const char *log = the_log();
    const char *first = strstr(log, "redis does not let totals of idle series be removed");
    assert_non_null(first);
    assert_non_null(strstr(first, "hscan"));
    assert_null(strstr(first + 1, "redis does not let"));
    redis_janitor_free(j);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_step_is_the_command_byte_for_byte),
        cmocka_unit_test(each_shard_has_its_turn_in_a_quarter_of_the_ttl_or_five_minutes),
        cmocka_unit_test(without_a_ttl_nothing_is_ever_sent),
        cmocka_unit_test(a_node_that_is_not_ready_is_asked_for_again),
        cmocka_unit_test(whatever_the_answer_the_turn_ends_and_the_next_begins_anew),
        cmocka_unit_test(a_right_that_is_missing_is_said_once),
    };
    return cmocka_run_group_tests_name("redis_janitor", tests, NULL, NULL);
}
