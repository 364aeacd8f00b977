/* What nodes say of slots and nodes, sane or not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/slice.h"
#include "sinks/redis/slots.h"

static const struct redis_addr asked = { "10.0.0.1", 7000 };

static redisReply *parse(redisReader *reader, const char *resp)
{
    void *reply = NULL;
    redisReaderFeed(reader, resp, strlen(resp));
    assert_int_equal(redisReaderGetReply(reader, &reply), REDIS_OK);
    assert_non_null(reply);
    return reply;
}

/* ---- redirects ---- */

static void each_redirect_is_known_by_its_first_word(void **state)
{
    /* clang-format off */
    static const struct {
        const char *text;
        enum redis_redirect_kind kind;
        uint16_t slot;
        const char *host;
        uint16_t port;
    } cases[] = {
        { "MOVED 3999 127.0.0.1:6381", REDIS_REDIRECT_MOVED, 3999, "127.0.0.1", 6381 },
        { "ASK 16383 redis-3.local:1", REDIS_REDIRECT_ASK, 16383, "redis-3.local", 1 },
        { "MOVED 0 ::1:6381", REDIS_REDIRECT_MOVED, 0, "::1", 6381 },
        { "MOVED 0 fe80::1%eth0:6381", REDIS_REDIRECT_MOVED, 0, "fe80::1%eth0", 6381 },
        { "MOVED 5 :6381", REDIS_REDIRECT_MOVED, 5, "10.0.0.1", 6381 }, /* on the same host */
        { "MOVED 5 ?:6381", REDIS_REDIRECT_MOVED, 5, "", 0 },          /* the node does not know */
        { "MOVED 5 h:6381 more words", REDIS_REDIRECT_MOVED, 5, "h", 6381 },
        { "MOVED 5 h:0", REDIS_REDIRECT_MOVED, 5, "", 0 },
        { "MOVED 5 h:65536", REDIS_REDIRECT_MOVED, 5, "", 0 },
        { "MOVED 16384 h:1", REDIS_REDIRECT_NONE, 0, "", 0 },
        { "MOVED -1 h:1", REDIS_REDIRECT_NONE, 0, "", 0 },
        { "MOVED 5 h", REDIS_REDIRECT_NONE, 0, "", 0 },
        { "MOVED 5 h:", REDIS_REDIRECT_NONE, 0, "", 0 },
        { "MOVED 5 h:x", REDIS_REDIRECT_NONE, 0, "", 0 },
        { "MOVED 5", REDIS_REDIRECT_NONE, 0, "", 0 },
        { "MOVED", REDIS_REDIRECT_NONE, 0, "", 0 },
        { "MOVED5 h:1", REDIS_REDIRECT_NONE, 0, "", 0 },
        { "TRYAGAIN Multiple keys request", REDIS_REDIRECT_TRYAGAIN, 0, "", 0 },
        { "TRYAGAIN", REDIS_REDIRECT_TRYAGAIN, 0, "", 0 },
        { "CLUSTERDOWN Hash slot not served", REDIS_REDIRECT_CLUSTERDOWN, 0, "", 0 },
        { "NOSCRIPT No matching script. Please use EVAL.", REDIS_REDIRECT_NOSCRIPT, 0, "", 0 },
        { "READONLY You can't write against a read only replica.", REDIS_REDIRECT_NONE, 0, "", 0 },
        { "LOADING", REDIS_REDIRECT_NONE, 0, "", 0 },
        { "ERR MOVED 5 h:1", REDIS_REDIRECT_NONE, 0, "", 0 },
        { "", REDIS_REDIRECT_NONE, 0, "", 0 },
    };
    /* clang-format on */
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        char text[128];
        snprintf(text, sizeof text, "%s", cases[i].text);
        redisReply r = { .type = REDIS_REPLY_ERROR, .str = text, .len = strlen(text) };
        struct redis_redirect d = redis_redirect_of(&r, &asked);
        assert_int_equal(d.kind, cases[i].kind);
        if (d.kind == REDIS_REDIRECT_NONE)
            continue;
        assert_int_equal(d.slot, cases[i].slot);
        assert_string_equal(d.to.host, cases[i].host);
        assert_int_equal(d.to.port, cases[i].port);
        r.type = REDIS_REPLY_STRING; /* data that looks like one */
        assert_int_equal(redis_redirect_of(&r, &asked).kind, REDIS_REDIRECT_NONE);
    }
    assert_int_equal(redis_redirect_of(NULL, &asked).kind, REDIS_REDIRECT_NONE);
}

static void a_host_is_bounded_and_has_no_odd_bytes(void **state)
{
    char longest[REDIS_ADDR_HOST_MAX + 2];
    struct redis_addr a;
    (void)state;
    memset(longest, 'a', sizeof longest);
    assert_false(redis_addr_set(&a, slice_of(longest, sizeof longest), 1, &asked));
    assert_true(redis_addr_set(&a, slice_of(longest, REDIS_ADDR_HOST_MAX), 1, &asked));
    assert_int_equal(strlen(a.host), REDIS_ADDR_HOST_MAX);
    for (int c = 0; c < 256; c++) {
        char host[] = { 'a', (char)c };
        assert_int_equal(redis_addr_set(&a, slice_of(host, sizeof host), 1, &asked),
                         c > ' ' && c < 127);
    }
}

/* ---- the map ---- */

static void a_place_has_the_slot_of_its_keys(void **state)
{
    uint16_t slots[REDIS_PLACES];
    (void)state;
    redis_slots_of_places("sd", slots);
    assert_int_equal(slots[7], redis_keys_crc16(SLICE_LIT("sd:07")) % 16384);
    assert_int_equal(slots[63], redis_keys_crc16(SLICE_LIT("sd:63")) % 16384);
    assert_int_equal(slots[redis_keys_stream(EVENT_ENTRY)],
                     redis_keys_crc16(SLICE_LIT("sd:events")) % 16384);
    assert_int_equal(slots[redis_keys_stream(CHECK_ENTRY)],
                     redis_keys_crc16(SLICE_LIT("sd:checks")) % 16384);
}

#define NODE(host, port)         "*3\r\n" host ":" port "\r\n$2\r\nid\r\n"
#define RANGE(first, last, node) "*3\r\n:" first "\r\n:" last "\r\n" node
/* A node whose name is not known, up to its names and values. */
#define UNKNOWN "*4\r\n$1\r\n?\r\n:1\r\n$2\r\nid\r\n"
#define HOST    "$8\r\n10.0.0.2\r\n"

/* slots of the places: place 0 has 0, place 1 has 1 .. and place 65 has 65 */
static void odd_answers_leave_places_without_a_node(void **state)
{
    /* clang-format off */
    static const struct {
        const char *resp;
        bool good;
        unsigned n;          /* nodes */
        const char *host;    /* of place 3; NULL: no node has it */
        const char *host_65; /* of place 65 */
    } cases[] = {
        { "*1\r\n" RANGE("0", "16383", NODE(HOST, "7001")), true, 1, "10.0.0.2", "10.0.0.2" },
        { "*2\r\n" RANGE("0", "10", NODE(HOST, "7001")) RANGE("60", "65", NODE("$1\r\nb\r\n", "1")),
          true, 2, "10.0.0.2", "b" },
        { "*1\r\n" RANGE("65", "65", NODE(HOST, "7001")), true, 1, NULL, "10.0.0.2" },
        { "*1\r\n" RANGE("66", "99", NODE(HOST, "7001")), true, 0, NULL, NULL },
        { "*1\r\n" RANGE("9", "1", NODE(HOST, "7001")), true, 0, NULL, NULL },
        { "*1\r\n" RANGE("-5", "3", NODE(HOST, "7001")), true, 1, "10.0.0.2", NULL },
        { "*2\r\n" RANGE("0", "9", NODE(HOST, "1")) RANGE("0", "9", NODE("$1\r\nb\r\n", "1")),
          true, 1, "10.0.0.2", NULL },
        { "*0\r\n", true, 0, NULL, NULL },
        /* hosts that are left out, not known, or elsewhere in the answer */
        { "*1\r\n" RANGE("0", "65", NODE("$0\r\n\r\n", "7001")), true, 1, "10.0.0.1", "10.0.0.1" },
        { "*1\r\n" RANGE("0", "65", NODE("$-1\r\n", "7001")), true, 1, "10.0.0.1", "10.0.0.1" },
        { "*1\r\n" RANGE("0", "65", NODE("$1\r\n?\r\n", "7001")), true, 0, NULL, NULL },
        { "*1\r\n" RANGE("0", "65", NODE(":1\r\n", "7001")), true, 0, NULL, NULL },
        { "*1\r\n" RANGE("0", "65", UNKNOWN "*2\r\n$2\r\nip\r\n$3\r\n::2\r\n"),
          true, 1, "::2", "::2" },
        { "*1\r\n" RANGE("0", "65", UNKNOWN "*4\r\n$2\r\nup\r\n$2\r\nip\r\n"
                                        "$2\r\nip\r\n$3\r\n::2\r\n"),
          true, 1, "::2", "::2" },
        { "*1\r\n" RANGE("0", "65", UNKNOWN "*1\r\n$2\r\nip\r\n"),
          true, 0, NULL, NULL },
        { "*1\r\n" RANGE("0", "65", NODE(HOST, "0")), true, 0, NULL, NULL },
        { "*1\r\n" RANGE("0", "65", NODE(HOST, "65536")), true, 0, NULL, NULL },
        /* other shapes */
        { "*1\r\n" RANGE("0", "65", "*1\r\n" HOST), true, 0, NULL, NULL },
        { "*1\r\n" RANGE("0", "65", "*0\r\n"), true, 0, NULL, NULL },
        { "*1\r\n" RANGE("0", "65", "*-1\r\n"), true, 0, NULL, NULL },
        { "*1\r\n*2\r\n:0\r\n:65\r\n", true, 0, NULL, NULL },
        { "*1\r\n*3\r\n$1\r\n0\r\n:65\r\n" NODE(HOST, "1"), true, 0, NULL, NULL },
        { "*2\r\n$2\r\nhi\r\n:7\r\n", true, 0, NULL, NULL },
        { "$2\r\nhi\r\n", false, 0, NULL, NULL },
        { "-ERR no\r\n", false, 0, NULL, NULL },
        { "$-1\r\n", false, 0, NULL, NULL },
    };
    /* clang-format on */
    uint16_t slot_of[REDIS_PLACES];
    (void)state;
    for (uint16_t i = 0; i < REDIS_PLACES; i++)
        slot_of[i] = i;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct redis_slots s;
        redisReader *reader = redisReaderCreate();
        redisReply *reply = parse(reader, cases[i].resp);
        assert_int_equal(redis_slots_read(reply, slot_of, &asked, &s), cases[i].good);
        const struct {
            uint8_t place;
            const char *host;
        } wants[] = { { 3, cases[i].host }, { 65, cases[i].host_65 } };
        for (size_t k = 0; cases[i].good && k < ARRAY_LEN(wants); k++) {
            uint8_t node = s.node_of[wants[k].place];
            assert_int_equal(s.n, cases[i].n);
            assert_int_equal(node == REDIS_NODE_NONE, wants[k].host == NULL);
            if (wants[k].host != NULL)
                assert_string_equal(s.nodes[node].host, wants[k].host);
        }
        freeReplyObject(reply);
        redisReaderFree(reader);
    }
}

static void as_many_nodes_as_places_fit_and_others_are_left_out(void **state)
{
    struct buf b = { 0 };
    struct redis_slots s;
    uint16_t slot_of[REDIS_PLACES];
    (void)state;
    buf_printf(&b, "*%d\r\n", 1000);
    for (int i = 0; i < 1000; i++)
        buf_printf(&b, "*3\r\n:%d\r\n:%d\r\n*2\r\n$1\r\nh\r\n:%d\r\n", i, i, i + 1);
    buf_append_char(&b, '\0');
    for (uint16_t i = 0; i < REDIS_PLACES; i++)
        slot_of[i] = (uint16_t)(i * 10);
    redisReader *reader = redisReaderCreate();
    redisReply *reply = parse(reader, b.ptr);
    assert_true(redis_slots_read(reply, slot_of, &asked, &s));
    assert_int_equal(s.n, REDIS_PLACES);
    for (int i = 0; i < REDIS_PLACES; i++)
        assert_int_equal(s.nodes[s.node_of[i]].port, i * 10 + 1);
    freeReplyObject(reply);
    redisReaderFree(reader);
    buf_release(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_redirect_is_known_by_its_first_word),
        cmocka_unit_test(a_host_is_bounded_and_has_no_odd_bytes),
        cmocka_unit_test(a_place_has_the_slot_of_its_keys),
        cmocka_unit_test(odd_answers_leave_places_without_a_node),
        cmocka_unit_test(as_many_nodes_as_places_fit_and_others_are_left_out),
    };
    return cmocka_run_group_tests_name("redis_slots", tests, NULL, NULL);
}
