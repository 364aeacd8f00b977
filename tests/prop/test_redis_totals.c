/*
 * The totals in a real Redis, against a model that adds: whatever the order in which batches of
 * several instances come, however often each is sent again, and whichever are for the totals only.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "sinks/redis/encode.h"
#include "sinks/redis/keys.h"
#include "sinks/redis/reply.h"
#include "sinks/redis/script.h"
#include "support/fake_snapshot.h"
#include "support/redis_server.h"

enum {
    INSTANCES = 3,
    INTERVALS = 8,
    BATCHES_MAX = INTERVALS * REDIS_SHARDS,
    SERIES = 6,
    ROUNDS = 40
};
enum { T0 = 1700000000 };

#define TOKEN "cccccccccccccccc"
#define TIMER                                                                                      \
    "local v=redis.call('HGET',KEYS[1],ARGV[1]) if not v then return '' end "                      \
    "local x,t=cmsgpack.unpack(v) return string.format('%.17g %.17g %d',x[1],x[2],t)"

static const char *const names[INSTANCES] = { "a", "b|", "c%7C" };
static const char *const fields[INSTANCES] = { "a", "b%7C", "c%257C" };

static struct redis_server server;
static char sha[41];
static uint64_t chance = 88172645463325252u;

static uint32_t draw(uint32_t below)
{
    chance ^= chance << 13;
    chance ^= chance >> 7;
    chance ^= chance << 17;
    return (uint32_t)(chance % below);
}

/* What one instance sends, in order. */
struct instance {
    struct redis_batch *at[BATCHES_MAX];
    size_t n, next;
    bool only; /* the interval being encoded is for the totals */
    uint64_t seq[REDIS_SHARDS];
    char id[REDIS_ID_DIGITS + 1];
};

/* What the totals should be; last: 0 for none. */
struct model {
    struct {
        double counter, gauge, own[INSTANCES], n, sum;
        int64_t counter_last, timer_last;
        bool gauged, owned[INSTANCES];
    } of[SERIES];
};

static void take(void *cookie, struct redis_batch *b)
{
    struct instance *in = cookie;
    if (b->series == 0) {
        redis_batch_free(b);
        return;
    }
    assert_true(in->n < BATCHES_MAX);
    if (in->only)
        redis_batch_totals_only(b);
    b->seq = ++in->seq[b->shard];
    redis_batch_brand(b, TOKEN);
    const struct redis_address a = {
        .id = in->id, .before = TOKEN, .seq = b->seq, .generation = 1
    };
    redis_batch_address(b, &a);
    redis_batch_sha(b, sha);
    in->at[in->n++] = b;
}

static void later(int64_t *last, int64_t T)
{
    *last = T > *last ? T : *last;
}

/* Halves add up without rounding, in any order. */
static double any_value(void)
{
    return (double)draw(2001) / 2 - 500;
}

static void interval(struct redis_encode *e, struct instance *in, int which, int64_t T,
                     struct model *m)
{
    struct fake_snapshot f;
    fake_snapshot_init(&f, T);
    for (int s = 0; s < SERIES; s++) {
        char key[32];
        double v = any_value();
        snprintf(key, sizeof key, "name.%d|#k:v", s);
        if (draw(2) == 0) {
            fake_snapshot_counter(&f, key, v);
            m->of[s].counter += v;
            later(&m->of[s].counter_last, T);
        }
        if (draw(2) == 0) {
            enum gauge_merge rule = draw(2) == 0 ? GAUGE_MERGE_LATEST : GAUGE_MERGE_SUM;
            fake_snapshot_gauge(&f, key, (struct gauge_change){ false, 0, v, T * 1000 });
            fake_snapshot_rule(&f, rule);
            m->of[s].gauge += v;
            m->of[s].gauged = true;
            m->of[s].own[which] += rule == GAUGE_MERGE_SUM ? v : 0;
            m->of[s].owned[which] |= rule == GAUGE_MERGE_SUM;
        }
        if (draw(2) == 0) {
            sketch_add(fake_snapshot_timer(&f, key, (int)draw(9)), v, 1);
            m->of[s].n += 1;
            m->of[s].sum += v;
            later(&m->of[s].timer_last, T);
        }
    }
    in->only = draw(4) == 0;
    fake_snapshot_encode(&f, e, 4800, take, in);
    fake_snapshot_release(&f);
}

static void send_as(const struct redis_batch *b, enum redis_verdict_kind want)
{
    redisReply *r;
    struct buf wire = { 0 };
    redis_batch_wire(b, &wire);
    redisAppendFormattedCommand(server.admin, wire.ptr, wire.len);
    buf_release(&wire);
    assert_int_equal(redisGetReply(server.admin, (void **)&r), REDIS_OK);
    struct redis_verdict v = redis_reply_judge(r, b->seq);
    if (v.kind != want)
        fail_msg("verdict %d, not %d: %s", (int)v.kind, (int)want, r->str);
    freeReplyObject(r);
}

/* The next batch of any instance, and now and then one that was sent before. */
static void send_all(struct instance *in)
{
    size_t left = 0;
    for (int i = 0; i < INSTANCES; i++)
        left += in[i].n;
    while (left > 0) {
        struct instance *x = &in[draw(INSTANCES)];
        if (x->next > 0 && draw(3) == 0)
            send_as(x->at[draw((uint32_t)x->next)], REDIS_VERDICT_DUPLICATE);
        if (x->next == x->n)
            continue;
        send_as(x->at[x->next++], REDIS_VERDICT_APPLIED);
        left--;
    }
}

static void expect(int s, const char *prefix, bool there, double value, int64_t last)
{
    char field[64];
    long long got_last = 0;
    snprintf(field, sizeof field, "%sname.%d|#k:v", prefix, s);
    unsigned nn = redis_keys_shard(slice_of(strstr(field, "name"), 6));
    char *got = redis_server_text(&server, "HGET {sd:%02u}:tot %s", nn, field);
    if ((got != NULL) != there)
        fail_msg("%s is %s", field, there ? "missing" : got);
    if (there && strtod(got, NULL) != value)
        fail_msg("%s is %s, not %.17g", field, got, value);
    if (there && last > 0) {
        assert_int_equal(sscanf(got, "%*s %lld", &got_last), 1);
        assert_int_equal(got_last, last);
    }
    free(got);
}

static void expect_timer(int s, double n, double sum, int64_t last)
{
    char name[16], field[64], want[96] = "";
    snprintf(name, sizeof name, "name.%d", s);
    snprintf(field, sizeof field, "h|%s|#k:v", name);
    if (n > 0)
        snprintf(want, sizeof want, "%.17g %.17g %lld", n, sum, (long long)last);
    char *got = redis_server_text(&server, "EVAL %s 1 {sd:%02u}:tot %s", TIMER,
                                  redis_keys_shard(slice_str(name)), field);
    assert_string_equal(got, want);
    free(got);
}

static void totals_are_the_sums_whatever_the_order_and_however_often(void **state)
{
    static struct instance in[INSTANCES];
    static int next_id;
    (void)state;
    for (int round = 0; round < ROUNDS; round++) {
        struct model m = { 0 };
        freeReplyObject(redis_server_reply(&server, "FLUSHALL"));
        memset(in, 0, sizeof in);
        for (int i = 0; i < INSTANCES; i++) {
            struct redis_encode *e = redis_encode_new(&(struct redis_encode_opts){
                .prefix = "sd", .instance = names[i], .retention_s = 600, .alive_ms = 50000 });
            snprintf(in[i].id, sizeof in[i].id, "%032x", ++next_id);
            for (int k = 0; k < INTERVALS; k++)
                interval(e, &in[i], i, T0 + 10 * (int64_t)draw(INTERVALS), &m);
            redis_encode_free(e);
        }
        send_all(in);
        for (int s = 0; s < SERIES; s++) {
            expect(s, "c|", m.of[s].counter_last > 0, m.of[s].counter, m.of[s].counter_last);
            expect(s, "g|", m.of[s].gauged, m.of[s].gauge, 0);
            expect_timer(s, m.of[s].n, m.of[s].sum, m.of[s].timer_last);
            for (int i = 0; i < INSTANCES; i++) {
                char prefix[32];
                snprintf(prefix, sizeof prefix, "i|%s|", fields[i]);
                expect(s, prefix, m.of[s].owned[i], m.of[s].own[i], 0);
            }
        }
        for (int i = 0; i < INSTANCES; i++)
            for (size_t k = 0; k < in[i].n; k++)
                redis_batch_free(in[i].at[k]);
    }
}

static int start(void **state)
{
    (void)state;
    struct buf script = { 0 };
    redis_server_init(&server, NULL);
    redis_server_start(&server);
    redis_script_append(&script);
    char *text = redis_server_text(&server, "SCRIPT LOAD %b", script.ptr, script.len);
    memcpy(sha, text, 40);
    free(text);
    buf_release(&script);
    return 0;
}

static int stop(void **state)
{
    (void)state;
    redis_server_release(&server);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(totals_are_the_sums_whatever_the_order_and_however_often),
    };
    return cmocka_run_group_tests_name("redis_totals", tests, start, stop);
}
