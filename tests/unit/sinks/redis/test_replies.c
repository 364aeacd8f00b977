#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "sinks/redis/replies.h"

/* A reply as text: arrays in ( ), nil as nil. */
static void show(const redisReply *r, struct buf *out)
{
    if (r->type == REDIS_REPLY_ARRAY) {
        buf_append_char(out, '(');
        for (size_t i = 0; i < r->elements; i++) {
            buf_append_str(out, i > 0 ? " " : "");
            show(r->element[i], out);
        }
        buf_append_char(out, ')');
    } else if (r->type == REDIS_REPLY_INTEGER) {
        buf_printf(out, "%lld", r->integer);
    } else {
        buf_append_str(out, r->type == REDIS_REPLY_NIL ? "nil" : r->str);
    }
}

/* All of text, in pieces of n bytes, as what it says: replies, each with a `;`, then the error. */
static void read_all(const char *text, size_t n, uint32_t bytes_max, uint8_t depth_max,
                     struct buf *out)
{
    struct redis_replies *r = redis_replies_new(bytes_max, depth_max);
    size_t len = strlen(text);
    int rc = 0;
    buf_clear(out);
    for (size_t at = 0; at < len && rc >= 0; at += n) {
        redisReply *reply;
        const char *error;
        redis_replies_feed(r, text + at, len - at < n ? len - at : n);
        while ((rc = redis_replies_next(r, &reply, &error)) > 0) {
            show(reply, out);
            buf_append_char(out, ';');
            freeReplyObject(reply);
        }
        if (rc < 0)
            buf_printf(out, "error: %s", error);
    }
    if (rc == 0 && redis_replies_rest(r))
        buf_append_str(out, "more");
    buf_append_char(out, '\0');
    redis_replies_free(r);
}

static void replies_are_the_same_however_the_stream_is_cut(void **state)
{
    static const char *const cases[][2] = {
        { "+OK\r\n:7\r\n$2\r\nhi\r\n-ERR no\r\n$-1\r\n", "OK;7;hi;ERR no;nil;" },
        { "*2\r\n$1\r\na\r\n*0\r\n*-1\r\n", "(a ());nil;" },
        { "*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n:1\r\n", "(((((((1)))))));" },
        { "+OK\r\n$5\r\nhal", "OK;more" },
        { "", "" },
    };
    struct buf got = { 0 };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        for (size_t n = 1; n <= strlen(cases[i][0]) + 1; n++) {
            read_all(cases[i][0], n, 4096, REDIS_REPLIES_DEPTH_MAX, &got);
            assert_string_equal(got.ptr, cases[i][1]);
        }
    }
    buf_release(&got);
}

static void a_reply_past_its_bounds_is_an_error_that_says_which(void **state)
{
    static const struct {
        const char *text;
        uint32_t bytes_max;
        uint8_t depth_max;
        const char *want;
    } cases[] = {
        { "*1\r\n:1\r\n", 4096, 0, "error: a reply that no command of ours has" },
        { "*0\r\n", 4096, 0, "error: a reply that no command of ours has" },
        { "+a\r\n*1\r\n*1\r\n:1\r\n", 4096, 1, "a;error: a reply that no command of ours has" },
        { "*2147483647\r\n", 4096, 7, "error: a reply of too many elements" },
        { "*257\r\n", 4096, 7, "error: a reply of too many elements" },
        { "*200\r\n*57\r\n", 4096, 7, "error: a reply of too many elements" },
        { "*256\r\n", 4096, 7, "more" },
        { "+0123456789012345", 16, 0, "error: a reply without end" },
        { "$100\r\n0123456789012345", 16, 0, "error: a reply without end" },
        { "*1\r\n$8\r\n01234567", 16, 1, "more" },
        { "*3\r\n:1\r\n:2\r\n:", 48, 1, "more" },
        { "+0123456789\r\n+0123456789\r\n", 16, 0, "0123456789;0123456789;" },
        { "%1\r\n", 16, 0, "error: Protocol error, got \"%\" as reply type byte" },
        { "$-5\r\n", 16, 0, "error: Bulk string length out of range" },
    };
    struct buf got = { 0 };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        size_t len = strlen(cases[i].text);
        for (size_t n = 1; n <= len; n++) {
            read_all(cases[i].text, n, cases[i].bytes_max, cases[i].depth_max, &got);
            if (strcmp(got.ptr, cases[i].want) != 0)
                fail_msg("case %zu in pieces of %zu: %s", i, n, got.ptr);
        }
    }
    buf_release(&got);
}

/* Small elements in many replies: each has its own count. */
static void elements_are_counted_for_each_reply(void **state)
{
    struct buf text = { 0 }, got = { 0 };
    (void)state;
    for (int i = 0; i < 100; i++)
        buf_append_str(&text, "*3\r\n:1\r\n:2\r\n:3\r\n");
    buf_append_char(&text, '\0');
    read_all(text.ptr, text.len, 64, 1, &got); /* 4 elements at most */
    assert_int_equal(got.len, 100 * strlen("(1 2 3);") + 1);
    buf_release(&text);
    buf_release(&got);
}

/* A line comes in pieces and has no end: it must not be read from its beginning for ever. */
static void a_line_has_an_end_and_a_string_may_be_long(void **state)
{
    static const struct {
        const char *head;
        const char *want;
    } cases[] = {
        { "+", "error: a line without end" },
        { ":1", "error: a line without end" },
        { "-ERR \r", "error: a line without end" },
        { "$1", "error: a line without end" },
        { "*1\r\n+", "error: a line without end" },
        { "*2\r\n:1\r\n-", "error: a line without end" },
        { "$900000\r\n", "more" },
        { "*2\r\n$1\r\na\r\n$900000\r\n", "more" },
    };
    struct buf text = { 0 }, got = { 0 };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        buf_clear(&text);
        buf_append_str(&text, cases[i].head);
        while (text.len < 2 * REDIS_REPLIES_LINE_BYTES)
            buf_append_char(&text, '1');
        buf_append_char(&text, '\0');
        read_all(text.ptr, 4096, 1 << 20, 2, &got);
        if (strcmp(got.ptr, cases[i].want) != 0)
            fail_msg("case %zu: %s", i, got.ptr);
    }
    buf_release(&text);
    buf_release(&got);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(replies_are_the_same_however_the_stream_is_cut),
        cmocka_unit_test(a_reply_past_its_bounds_is_an_error_that_says_which),
        cmocka_unit_test(a_line_has_an_end_and_a_string_may_be_long),
        cmocka_unit_test(elements_are_counted_for_each_reply),
    };
    return cmocka_run_group_tests_name("redis_replies", tests, NULL, NULL);
}
