#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/slice.h"
#include "sinks/redis/greeting.h"
#include "sinks/redis/reply.h"

#define SHA "0123456789012345678901234567890123456789"

/* The commands in out, by their first words: "AUTH me pw, SELECT 3"; of a script only "..". */
static void commands_in(const struct buf *out, char *text, size_t size)
{
    redisReader *reader = redisReaderCreate();
    void *command;
    text[0] = '\0';
    redisReaderFeed(reader, out->ptr, out->len);
    while (redisReaderGetReply(reader, &command) == REDIS_OK && command != NULL) {
        const redisReply *c = command;
        for (size_t i = 0; i < c->elements; i++) {
            const char *word = c->element[i]->len > 40 ? ".." : c->element[i]->str;
            snprintf(text + strlen(text), size - strlen(text), "%s%s",
                     i > 0             ? " "
                     : text[0] != '\0' ? ", "
                                       : "",
                     word);
        }
        freeReplyObject(command);
    }
    redisReaderFree(reader);
}

static void each_kind_of_link_says_what_it_needs(void **state)
{
    static const struct {
        const char *url;
        enum redis_greets greets;
        const char *password, *want;
    } cases[] = {
        { "redis://h", REDIS_GREETS_WRITER, NULL, "CLIENT SETNAME n, SCRIPT LOAD .." },
        { "redis://h/3", REDIS_GREETS_WRITER, "pw",
          "AUTH pw, CLIENT SETNAME n, SELECT 3, SCRIPT LOAD .." },
        { "redis://me@h", REDIS_GREETS_WRITER, "p w",
          "AUTH me p w, CLIENT SETNAME n, SCRIPT LOAD .." },
        { "redis://me@h/3", REDIS_GREETS_READER, "pw", "AUTH me pw, CLIENT SETNAME n, SELECT 3" },
        { "redis+sentinel://me@h/m/3", REDIS_GREETS_SENTINEL, NULL, "CLIENT SETNAME n" },
        { "redis+sentinel://me@h/m/3", REDIS_GREETS_SENTINEL, "pw", "AUTH pw, CLIENT SETNAME n" },
        { "redis+sentinel://me@h/m/3", REDIS_GREETS_WRITER, "pw",
          "AUTH me pw, CLIENT SETNAME n, SELECT 3, SCRIPT LOAD .." },
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct redis_url u;
        struct redis_greeting g;
        struct buf out = { 0 };
        char got[256];
        assert_int_equal(redis_url_parse(cases[i].url, &u, NULL), 0);
        redis_greeting_make(&g, cases[i].greets, &u, cases[i].password, "n", &out);
        commands_in(&out, got, sizeof got);
        assert_string_equal(got, cases[i].want);
        buf_release(&out);
        redis_url_release(&u);
    }
}

/* The answers of a server, and what becomes of the greeting at the last of them. */
static void an_answer_that_ends_a_greeting_names_its_command(void **state)
{
    static const struct {
        const char *answers;
        enum redis_greeting_end end;
        const char *why, *remedy;
    } cases[] = {
        { "+OK\r\n+OK\r\n+OK\r\n$40\r\n" SHA "\r\n", REDIS_GREETING_DONE, NULL, NULL },
        { "-WRONGPASS no\r\n", REDIS_GREETING_REFUSED, "AUTH: WRONGPASS no", "user and password" },
        /* The name may be refused: */
        { "+OK\r\n-NOPERM this user\r\n", REDIS_GREETING_MORE, NULL, NULL },
        { "+OK\r\n-ERR unknown command 'CLIENT'\r\n", REDIS_GREETING_MORE, NULL, NULL },
        { "+OK\r\n-ERR max number of clients reached\r\n", REDIS_GREETING_REFUSED,
          "CLIENT SETNAME: ERR max", "maxclients" },
        { "+OK\r\n+OK\r\n-ERR DB index is out of range\r\n", REDIS_GREETING_REFUSED,
          "SELECT: ERR DB index", "databases" },
        { "+OK\r\n+OK\r\n+OK\r\n-NOPERM this user\r\n", REDIS_GREETING_REFUSED,
          "SCRIPT LOAD: NOPERM", "ACL SETUSER" },
        { "+OK\r\n+OK\r\n+OK\r\n$3\r\nabc\r\n", REDIS_GREETING_ODD, "did not answer with a sha1",
          NULL },
        { "+OK\r\n+OK\r\n+OK\r\n+OK\r\n", REDIS_GREETING_ODD, "did not answer with a sha1", NULL },
        /* Proxies, each in its words: */
        { "+OK\r\n+OK\r\n+OK\r\n-ERR unknown command 'SCRIPT'\r\n", REDIS_GREETING_REFUSED,
          "SCRIPT LOAD: ERR unknown", "proxy" },
        { "+OK\r\n+OK\r\n+OK\r\n-ERR unknown subcommand 'LOAD'\r\n", REDIS_GREETING_REFUSED,
          "SCRIPT LOAD: ERR unknown", "proxy" },
        { "+OK\r\n+OK\r\n+OK\r\n-unsupported command 'script'\r\n", REDIS_GREETING_REFUSED,
          "SCRIPT LOAD: unsupported", "proxy" },
        { "+OK\r\n+OK\r\n+OK\r\n-invalid request\r\n", REDIS_GREETING_REFUSED,
          "SCRIPT LOAD: invalid request", "proxy" },
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct redis_url u;
        struct redis_greeting g;
        struct buf out = { 0 };
        enum redis_greeting_end end = REDIS_GREETING_MORE;
        redisReader *reader = redisReaderCreate();
        void *reply;
        assert_int_equal(redis_url_parse("redis://h/3", &u, NULL), 0);
        redis_greeting_make(&g, REDIS_GREETS_WRITER, &u, "pw", "n", &out);
        redisReaderFeed(reader, cases[i].answers, strlen(cases[i].answers));
        while (redisReaderGetReply(reader, &reply) == REDIS_OK && reply != NULL) {
            assert_int_equal(end, REDIS_GREETING_MORE);
            end = redis_greeting_answer(&g, reply);
            freeReplyObject(reply);
        }
        assert_int_equal(end, cases[i].end);
        if (cases[i].why != NULL)
            assert_non_null(strstr(g.why, cases[i].why));
        if (cases[i].remedy != NULL)
            assert_non_null(strstr(redis_reply_remedy(g.why), cases[i].remedy));
        if (end == REDIS_GREETING_DONE)
            assert_string_equal(g.sha, SHA);
        redisReaderFree(reader);
        buf_release(&out);
        redis_url_release(&u);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_kind_of_link_says_what_it_needs),
        cmocka_unit_test(an_answer_that_ends_a_greeting_names_its_command),
    };
    return cmocka_run_group_tests_name("redis_greeting", tests, NULL, NULL);
}
