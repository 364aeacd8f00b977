/*
 * The route against a model of a cluster: each place reaches its node, wherever that is by now, and
 * what one node does is of no matter to the places of others.
 */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/log.h"
#include "base/slice.h"
#include "sinks/redis/encode.h"
#include "sinks/redis/route.h"
#include "sinks/redis/slots.h"
#include "support/fake_cluster.h"
#include "support/fake_snapshot.h"
#include "support/loop_until.h"

enum { LIMIT_MS = 10000 };

struct rig {
    uv_loop_t loop;
    struct fake_cluster fake;
    struct redis_url url;
    struct redis_route *route;
    uint16_t slots[REDIS_PLACES];
    struct redis_batch *batches[REDIS_SHARDS]; /* one of each shard, empty */
    struct redis_entry *entries[EVENT_KINDS];
    struct redis_ask ask;
    bool retries; /* gives up a connection for an error reply */
    bool resends; /* what is returned */
    bool waits[REDIS_PLACES];
    unsigned answers, errors, lost, returned, entry_answers, ask_answers, asks_lost;
};

static void send_waiting(struct rig *r)
{
    for (uint8_t i = 0; i < REDIS_SHARDS; i++)
        if (r->waits[i])
            r->waits[i] = !redis_route_send(r->route, r->batches[i]);
    for (int k = 0; k < EVENT_KINDS; k++) {
        uint8_t place = redis_keys_stream((enum event_kind)k);
        if (r->waits[place])
            r->waits[place] = !redis_route_send_entry(r->route, r->entries[k]);
    }
}

static void on_ready(void *cookie)
{
    send_waiting(cookie);
}

static void on_reply(void *cookie, struct redis_batch *b, const redisReply *reply)
{
    struct rig *r = cookie;
    assert_ptr_equal(b, r->batches[b->shard]);
    bool error = reply != NULL && reply->type == REDIS_REPLY_ERROR;
    r->lost += reply == NULL;
    r->errors += error;
    r->answers += reply != NULL && !error;
    if (reply == NULL)
        return;
    if (error && r->retries)
        redis_route_retry(r->route, reply->str);
    else
        redis_route_thrive(r->route, b->shard);
}

static void on_reply_entry(void *cookie, struct redis_entry *e, const redisReply *reply)
{
    struct rig *r = cookie;
    assert_ptr_equal(e, r->entries[e->kind]);
    r->entry_answers += reply != NULL && reply->type == REDIS_REPLY_STRING;
    if (reply != NULL)
        redis_route_thrive(r->route, e->place);
}

static void on_reply_ask(void *cookie, struct redis_ask *a, const redisReply *reply)
{
    struct rig *r = cookie;
    assert_ptr_equal(a, &r->ask);
    r->ask_answers += reply != NULL && reply->type == REDIS_REPLY_STRING;
    r->asks_lost += reply == NULL || reply->type != REDIS_REPLY_STRING;
}

static void on_returned(void *cookie, struct redis_batch *b)
{
    struct rig *r = cookie;
    r->returned++;
    r->waits[b->shard] = r->resends;
    send_waiting(r);
}

static void on_returned_entry(void *cookie, struct redis_entry *e)
{
    struct rig *r = cookie;
    r->returned++;
    r->waits[e->place] = r->resends;
    send_waiting(r);
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

/* Odd places live on node 1, the others on node 0; nodes 2 and 3 have none. */
static void rig_init(struct rig *r)
{
    static const char get[] = "*2\r\n$3\r\nGET\r\n$9\r\n{sd:00}:x\r\n";
    memset(r, 0, sizeof *r);
    signal(SIGPIPE, SIG_IGN);
    uv_loop_init(&r->loop);
    fake_cluster_init(&r->fake, &r->loop);
    redis_slots_of_places("sd", r->slots);
    for (int place = 0; place < REDIS_PLACES; place++)
        r->fake.owner[r->slots[place]] = (uint8_t)(place % 2);
    r->ask = (struct redis_ask){ .cargo = REDIS_CARGO_ASK, .bytes = get, .len = sizeof get - 1 };
    r->retries = r->resends = true;
    make_batches(r);
    make_entries(r);
}

static void rig_start(struct rig *r, const char *url)
{
    assert_int_equal(redis_url_parse(url, &r->url, NULL), 0);
    const struct redis_route_opts o = { .url = &r->url,
                                        .prefix = "sd",
                                        .instance = "a",
                                        .connect_timeout_ms = 500,
                                        .reply_timeout_ms = 500,
                                        .cookie = r,
                                        .ready = on_ready,
                                        .reply = on_reply,
                                        .reply_entry = on_reply_entry,
                                        .reply_ask = on_reply_ask,
                                        .returned = on_returned,
                                        .returned_entry = on_returned_entry };
    r->route = redis_route_new(&r->loop, &o);
}

static bool all_are_ready(void *cookie)
{
    return redis_route_is_ready(((struct rig *)cookie)->route);
}

/* Connected to the cluster by one of its nodes. */
static void rig_connect(struct rig *r, uint8_t node)
{
    char url[64];
    snprintf(url, sizeof url, "redis://127.0.0.1:%u", r->fake.nodes[node].port);
    rig_start(r, url);
    assert_true(loop_until(&r->loop, all_are_ready, r, LIMIT_MS));
}

static void rig_release(struct rig *r)
{
    redis_route_free(r->route);
    fake_cluster_release(&r->fake);
    assert_true(loop_drain(&r->loop, 5000));
    assert_int_equal(uv_loop_close(&r->loop), 0);
    redis_url_release(&r->url);
    for (int shard = 0; shard < REDIS_SHARDS; shard++)
        redis_batch_free(r->batches[shard]);
    for (int k = 0; k < EVENT_KINDS; k++)
        free(r->entries[k]);
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

static bool the_ask_is_answered(void *cookie)
{
    struct rig *r = cookie;
    return r->ask_answers + r->asks_lost > 0;
}

static bool half_is_lost(void *cookie)
{
    return ((struct rig *)cookie)->lost >= REDIS_SHARDS / 2;
}

static void send_all(struct rig *r)
{
    memset(r->waits, 1, REDIS_SHARDS);
    send_waiting(r);
}

static void send_entries(struct rig *r)
{
    memset(r->waits + REDIS_SHARDS, 1, EVENT_KINDS);
    send_waiting(r);
}

static void expect_taken_by_owners(const struct rig *r)
{
    for (unsigned i = 0; i < r->fake.n_log; i++)
        assert_int_equal(r->fake.log[i].node, r->fake.owner[r->fake.log[i].slot]);
}

static uint64_t redirects(const struct rig *r, enum redis_redirect_kind kind)
{
    struct redis_stats s = { 0 };
    redis_route_stats(r->route, &s);
    return s.redirects_of[kind];
}

/* ---- the map ---- */

static void each_shard_and_stream_goes_to_its_node(void **state)
{
    for (int hostless = 0; hostless < 2; hostless++) {
        struct rig r;
        (void)state;
        rig_init(&r);
        r.fake.hostless = hostless != 0;
        rig_connect(&r, 1);
        send_all(&r);
        assert_true(loop_until(&r.loop, all_is_answered, &r, LIMIT_MS));
        send_entries(&r);
        assert_true(loop_until(&r.loop, entries_are_answered, &r, LIMIT_MS));
        expect_taken_by_owners(&r);
        assert_int_equal(fake_cluster_taken(&r.fake, 0), REDIS_PLACES / 2);
        struct redis_stats s = { 0 };
        redis_route_stats(r.route, &s);
        assert_int_equal(s.nodes, 2);
        assert_int_equal(s.connects, 2);
        assert_int_equal(r.returned + r.lost, 0);
        rig_release(&r);
    }
}

static void one_redis_has_all_places(void **state)
{
    static const char *const errors[] = {
        "ERR This instance has cluster support disabled",
        "ERR unknown command `CLUSTER`, with args beginning with: `SLOTS`, ",
        "NOPERM this user has no permissions to run the 'cluster|slots' command",
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(errors); i++) {
        struct rig r;
        rig_init(&r);
        memset(r.fake.owner, 0, sizeof r.fake.owner);
        r.fake.nodes[0].map = errors[i];
        rig_connect(&r, 0);
        send_all(&r);
        assert_true(loop_until(&r.loop, all_is_answered, &r, LIMIT_MS));
        assert_int_equal(fake_cluster_taken(&r.fake, 0), REDIS_SHARDS);
        loop_for(&r.loop, 300);
        assert_int_equal(r.fake.nodes[0].slots_asked, 1);
        rig_release(&r);
    }
}

static void a_cluster_that_does_not_show_its_map_is_learnt_by_moved(void **state)
{
    struct rig r;
    (void)state;
    rig_init(&r);
    r.fake.nodes[0].map = r.fake.nodes[1].map = "NOPERM no permissions";
    rig_connect(&r, 0);
    send_all(&r);
    assert_true(loop_until(&r.loop, all_is_answered, &r, LIMIT_MS));
    expect_taken_by_owners(&r);
    assert_int_equal(redirects(&r, REDIS_REDIRECT_MOVED), REDIS_SHARDS / 2);
    rig_release(&r);
}

static void hosts_of_the_url_that_are_dead_are_passed_over(void **state)
{
    struct rig r;
    char url[96];
    (void)state;
    rig_init(&r);
    fake_cluster_kill(&r.fake, 2);
    r.fake.nodes[3].frozen = true;
    snprintf(url, sizeof url, "redis://127.0.0.1:%u,127.0.0.1:%u,127.0.0.1:%u",
             r.fake.nodes[2].port, r.fake.nodes[3].port, r.fake.nodes[0].port);
    rig_start(&r, url);
    assert_true(loop_until(&r.loop, all_are_ready, &r, 400));
    rig_release(&r);
}

static void a_node_that_loads_its_data_is_asked_again(void **state)
{
    struct rig r;
    char url[64];
    (void)state;
    rig_init(&r);
    r.fake.nodes[0].map = "LOADING Redis is loading the dataset in memory";
    snprintf(url, sizeof url, "redis://127.0.0.1:%u", r.fake.nodes[0].port);
    rig_start(&r, url);
    assert_false(loop_until(&r.loop, all_are_ready, &r, 500));
    assert_in_range(r.fake.nodes[0].slots_asked, 2, 5); /* at most every 100 ms */
    r.fake.nodes[0].map = NULL;
    assert_true(loop_until(&r.loop, all_are_ready, &r, LIMIT_MS));
    rig_release(&r);
}

/* ---- redirects ---- */

static void a_slot_that_moved_is_followed_at_once(void **state)
{
    struct rig r;
    (void)state;
    rig_init(&r);
    rig_connect(&r, 0);
    r.fake.owner[r.slots[4]] = 2; /* a node that had nothing so far */
    r.fake.owner[r.slots[5]] = 0;
    send_all(&r);
    assert_true(loop_until(&r.loop, all_is_answered, &r, LIMIT_MS));
    expect_taken_by_owners(&r);
    assert_int_equal(redirects(&r, REDIS_REDIRECT_MOVED), 2);
    assert_int_equal(r.returned, 2);
    assert_int_equal(r.lost + r.errors, 0);
    send_all(&r);
    assert_true(loop_until(&r.loop, all_is_answered, &r, LIMIT_MS));
    assert_int_equal(redirects(&r, REDIS_REDIRECT_MOVED), 2);
    rig_release(&r);
}

static bool node_1_is_gone(void *cookie)
{
    struct redis_stats s = { 0 };
    redis_route_stats(((struct rig *)cookie)->route, &s);
    return s.nodes == 2 && s.connects == 3;
}

static void a_node_without_places_is_left_and_its_batches_are_answered(void **state)
{
    struct rig r;
    (void)state;
    rig_init(&r);
    rig_connect(&r, 0);
    r.fake.nodes[1].frozen = true;
    send_all(&r);
    assert_true(loop_until(&r.loop, half_is_answered, &r, LIMIT_MS));
    for (int place = 1; place < REDIS_PLACES; place += 2)
        r.fake.owner[r.slots[place]] = 2;
    r.resends = false;
    r.waits[1] = false;
    assert_true(loop_until(&r.loop, half_is_lost, &r, LIMIT_MS));
    assert_int_equal(r.lost, REDIS_SHARDS / 2);
    assert_true(loop_until(&r.loop, node_1_is_gone, &r, LIMIT_MS));
    send_all(&r);
    assert_true(loop_until(&r.loop, all_is_answered, &r, LIMIT_MS));
    assert_int_equal(fake_cluster_taken(&r.fake, 2), REDIS_SHARDS / 2);
    rig_release(&r);
}

static void ask_is_for_one_command_and_leaves_the_map(void **state)
{
    struct rig r;
    (void)state;
    rig_init(&r);
    rig_connect(&r, 0);
    r.fake.to[r.slots[4]] = 2;
    for (unsigned n = 1; n <= 2; n++) {
        r.waits[4] = true;
        send_waiting(&r);
        r.answers = REDIS_SHARDS - 1;
        assert_true(loop_until(&r.loop, all_is_answered, &r, LIMIT_MS));
        assert_int_equal(r.fake.nodes[2].asking, n);
        assert_int_equal(redirects(&r, REDIS_REDIRECT_ASK), n);
        assert_int_equal(r.fake.log[n - 1].node, 2);
        assert_int_not_equal(r.batches[4]->node, redis_route_nodes(r.route)[4]);
    }
    rig_release(&r);
}

static void ask_until_answered(struct rig *r)
{
    r->ask_answers = r->asks_lost = 0;
    for (int i = 0; i < 500 && !redis_route_ask(r->route, &r->ask); i++)
        loop_for(&r->loop, 5);
    assert_true(loop_until(&r->loop, the_ask_is_answered, r, LIMIT_MS));
}

/* Without the map nobody else says which nodes are none. */
static void ask_to_ever_new_nodes_leaves_room_for_others(void **state)
{
    struct rig r;
    char error[64];
    (void)state;
    rig_init(&r);
    r.fake.nodes[0].map = "NOPERM no permissions";
    rig_connect(&r, 0);
    r.fake.nodes[0].error = error;
    for (int n = 0; n < REDIS_NODES_MAX + 8; n++) {
        snprintf(error, sizeof error, "ASK %u 127.1.%d.%d:1", (unsigned)r.slots[0], n / 200,
                 n % 200 + 1);
        ask_until_answered(&r);
        assert_int_equal(r.asks_lost, 1);
    }
    r.fake.nodes[0].error = NULL;
    r.fake.to[r.slots[0]] = 2;
    for (int i = 0; i < 20 && r.ask_answers == 0; i++)
        ask_until_answered(&r);
    assert_int_equal(r.ask_answers, 1);
    assert_int_equal(r.fake.log[0].node, 2);
    rig_release(&r);
}

static void a_place_on_its_way_waits_alone_for_20_ms(void **state)
{
    struct rig r;
    (void)state;
    rig_init(&r);
    rig_connect(&r, 0);
    r.fake.nodes[0].error = "TRYAGAIN Multiple keys request during rehashing of slot";
    r.waits[2] = true;
    send_waiting(&r);
    loop_for(&r.loop, 10);
    r.fake.nodes[0].error = NULL;
    assert_int_equal(redirects(&r, REDIS_REDIRECT_TRYAGAIN), 1);
    assert_false(redis_route_send(r.route, r.batches[2]));
    assert_true(redis_route_send(r.route, r.batches[4]));
    r.answers = REDIS_SHARDS - 2;
    assert_true(loop_until(&r.loop, all_is_answered, &r, LIMIT_MS));
    rig_release(&r);
}

static void nodes_that_send_a_place_to_and_fro_are_not_hammered(void **state)
{
    struct rig r;
    char to_1[64], to_0[64];
    (void)state;
    rig_init(&r);
    rig_connect(&r, 0);
    snprintf(to_1, sizeof to_1, "MOVED %u 127.0.0.1:%u", r.slots[2], r.fake.nodes[1].port);
    snprintf(to_0, sizeof to_0, "MOVED %u 127.0.0.1:%u", r.slots[2], r.fake.nodes[0].port);
    const char *pairs[][2] = { { to_1, to_0 }, { to_0, to_1 }, { to_0, to_0 } };
    for (size_t i = 0; i < ARRAY_LEN(pairs); i++) {
        uint64_t before = redirects(&r, REDIS_REDIRECT_MOVED);
        r.fake.nodes[0].error = pairs[i][0];
        r.fake.nodes[1].error = pairs[i][1];
        r.waits[2] = true;
        send_waiting(&r);
        loop_for(&r.loop, 500);
        assert_in_range(redirects(&r, REDIS_REDIRECT_MOVED) - before, 2, 20);
        r.fake.nodes[0].error = r.fake.nodes[1].error = NULL;
        r.answers = REDIS_SHARDS - 1;
        assert_true(loop_until(&r.loop, all_is_answered, &r, LIMIT_MS));
    }
    rig_release(&r);
}

static void a_slot_that_nobody_has_holds_up_its_place_only(void **state)
{
    struct rig r;
    struct redis_stats s = { 0 };
    (void)state;
    rig_init(&r);
    rig_connect(&r, 0);
    r.fake.owner[r.slots[6]] = FAKE_NOBODY;
    send_all(&r);
    r.answers = 1;
    assert_true(loop_until(&r.loop, all_is_answered, &r, LIMIT_MS));
    loop_for(&r.loop, 300);
    assert_in_range(redirects(&r, REDIS_REDIRECT_CLUSTERDOWN), 1, 8);
    assert_false(redis_route_is_ready(r.route));
    assert_int_equal(redis_route_nodes(r.route)[6], REDIS_NODE_NONE);
    redis_route_stats(r.route, &s);
    assert_int_equal(s.disconnects, 0);
    r.fake.owner[r.slots[6]] = 1;
    r.answers = REDIS_SHARDS - 1;
    assert_true(loop_until(&r.loop, all_is_answered, &r, LIMIT_MS));
    expect_taken_by_owners(&r);
    rig_release(&r);
}

static void a_script_that_is_gone_is_loaded_on_the_same_connection(void **state)
{
    struct rig r;
    (void)state;
    rig_init(&r);
    rig_connect(&r, 0);
    r.fake.nodes[0].flushed = true;
    send_all(&r);
    assert_true(loop_until(&r.loop, all_is_answered, &r, LIMIT_MS));
    assert_int_equal(redirects(&r, REDIS_REDIRECT_NOSCRIPT), REDIS_SHARDS / 2);
    assert_int_equal(r.fake.nodes[0].loads, 2);
    assert_int_equal(r.lost + r.errors, 0);
    rig_release(&r);
}

static bool an_error_came(void *cookie)
{
    return ((struct rig *)cookie)->errors > 0;
}

static void a_node_that_never_keeps_the_script_is_given_up(void **state)
{
    struct rig r;
    (void)state;
    rig_init(&r);
    rig_connect(&r, 0);
    r.fake.nodes[0].flushed = r.fake.nodes[0].forgets = true;
    send_all(&r);
    assert_true(loop_until(&r.loop, an_error_came, &r, LIMIT_MS));
    assert_true(loop_until(&r.loop, half_is_answered, &r, LIMIT_MS)); /* of the other node */
    assert_in_range(r.fake.nodes[0].loads, 3, 5);
    rig_release(&r);
}

static void an_ask_follows_moved_and_ask_by_itself(void **state)
{
    (void)state;
    for (int kind = 0; kind < 2; kind++) {
        struct rig r;
        rig_init(&r);
        rig_connect(&r, 0);
        (kind == 0 ? r.fake.owner : r.fake.to)[r.slots[0]] = 1;
        assert_true(redis_route_ask(r.route, &r.ask));
        assert_true(loop_until(&r.loop, the_ask_is_answered, &r, LIMIT_MS));
        assert_int_equal(r.ask_answers, 1);
        assert_int_equal(r.fake.log[0].node, 1);
        rig_release(&r);
    }
}

static void entries_follow_their_slot(void **state)
{
    (void)state;
    for (int kind = 0; kind < 2; kind++) {
        struct rig r;
        rig_init(&r);
        rig_connect(&r, 0);
        for (int k = 0; k < EVENT_KINDS; k++) {
            uint16_t slot = r.slots[redis_keys_stream((enum event_kind)k)];
            (kind == 0 ? r.fake.owner : r.fake.to)[slot] = 2;
        }
        send_entries(&r);
        assert_true(loop_until(&r.loop, entries_are_answered, &r, LIMIT_MS));
        assert_int_equal(fake_cluster_taken(&r.fake, 2), EVENT_KINDS);
        rig_release(&r);
    }
}

/* ---- nodes that fail ---- */

static void a_node_that_is_given_up_does_not_disturb_the_other(void **state)
{
    struct rig r;
    struct redis_stats s = { 0 };
    (void)state;
    rig_init(&r);
    rig_connect(&r, 0);
    r.fake.nodes[1].error = "BUSY Redis is busy running a script";
    send_all(&r);
    assert_true(loop_until(&r.loop, half_is_answered, &r, LIMIT_MS));
    assert_int_equal(r.answers, REDIS_SHARDS / 2);
    assert_int_equal(r.errors, 1);
    redis_route_stats(r.route, &s);
    assert_int_equal(s.disconnects, 1);
    rig_release(&r);
}

static void a_frozen_node_does_not_delay_the_other(void **state)
{
    struct rig r;
    (void)state;
    rig_init(&r);
    rig_connect(&r, 0);
    r.fake.nodes[1].frozen = true;
    for (int i = 0; i < 20; i++) { /* far less than the timeout of the frozen one */
        r.answers = REDIS_SHARDS / 2;
        for (int shard = 0; shard < REDIS_SHARDS; shard += 2)
            r.waits[shard] = true;
        send_waiting(&r);
        assert_true(loop_until(&r.loop, all_is_answered, &r, 100));
    }
    rig_release(&r);
}

static void after_a_takeover_the_map_is_asked_for(void **state)
{
    struct rig r;
    (void)state;
    rig_init(&r);
    rig_connect(&r, 1); /* by the one that dies */
    for (int place = 1; place < REDIS_PLACES; place += 2)
        r.fake.owner[r.slots[place]] = 3;
    fake_cluster_kill(&r.fake, 1);
    send_all(&r);
    assert_true(loop_until(&r.loop, half_is_answered, &r, LIMIT_MS));
    assert_true(loop_until(&r.loop, all_are_ready, &r, LIMIT_MS));
    send_all(&r);
    r.answers = 0;
    assert_true(loop_until(&r.loop, all_is_answered, &r, LIMIT_MS));
    expect_taken_by_owners(&r);
    rig_release(&r);
}

/* Were the batches refused, the connection would end and take the entry's answer with it. */
static void no_entry_goes_behind_batches_before_the_node_took_one(void **state)
{
    struct rig r;
    (void)state;
    rig_init(&r);
    rig_connect(&r, 0);
    assert_true(redis_route_send_entry(r.route, r.entries[CHECK_ENTRY])); /* before them it may */
    assert_true(redis_route_send(r.route, r.batches[1]));
    assert_false(redis_route_send_entry(r.route, r.entries[CHECK_ENTRY]));
    assert_true(redis_route_send_entry(r.route, r.entries[EVENT_ENTRY])); /* of another node */
    r.answers = REDIS_SHARDS - 1;
    assert_true(loop_until(&r.loop, all_is_answered, &r, LIMIT_MS));
    assert_true(redis_route_send(r.route, r.batches[1]));
    r.entry_answers = 0;
    assert_true(redis_route_send_entry(r.route, r.entries[CHECK_ENTRY])); /* it took one */
    assert_true(redis_route_send_entry(r.route, r.entries[EVENT_ENTRY]));
    assert_true(loop_until(&r.loop, entries_are_answered, &r, LIMIT_MS));
    rig_release(&r);
}

/* ---- Sentinels ---- */

static void sentinels_are_asked_in_turn_until_one_names_a_master(void **state)
{
    struct rig r;
    char url[128], master[2][64];
    (void)state;
    rig_init(&r);
    memset(r.fake.owner, 0, sizeof r.fake.owner);
    for (int i = 0; i < 2; i++)
        snprintf(master[i], sizeof master[i], "*2\r\n$9\r\n127.0.0.1\r\n$%zu\r\n%u\r\n",
                 (size_t)snprintf(NULL, 0, "%u", r.fake.nodes[i].port), r.fake.nodes[i].port);
    fake_cluster_kill(&r.fake, 2);
    r.fake.nodes[3].master = master[0];
    snprintf(url, sizeof url, "redis+sentinel://127.0.0.1:%u,127.0.0.1:%u/stats",
             r.fake.nodes[2].port, r.fake.nodes[3].port);
    rig_start(&r, url);
    assert_true(loop_until(&r.loop, all_are_ready, &r, LIMIT_MS));
    send_all(&r);
    assert_true(loop_until(&r.loop, all_is_answered, &r, LIMIT_MS));
    assert_int_equal(fake_cluster_taken(&r.fake, 0), REDIS_SHARDS);
    /* The master is gone; the next one is a replica for a while, by what it says itself. */
    r.fake.nodes[1].is_replica = true;
    r.fake.nodes[3].master = master[1];
    fake_cluster_kill(&r.fake, 0);
    memset(r.fake.owner, 1, sizeof r.fake.owner);
    loop_for(&r.loop, 500);
    assert_false(redis_route_is_ready(r.route));
    r.fake.nodes[1].is_replica = false;
    assert_true(loop_until(&r.loop, all_are_ready, &r, LIMIT_MS));
    r.answers = 0;
    send_all(&r);
    assert_true(loop_until(&r.loop, all_is_answered, &r, LIMIT_MS));
    assert_int_equal(fake_cluster_taken(&r.fake, 1), REDIS_SHARDS);
    rig_release(&r);
}

/* It is cut off from the others, and names the old master for ever. */
static void a_sentinel_that_names_a_master_that_is_gone_is_not_the_last_word(void **state)
{
    struct rig r;
    char url[128], master[2][64];
    (void)state;
    rig_init(&r);
    memset(r.fake.owner, 1, sizeof r.fake.owner);
    for (int i = 0; i < 2; i++)
        snprintf(master[i], sizeof master[i], "*2\r\n$9\r\n127.0.0.1\r\n$%zu\r\n%u\r\n",
                 (size_t)snprintf(NULL, 0, "%u", r.fake.nodes[i].port), r.fake.nodes[i].port);
    fake_cluster_kill(&r.fake, 0);
    r.fake.nodes[2].master = master[0];
    r.fake.nodes[3].master = master[1];
    snprintf(url, sizeof url, "redis+sentinel://127.0.0.1:%u,127.0.0.1:%u/stats",
             r.fake.nodes[2].port, r.fake.nodes[3].port);
    rig_start(&r, url);
    assert_true(loop_until(&r.loop, all_are_ready, &r, LIMIT_MS));
    send_all(&r);
    assert_true(loop_until(&r.loop, all_is_answered, &r, LIMIT_MS));
    assert_int_equal(fake_cluster_taken(&r.fake, 1), REDIS_SHARDS);
    rig_release(&r);
}

/* They are asked every minute as long as the server runs. */
static void a_question_to_a_sentinel_is_no_news(void **state)
{
    struct rig r;
    char url[64], master[64], said[64], text[4096];
    int ends[2];
    (void)state;
    rig_init(&r);
    snprintf(master, sizeof master, "*2\r\n$9\r\n127.0.0.1\r\n$%zu\r\n%u\r\n",
             (size_t)snprintf(NULL, 0, "%u", r.fake.nodes[0].port), r.fake.nodes[0].port);
    r.fake.nodes[3].master = master;
    snprintf(url, sizeof url, "redis+sentinel://127.0.0.1:%u/stats", r.fake.nodes[3].port);
    assert_int_equal(pipe(ends), 0);
    log_to_fd(ends[1]);
    rig_start(&r, url);
    bool ready = loop_until(&r.loop, all_are_ready, &r, LIMIT_MS);
    log_to_fd(1);
    close(ends[1]);
    ssize_t n = read(ends[0], text, sizeof text - 1);
    close(ends[0]);
    assert_true(ready && n > 0);
    text[n] = '\0';
    assert_non_null(strstr(text, "redis connected"));
    snprintf(said, sizeof said, "port=%u", r.fake.nodes[3].port);
    assert_null(strstr(text, said));
    rig_release(&r);
}

static void a_route_may_end_while_sentinels_are_asked(void **state)
{
    struct rig r;
    char url[64];
    (void)state;
    rig_init(&r);
    snprintf(url, sizeof url, "redis+sentinel://127.0.0.1:%u/stats", r.fake.nodes[3].port);
    rig_start(&r, url);
    loop_for(&r.loop, 50); /* it knows no such master */
    assert_false(redis_route_is_ready(r.route));
    rig_release(&r);
}

static bool has_trouble(void *rig)
{
    return redis_route_trouble(((struct rig *)rig)->route) != NULL;
}

static void what_sentinels_say_is_why_no_node_is_reached(void **state)
{
    struct rig r;
    char url[128], want[128];
    struct buf why = { 0 };
    (void)state;
    rig_init(&r);
    fake_cluster_kill(&r.fake, 2);
    snprintf(url, sizeof url, "redis+sentinel://127.0.0.1:%u,127.0.0.1:%u/stats",
             r.fake.nodes[3].port, r.fake.nodes[2].port);
    snprintf(want, sizeof want, "the Sentinel at 127.0.0.1:%u: no master of that name",
             r.fake.nodes[3].port);
    rig_start(&r, url);
    assert_true(loop_until(&r.loop, has_trouble, &r, LIMIT_MS));
    redis_route_missing(r.route, 0, &why);
    buf_append_char(&why, '\0');
    assert_string_equal(why.ptr, want);
    buf_release(&why);
    rig_release(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_shard_and_stream_goes_to_its_node),
        cmocka_unit_test(one_redis_has_all_places),
        cmocka_unit_test(a_cluster_that_does_not_show_its_map_is_learnt_by_moved),
        cmocka_unit_test(hosts_of_the_url_that_are_dead_are_passed_over),
        cmocka_unit_test(a_node_that_loads_its_data_is_asked_again),
        cmocka_unit_test(a_slot_that_moved_is_followed_at_once),
        cmocka_unit_test(a_node_without_places_is_left_and_its_batches_are_answered),
        cmocka_unit_test(ask_is_for_one_command_and_leaves_the_map),
        cmocka_unit_test(a_place_on_its_way_waits_alone_for_20_ms),
        cmocka_unit_test(nodes_that_send_a_place_to_and_fro_are_not_hammered),
        cmocka_unit_test(a_slot_that_nobody_has_holds_up_its_place_only),
        cmocka_unit_test(a_script_that_is_gone_is_loaded_on_the_same_connection),
        cmocka_unit_test(a_node_that_never_keeps_the_script_is_given_up),
        cmocka_unit_test(an_ask_follows_moved_and_ask_by_itself),
        cmocka_unit_test(ask_to_ever_new_nodes_leaves_room_for_others),
        cmocka_unit_test(entries_follow_their_slot),
        cmocka_unit_test(a_node_that_is_given_up_does_not_disturb_the_other),
        cmocka_unit_test(a_frozen_node_does_not_delay_the_other),
        cmocka_unit_test(after_a_takeover_the_map_is_asked_for),
        cmocka_unit_test(no_entry_goes_behind_batches_before_the_node_took_one),
        cmocka_unit_test(sentinels_are_asked_in_turn_until_one_names_a_master),
        cmocka_unit_test(a_sentinel_that_names_a_master_that_is_gone_is_not_the_last_word),
        cmocka_unit_test(a_question_to_a_sentinel_is_no_news),
        cmocka_unit_test(a_route_may_end_while_sentinels_are_asked),
        cmocka_unit_test(what_sentinels_say_is_why_no_node_is_reached),
    };
    return cmocka_run_group_tests_name("redis_route", tests, NULL, NULL);
}
