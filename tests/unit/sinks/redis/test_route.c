/* Two real Redis as two nodes: each shard's batches reach its own, whatever the other does. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/slice.h"
#include "sinks/redis/encode.h"
#include "sinks/redis/route.h"
#include "support/fake_snapshot.h"
#include "support/loop_until.h"
#include "support/redis_server.h"

enum { NODES = 2 };

struct rig {
    uv_loop_t loop;
    struct redis_server servers[NODES];
    struct redis_url urls[NODES];
    struct redis_route *route;
    unsigned ready;
    struct redis_batch *batches[REDIS_SHARDS]; /* one of each shard, empty */
    unsigned answers, lost;
    struct redis_entry *entries[EVENT_KINDS];
    unsigned entry_answers;
    struct redis_ask asks[NODES]; /* of the places 0 and 1 */
    unsigned ask_answers, asks_lost;
};

static void on_ready(void *cookie)
{
    ((struct rig *)cookie)->ready++;
}

static void on_reply(void *cookie, struct redis_batch *b, const redisReply *reply)
{
    struct rig *r = cookie;
    assert_ptr_equal(b, r->batches[b->shard]);
    r->answers += reply != NULL;
    r->lost += reply == NULL;
}

static void on_reply_entry(void *cookie, struct redis_entry *e, const redisReply *reply)
{
    struct rig *r = cookie;
    assert_ptr_equal(e, r->entries[e->kind]);
    r->entry_answers += reply != NULL && reply->type == REDIS_REPLY_STRING;
}

static void on_reply_ask(void *cookie, struct redis_ask *a, const redisReply *reply)
{
    struct rig *r = cookie;
    assert_ptr_equal(a, &r->asks[a->place]);
    if (reply == NULL) {
        r->asks_lost++;
        return;
    }
    r->ask_answers++;
    assert_int_equal(reply->type, REDIS_REPLY_ARRAY);
    assert_int_equal(reply->elements, 1);
    assert_string_equal(reply->element[0]->str, a->place == 0 ? "zero" : "one");
}

static void take(void *cookie, struct redis_batch *b)
{
    struct rig *r = cookie;
    assert_null(r->batches[b->shard]);
    r->batches[b->shard] = b;
    static const char id[] = "0123456789abcdef0123456789abcdef", token[] = "0123456789abcdef";
    const struct redis_address a = {
        .id = id, .before = token, .seq = 1, .nth = 1, .generation = 1
    };
    redis_batch_brand(b, token);
    redis_batch_address(b, &a);
}

static void make_batches(struct rig *r)
{
    struct fake_snapshot f;
    struct redis_encode *e = redis_encode_new(
        &(struct redis_encode_opts){ .prefix = "sd", .instance = "a", .retention_s = 600 });
    fake_snapshot_init(&f, 1700000000);
    fake_snapshot_encode(&f, e, 60, take, r);
    fake_snapshot_release(&f);
    redis_encode_free(e);
}

static void make_entries(struct rig *r)
{
    static const struct redis_entry_origin origin = {
        .prefix = "sd", .instance = "a", .id = "i", .max_entries = 10
    };
    for (int k = 0; k < EVENT_KINDS; k++) {
        const struct event_entry e = { .kind = (enum event_kind)k,
                                       .seq = 1,
                                       .title = SLICE_LIT("t"),
                                       .priority = "low",
                                       .alert_type = "info" };
        r->entries[k] = redis_entry_new(&origin, &e);
    }
}

/* Odd shards live on node 1, and the stream of checks.  Node 1 is not started. */
static void rig_init(struct rig *r)
{
    memset(r, 0, sizeof *r);
    signal(SIGPIPE, SIG_IGN);
    uv_loop_init(&r->loop);
    struct redis_route_opts o = { .nodes = r->urls,
                                  .n_nodes = NODES,
                                  .instance = "a",
                                  .cookie = r,
                                  .ready = on_ready,
                                  .reply = on_reply,
                                  .reply_entry = on_reply_entry,
                                  .reply_ask = on_reply_ask,
                                  .reply_bytes_max = 1000,
                                  .reply_depth_max = 1 };
    for (int shard = 0; shard < REDIS_SHARDS; shard++)
        o.node_of[shard] = (uint8_t)(shard % NODES);
    o.node_of[redis_keys_stream(CHECK_ENTRY)] = 1;
    for (int i = 0; i < NODES; i++) {
        redis_server_init(&r->servers[i], NULL);
        assert_int_equal(redis_url_parse(r->servers[i].url, &r->urls[i], NULL), 0);
    }
    redis_server_start(&r->servers[0]);
    make_batches(r);
    make_entries(r);
    r->route = redis_route_new(&r->loop, &o);
}

static void rig_release(struct rig *r)
{
    redis_route_free(r->route);
    assert_true(loop_drain(&r->loop, 5000));
    assert_int_equal(uv_loop_close(&r->loop), 0);
    for (int i = 0; i < NODES; i++) {
        redis_url_release(&r->urls[i]);
        redis_server_release(&r->servers[i]);
    }
    for (int shard = 0; shard < REDIS_SHARDS; shard++)
        redis_batch_free(r->batches[shard]);
    for (int k = 0; k < EVENT_KINDS; k++)
        free(r->entries[k]);
}

static bool one_is_ready(void *cookie)
{
    return ((struct rig *)cookie)->ready >= 1;
}

static bool all_are_ready(void *cookie)
{
    return redis_route_is_ready(((struct rig *)cookie)->route);
}

static bool half_is_answered(void *cookie)
{
    return ((struct rig *)cookie)->answers >= REDIS_SHARDS / 2;
}

static bool all_is_answered(void *cookie)
{
    return ((struct rig *)cookie)->answers >= REDIS_SHARDS;
}

static bool entries_are_answered(void *cookie)
{
    return ((struct rig *)cookie)->entry_answers >= EVENT_KINDS;
}

static bool asks_are_answered(void *cookie)
{
    return ((struct rig *)cookie)->ask_answers >= NODES;
}

static unsigned send_all(struct rig *r)
{
    unsigned sent = 0;
    for (int shard = 0; shard < REDIS_SHARDS; shard++)
        sent += redis_route_send(r->route, r->batches[shard]);
    return sent;
}

/* Every batch leaves the key of its producer, {sd:NN}:p:.. */
static void expect_shards(struct redis_server *at, int remainder)
{
    for (int shard = 0; shard < REDIS_SHARDS; shard++) {
        long long n = redis_server_integer(at, "EVAL %s 0 {sd:%02d}:p:*",
                                           "return #redis.call('KEYS',ARGV[1])", shard);
        assert_int_equal(n, shard % NODES == remainder);
    }
}

static void each_shard_goes_to_its_node(void **state)
{
    struct rig r;
    (void)state;
    rig_init(&r);
    redis_server_start(&r.servers[1]);
    assert_true(loop_until(&r.loop, all_are_ready, &r, 10000));
    assert_int_equal(send_all(&r), REDIS_SHARDS);
    assert_true(loop_until(&r.loop, all_is_answered, &r, 10000));
    expect_shards(&r.servers[0], 0);
    expect_shards(&r.servers[1], 1);
    struct redis_link_stats s;
    redis_route_stats(r.route, &s);
    assert_int_equal(s.connects, NODES);
    rig_release(&r);
}

static void a_node_that_is_not_there_does_not_stop_the_other(void **state)
{
    struct rig r;
    (void)state;
    rig_init(&r);
    assert_true(loop_until(&r.loop, one_is_ready, &r, 10000));
    assert_false(redis_route_is_ready(r.route));
    assert_int_equal(send_all(&r), REDIS_SHARDS / 2);
    assert_true(loop_until(&r.loop, half_is_answered, &r, 10000));
    expect_shards(&r.servers[0], 0);
    redis_server_start(&r.servers[1]);
    assert_true(loop_until(&r.loop, all_are_ready, &r, 20000));
    rig_release(&r);
}

static void a_node_is_given_up_by_its_shard_and_the_other_is_not(void **state)
{
    struct rig r;
    struct redis_link_stats s;
    (void)state;
    rig_init(&r);
    redis_server_start(&r.servers[1]);
    assert_true(loop_until(&r.loop, all_are_ready, &r, 10000));
    assert_int_equal(send_all(&r), REDIS_SHARDS);
    redis_route_retry(r.route, 3, "BUSY");
    assert_int_equal(r.lost, REDIS_SHARDS / 2);
    assert_true(loop_until(&r.loop, half_is_answered, &r, 10000));
    redis_route_stats(r.route, &s);
    assert_int_equal(s.disconnects, 1);
    rig_release(&r);
}

static void each_stream_goes_to_its_node(void **state)
{
    struct rig r;
    (void)state;
    rig_init(&r);
    redis_server_start(&r.servers[1]);
    assert_false(redis_route_send_entry(r.route, r.entries[EVENT_ENTRY]));
    assert_true(loop_until(&r.loop, all_are_ready, &r, 10000));
    for (int k = 0; k < EVENT_KINDS; k++)
        assert_true(redis_route_send_entry(r.route, r.entries[k]));
    assert_true(loop_until(&r.loop, entries_are_answered, &r, 10000));
    for (int node = 0; node < NODES; node++) {
        assert_int_equal(redis_server_integer(&r.servers[node], "XLEN {sd:events}:log"), node == 0);
        assert_int_equal(redis_server_integer(&r.servers[node], "XLEN {sd:checks}:log"), node == 1);
    }
    rig_release(&r);
}

/* Were the batches refused, the connection would end and take the entry's answer with it. */
static void no_entry_goes_behind_batches_before_the_node_took_one(void **state)
{
    struct rig r;
    (void)state;
    rig_init(&r);
    redis_server_start(&r.servers[1]);
    assert_true(loop_until(&r.loop, all_are_ready, &r, 10000));
    assert_true(redis_route_send_entry(r.route, r.entries[EVENT_ENTRY])); /* before them it may */
    assert_true(redis_route_send(r.route, r.batches[1]));
    assert_false(redis_route_send_entry(r.route, r.entries[CHECK_ENTRY]));
    redis_route_thrive(r.route, redis_keys_stream(CHECK_ENTRY)); /* of an entry: proves nothing */
    assert_false(redis_route_send_entry(r.route, r.entries[CHECK_ENTRY]));
    redis_route_thrive(r.route, 0); /* another node */
    assert_false(redis_route_send_entry(r.route, r.entries[CHECK_ENTRY]));
    redis_route_thrive(r.route, 3);
    assert_true(redis_route_send_entry(r.route, r.entries[CHECK_ENTRY]));
    assert_true(loop_until(&r.loop, entries_are_answered, &r, 10000));
    rig_release(&r);
}

static void an_ask_goes_to_the_node_of_its_place_and_comes_back(void **state)
{
    static const char mget[] = "*2\r\n$4\r\nMGET\r\n$1\r\nx\r\n";
    struct rig r;
    (void)state;
    rig_init(&r);
    for (uint8_t i = 0; i < NODES; i++)
        r.asks[i] = (struct redis_ask){ REDIS_CARGO_ASK, i, mget, sizeof mget - 1 };
    assert_false(redis_route_ask(r.route, &r.asks[0]));
    redis_server_start(&r.servers[1]);
    free(redis_server_text(&r.servers[0], "SET x zero"));
    free(redis_server_text(&r.servers[1], "SET x one"));
    assert_true(loop_until(&r.loop, all_are_ready, &r, 10000));
    for (int i = 0; i < NODES; i++)
        assert_true(redis_route_ask(r.route, &r.asks[i]));
    assert_true(loop_until(&r.loop, asks_are_answered, &r, 10000));
    for (int i = 0; i < NODES; i++)
        assert_true(redis_route_ask(r.route, &r.asks[i]));
    redis_route_retry(r.route, 1, "the test says so");
    assert_int_equal(r.asks_lost, 1);
    assert_string_equal(redis_route_trouble(r.route), "the test says so");
    rig_release(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_shard_goes_to_its_node),
        cmocka_unit_test(a_node_that_is_not_there_does_not_stop_the_other),
        cmocka_unit_test(a_node_is_given_up_by_its_shard_and_the_other_is_not),
        cmocka_unit_test(each_stream_goes_to_its_node),
        cmocka_unit_test(no_entry_goes_behind_batches_before_the_node_took_one),
        cmocka_unit_test(an_ask_goes_to_the_node_of_its_place_and_comes_back),
    };
    return cmocka_run_group_tests_name("redis_route", tests, NULL, NULL);
}
