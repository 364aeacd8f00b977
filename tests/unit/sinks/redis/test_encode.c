/*
 * The bytes of batches, and what the script makes of them in a real Redis.
 */
#include <inttypes.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/mem.h"
#include "aggregate/sketch_window.h"
#include "sinks/redis/encode.h"
#include "sinks/redis/keys.h"
#include "sinks/redis/reply.h"
#include "sinks/redis/resp.h"
#include "sinks/redis/script.h"
#include "support/fake_snapshot.h"
#include "support/redis_server.h"

static struct redis_server server;
static char sha[41];

/* Collects the batches of an interval. */
struct pile {
    struct redis_batch *at[4096];
    size_t n;
};

static void take(void *cookie, struct redis_batch *b)
{
    struct pile *p = cookie;
    assert_true(p->n < 4096);
    p->at[p->n++] = b;
}

static void release(struct pile *p)
{
    for (size_t i = 0; i < p->n; i++)
        redis_batch_free(p->at[i]);
    p->n = 0;
}

static struct redis_encode *encoder(const char *instance)
{
    return redis_encode_new(
        &(struct redis_encode_opts){ .prefix = "sd", .instance = instance, .retention_s = 600 });
}

/* One producer that applies intervals at once, in order. */
struct producer {
    struct redis_encode *encode;
    const char *id, *token;
    uint64_t seq[REDIS_SHARDS];
};

#define ID_A     "00112233445566778899aabbccddeeff"
#define ID_B     "ffeeddccbbaa99887766554433221100"
#define TOKEN_A  "aaaaaaaaaaaaaaaa"
#define TOKEN_B  "bbbbbbbbbbbbbbbb"
#define WRITER_P "f50c43ef" /* FNV-1a of "p" */
#define WRITER_Q "f40c425c" /* of "q" */
#define UNPACK   "return cjson.encode((cmsgpack.unpack(redis.call('HGET',KEYS[1],ARGV[1]))))"

static void producer_init(struct producer *p, const char *instance)
{
    memset(p, 0, sizeof *p);
    p->encode = encoder(instance);
    p->id = ID_A;
    p->token = TOKEN_A;
}

static redisReply *run(struct redis_batch *b)
{
    redisReply *r;
    redis_batch_sha(b, sha);
    struct buf wire = { 0 };
    redis_batch_wire(b, &wire);
    redisAppendFormattedCommand(server.admin, wire.ptr, wire.len);
    buf_release(&wire);
    assert_int_equal(redisGetReply(server.admin, (void **)&r), REDIS_OK);
    return r;
}

static void number(struct redis_batch *b, const char *id, const char *token, const char *before,
                   uint64_t seq)
{
    b->seq = seq;
    redis_batch_brand(b, token);
    const struct redis_address a = { .id = id,
                                     .before = before,
                                     .seq = seq,
                                     .series = 10 * seq,
                                     .nth = (uint32_t)seq,
                                     .generation = 1 };
    redis_batch_address(b, &a);
}

/* Run b.  returns  the verdict, but for what dies with the reply */
static struct redis_verdict verdict(struct redis_batch *b)
{
    redisReply *r = run(b);
    struct redis_verdict v = redis_reply_judge(r, b->seq);
    if (v.kind == REDIS_VERDICT_LATER || v.kind == REDIS_VERDICT_FAILED)
        fail_msg("shard %u: %s", b->shard, v.text);
    freeReplyObject(r);
    return v;
}

static void expect_verdict(struct redis_batch *b, enum redis_verdict_kind want)
{
    struct redis_verdict v = verdict(b);
    if (v.kind != want)
        fail_msg("shard %u, number %d: verdict %d, not %d", b->shard, (int)b->seq, (int)v.kind,
                 (int)want);
}

/* Applies every batch, and each a second time, which must change nothing.  returns  values
 * refused */
static uint32_t apply(struct producer *p, struct fake_snapshot *f)
{
    static struct pile pile;
    uint32_t refused = 0;
    fake_snapshot_encode(f, p->encode, 4800, take, &pile);
    fake_snapshot_release(f);
    for (size_t i = 0; i < pile.n; i++) {
        struct redis_batch *b = pile.at[i];
        number(b, p->id, p->token, p->token, ++p->seq[b->shard]);
        struct redis_verdict v = verdict(b);
        assert_int_equal(v.kind, REDIS_VERDICT_APPLIED);
        refused += v.refused;
        expect_verdict(b, REDIS_VERDICT_DUPLICATE);
    }
    release(&pile);
    return refused;
}

static unsigned shard_of(const char *key)
{
    const char *bar = strchr(key, '|');
    return redis_keys_shard(slice_of(key, bar ? (size_t)(bar - key) : strlen(key)));
}

static void expect_field(const char *hash, char kind, const char *key, const char *want)
{
    char field[256];
    snprintf(field, sizeof field, "%c|%s", kind, key);
    char *got = redis_server_text(&server, "HGET {sd:%02u}:%s %s", shard_of(key), hash, field);
    if (want == NULL ? got != NULL : got == NULL || strcmp(got, want) != 0)
        fail_msg("%s %c|%s is \"%s\", not \"%s\"", hash, kind, key, got ? got : "(nil)",
                 want ? want : "(nil)");
    free(got);
}

/* A msgpack field, as JSON. */
static void expect_packed(const char *hash, char kind, const char *key, const char *want)
{
    char field[256];
    snprintf(field, sizeof field, "%c|%s", kind, key);
    char *got =
        redis_server_text(&server, "EVAL %s 1 {sd:%02u}:%s %s", UNPACK, shard_of(key), hash, field);
    assert_non_null(got);
    assert_string_equal(got, want);
    free(got);
}

static int flush(void **state)
{
    (void)state;
    freeReplyObject(redis_server_reply(&server, "FLUSHALL"));
    return 0;
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

/* ---- bytes ---- */

static void crc16_is_that_of_redis_cluster(void **state)
{
    (void)state;
    assert_int_equal(redis_keys_crc16(SLICE_LIT("123456789")), 0x31c3);
    assert_int_equal(redis_keys_crc16(SLICE_LIT("")), 0);
    assert_int_equal(redis_keys_crc16(SLICE_LIT("foo")) % 16384, 12182); /* CLUSTER KEYSLOT foo */
    assert_int_equal(redis_keys_crc16(SLICE_LIT("somekey")) % 16384, 11058);
}

/* A bit at a time, as the polynomial says. */
static uint16_t crc16_by_bits(const unsigned char *p, size_t n)
{
    uint32_t crc = 0;
    for (size_t i = 0; i < n; i++) {
        crc ^= (uint32_t)p[i] << 8;
        for (int bit = 0; bit < 8; bit++)
            crc = (crc << 1 ^ (crc & 0x8000 ? 0x1021 : 0)) & 0xffff;
    }
    return (uint16_t)crc;
}

static void crc16_is_the_definition_for_every_length_and_byte(void **state)
{
    unsigned char text[300];
    (void)state;
    for (size_t i = 0; i < sizeof text; i++)
        text[i] = (unsigned char)(i * 167 + 13);
    for (size_t n = 0; n < sizeof text; n++) {
        char *exact = mem_alloc(n + 1); /* nothing behind the text is read */
        memcpy(exact + 1, text, n);
        assert_int_equal(redis_keys_crc16(slice_of(exact + 1, n)), crc16_by_bits(text, n));
        free(exact);
    }
}

static void msgpack_takes_the_shortest_form(void **state)
{
    static const struct {
        double v;
        const char *bytes;
        size_t n;
    } cases[] = {
        { 0, "\x00", 1 },
        { 127, "\x7f", 1 },
        { 128, "\xcc\x80", 2 },
        { 256, "\xcd\x01\x00", 3 },
        { 65536, "\xce\x00\x01\x00\x00", 5 },
        { 4294967296.0, "\xcf\x00\x00\x00\x01\x00\x00\x00\x00", 9 },
        { -1, "\xff", 1 },
        { -32, "\xe0", 1 },
        { -33, "\xd0\xdf", 2 },
        { -129, "\xd1\xff\x7f", 3 },
        { -32769, "\xd2\xff\xff\x7f\xff", 5 },
        { -2147483649.0, "\xd3\xff\xff\xff\xff\x7f\xff\xff\xff", 9 },
        { 0.5, "\xcb\x3f\xe0\x00\x00\x00\x00\x00\x00", 9 },
        { 1e300, "\xcb\x7e\x37\xe4\x3c\x88\x00\x75\x9c", 9 },
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct buf b = { 0 };
        redis_resp_pack_double(&b, cases[i].v);
        assert_int_equal(b.len, cases[i].n);
        assert_memory_equal(b.ptr, cases[i].bytes, b.len);
        buf_release(&b);
    }
}

static void an_empty_interval_has_one_batch_per_shard_and_the_log_last(void **state)
{
    static struct pile pile;
    struct fake_snapshot f;
    bool seen[REDIS_SHARDS] = { false };
    (void)state;
    struct redis_encode *e = encoder("web-1");
    fake_snapshot_init(&f, 1700000000);
    fake_snapshot_encode(&f, e, 4800, take, &pile);
    assert_int_equal(pile.n, REDIS_SHARDS);
    for (size_t i = 0; i < pile.n; i++) {
        assert_false(seen[pile.at[i]->shard]);
        seen[pile.at[i]->shard] = true;
        assert_int_equal(pile.at[i]->series, 0);
        assert_int_equal(pile.at[i]->last, i == pile.n - 1);
        assert_true(pile.at[i]->len < 800);
    }
    assert_int_equal(pile.at[pile.n - 1]->shard, redis_keys_shard(SLICE_LIT("web-1")));
    release(&pile);
    fake_snapshot_release(&f);
    redis_encode_free(e);
}

static void a_batch_is_the_command_byte_for_byte(void **state)
{
    static struct pile pile;
    struct fake_snapshot f;
    (void)state;
    struct redis_encode *e = encoder("a");
    fake_snapshot_init(&f, 1700000000);
    fake_snapshot_counter(&f, "foo|#k:v", 0.25);
    fake_snapshot_encode(&f, e, 4800, take, &pile);
    struct redis_batch *b = NULL;
    for (size_t i = 0; i < pile.n; i++)
        if (pile.at[i]->series == 1)
            b = pile.at[i];
    assert_non_null(b);
    redis_batch_sha(b, "0123456789012345678901234567890123456789");
    redis_batch_brand(b, TOKEN_A);
    const struct redis_address a = {
        .id = ID_A, .before = TOKEN_B, .seq = 42, .series = 1234, .nth = 7, .generation = 1
    };
    redis_batch_address(b, &a);
    /* crc16("foo") % 64 is 22 */
    static const char want[] =
        "*34\r\n$7\r\nEVALSHA\r\n$40\r\n0123456789012345678901234567890123456789\r\n$1\r\n7\r\n"
        "$44\r\n{sd:22}:p:a:" ID_A "\r\n$20\r\n{sd:22}:i:1700000000\r\n$11\r\n{sd:22}:tot\r\n"
        "$11\r\n{sd:22}:log\r\n$11\r\n{sd:22}:tmp\r\n$11\r\n{sd:22}:w:a\r\n"
        "$12\r\n{sd:22}:sets\r\n"
        "$12\r\n000000000042\r\n$16\r\n" TOKEN_A "\r\n$16\r\n" TOKEN_B "\r\n"
        "$26\r\n000000000001234:0000000007\r\n$1\r\n0\r\n$4\r\n4800\r\n$3\r\n600\r\n"
        "$10\r\n1700000000\r\n$1\r\na\r\n"
        "$2\r\n-1\r\n$8\r\ne40c292c\r\n"
        "$1\r\n1\r\n$1\r\n0\r\n$1\r\n0\r\n$1\r\n0\r\n$1\r\n0\r\n$1\r\n0\r\n$1\r\n0\r\n"
        "$6\r\n000001\r\n$1\r\n0\r\n$0\r\n\r\n$1\r\n0\r\n$8\r\nfoo|#k:v\r\n$4\r\n0.25\r\n";
    struct buf wire = { 0 };
    redis_batch_wire(b, &wire);
    assert_int_equal(wire.len, sizeof want - 1);
    assert_memory_equal(wire.ptr, want, wire.len);
    buf_release(&wire);
    release(&pile);
    fake_snapshot_release(&f);
    redis_encode_free(e);
}

/* How many arguments the command has; *ret_said: how many it says. */
static size_t count_args(struct slice wire, size_t *ret_said)
{
    size_t n = 0, at = 0;
    *ret_said = strtoul(wire.ptr + 1, NULL, 10);
    at = (size_t)((const char *)memchr(wire.ptr, '\n', wire.len) - wire.ptr) + 1;
    while (at < wire.len) {
        assert_int_equal(wire.ptr[at], '$');
        size_t len = strtoul(wire.ptr + at + 1, NULL, 10);
        const char *end = memchr(wire.ptr + at, '\n', wire.len - at);
        at = (size_t)(end - wire.ptr) + 1 + len;
        assert_memory_equal(wire.ptr + at, "\r\n", 2);
        at += 2;
        n++;
    }
    assert_int_equal(at, wire.len);
    return n;
}

static void a_batch_of_every_kind_has_the_arguments_it_says_each_time_it_is_sent(void **state)
{
    static struct pile pile;
    struct fake_snapshot f;
    char key[64];
    (void)state;
    struct redis_encode *e = encoder("a");
    fake_snapshot_init(&f, 1700000000);
    for (int i = 0; i < 60; i++) {
        snprintf(key, sizeof key, "foo|#i:%d", i);
        fake_snapshot_counter(&f, key, i / 4.0 - 3);
        fake_snapshot_gauge(&f, key, (struct gauge_change){ i % 2, i, -i, 1700000000000 - i });
        sketch_add(fake_snapshot_timer(&f, key, 5), i - 30, 1);
        members_add(fake_snapshot_set(&f, key), (uint64_t)i + 1);
    }
    fake_snapshot_encode(&f, e, 4800, take, &pile);
    size_t seen = 0;
    for (size_t i = 0; i < pile.n; i++) {
        struct buf once = { 0 }, again = { 0 };
        size_t said;
        redis_batch_wire(pile.at[i], &once);
        redis_batch_wire(pile.at[i], &again);
        assert_int_equal(once.len, again.len);
        assert_memory_equal(once.ptr, again.ptr, once.len);
        size_t args = count_args(buf_slice(&once), &said);
        assert_int_equal(args, said);
        assert_true(pile.at[i]->series < 100 || pile.at[i]->len < once.len);
        seen += pile.at[i]->series;
        buf_release(&once);
        buf_release(&again);
    }
    assert_int_equal(seen, 240);
    release(&pile);
    fake_snapshot_release(&f);
    redis_encode_free(e);
}

static size_t wire_len(const struct redis_batch *b)
{
    struct buf wire = { 0 };
    redis_batch_wire(b, &wire);
    size_t n = wire.len;
    buf_release(&wire);
    return n;
}

static void batches_are_bounded_in_series_and_bytes(void **state)
{
    static struct pile pile;
    struct fake_snapshot f;
    char key[64];
    uint64_t series = 0;
    (void)state;
    struct redis_encode *e = encoder("a");
    fake_snapshot_init(&f, 1700000000);
    for (int i = 0; i < 1001; i++) {
        snprintf(key, sizeof key, "one|#i:%d", i);
        fake_snapshot_counter(&f, key, 1);
    }
    for (int i = 0; i < 100; i++) {
        snprintf(key, sizeof key, "big|#i:%d", i);
        struct members *m = fake_snapshot_set(&f, key);
        for (uint64_t j = 0; j < 4000; j++)
            members_add(m, (j + 1) * 0x9E3779B97F4A7C15ull);
    }
    fake_snapshot_encode(&f, e, 4800, take, &pile);
    for (size_t i = 0; i < pile.n; i++) {
        assert_true(pile.at[i]->series <= REDIS_BATCH_SERIES);
        assert_true(wire_len(pile.at[i]) <= REDIS_BATCH_BYTES + 20000);
        series += pile.at[i]->series;
    }
    assert_int_equal(series, 1101);
    assert_in_range(pile.n, 64 + 4 + 2, 64 + 4 + 4);
    release(&pile);
    fake_snapshot_release(&f);
    redis_encode_free(e);
}

/* ---- what the script makes of it ---- */

static void counters_of_two_instances_add_up_exactly(void **state)
{
    struct producer p, q;
    struct fake_snapshot f;
    (void)state;
    producer_init(&p, "p");
    producer_init(&q, "q");
    for (int i = 0; i < 3; i++) {
        fake_snapshot_init(&f, 1700000000 + 10 * i);
        fake_snapshot_counter(&f, "hits|#env:prod", 3);
        fake_snapshot_counter(&f, "part", 0.1);
        fake_snapshot_counter(&f, "down", -2);
        fake_snapshot_counter(&f, "huge", 1e300);
        apply(&p, &f);
        fake_snapshot_init(&f, 1700000000 + 10 * i);
        fake_snapshot_counter(&f, "hits|#env:prod", 9007199254740000.0);
        fake_snapshot_counter(&f, "part", 0.2);
        apply(&q, &f);
    }
    expect_field("i:1700000000", 'c', "hits|#env:prod", "9007199254740003");
    expect_field("i:1700000000", 'c', "part", "0.30000000000000004");
    expect_field("i:1700000020", 'c', "down", "-2");
    expect_field("i:1700000020", 'c', "huge", "1e+300");
    expect_field("tot", 'c', "down", "-6 1700000020");
    char *got = redis_server_text(&server, "HGET {sd:%02u}:tot c|hits|#env:prod", shard_of("hits"));
    assert_true(strtod(got, NULL) == 9007199254740003.0 + 9007199254740003.0 + 9007199254740003.0);
    free(got);
    assert_in_range(redis_server_integer(&server, "TTL {sd:%02u}:i:1700000000", shard_of("part")),
                    595, 600);
    assert_int_equal(redis_server_integer(&server, "TTL {sd:%02u}:tot", shard_of("part")), -1);
    assert_in_range(redis_server_integer(&server, "TTL {sd:%02u}:p:p:" ID_A, shard_of("part")),
                    4795, 4800);
    redis_encode_free(p.encode);
    redis_encode_free(q.encode);
}

static void a_late_interval_does_not_turn_the_last_one_back(void **state)
{
    struct producer p;
    struct fake_snapshot f;
    (void)state;
    producer_init(&p, "p");
    static const int64_t T[] = { 1700000020, 1700000000, 1700000010 };
    for (size_t i = 0; i < 3; i++) {
        fake_snapshot_init(&f, T[i]);
        fake_snapshot_counter(&f, "hits", 1);
        apply(&p, &f);
    }
    expect_field("tot", 'c', "hits", "3 1700000020");
    redis_encode_free(p.encode);
}

static void of_two_writers_the_latest_absolute_gauge_wins_in_any_order(void **state)
{
    struct producer p, q;
    struct fake_snapshot f;
    (void)state;
    producer_init(&p, "p");
    producer_init(&q, "q");
    static const struct {
        bool by_q;
        struct gauge_change change;
    } steps[] = {
        { false, { true, 5, 0, 1700000001000 } },
        { true, { true, 7.25, 0.5, 1700000003000 } }, /* absolute, then +0.5 */
        { false, { true, 6, 0, 1700000002000 } },     /* late */
    };
    for (size_t i = 0; i < 3; i++) {
        fake_snapshot_init(&f, 1700000000);
        fake_snapshot_gauge(&f, "temp", steps[i].change);
        apply(steps[i].by_q ? &q : &p, &f);
    }
    expect_field("i:1700000000", 'g', "temp", "7.75 1700000003000 " WRITER_Q);
    expect_field("tot", 'g', "temp", "7.75 1700000003000 " WRITER_Q);
    redis_encode_free(p.encode);
    redis_encode_free(q.encode);
}

static void relative_gauges_add_to_what_is_known(void **state)
{
    struct producer p, q;
    struct fake_snapshot f;
    (void)state;
    producer_init(&p, "p");
    producer_init(&q, "q");
    fake_snapshot_init(&f, 1700000000);
    fake_snapshot_gauge(&f, "load", (struct gauge_change){ false, 0, 3, 1700000001000 });
    fake_snapshot_gauge(&f, "temp", (struct gauge_change){ true, 10, 0, 1700000001000 });
    apply(&p, &f);
    fake_snapshot_init(&f, 1700000000);
    fake_snapshot_gauge(&f, "load", (struct gauge_change){ false, 0, -1, 1700000000500 });
    fake_snapshot_gauge(&f, "temp", (struct gauge_change){ false, 0, 2, 1700000002000 });
    apply(&q, &f);
    expect_field("i:1700000000", 'g', "load", "2 1700000001000 " WRITER_P);
    expect_field("i:1700000000", 'g', "temp", "12 1700000002000 " WRITER_P);
    fake_snapshot_init(&f, 1700000010);
    fake_snapshot_gauge(&f, "load", (struct gauge_change){ false, 0, 0.5, 1700000011000 });
    apply(&p, &f);
    /* The interval starts from the total. */
    expect_field("i:1700000010", 'g', "load", "2.5 1700000011000 " WRITER_P);
    expect_field("tot", 'g', "load", "2.5 1700000011000 " WRITER_P);
    expect_field("tot", 'g', "temp", "12 1700000002000 " WRITER_P);
    redis_encode_free(p.encode);
    redis_encode_free(q.encode);
}

static void an_absolute_and_a_relative_gauge_of_one_name_meet_in_a_batch(void **state)
{
    struct producer p;
    struct fake_snapshot f;
    (void)state;
    producer_init(&p, "p");
    fake_snapshot_init(&f, 1700000000);
    fake_snapshot_gauge(&f, "temp", (struct gauge_change){ false, 0, 2, 1700000002000 });
    fake_snapshot_gauge(&f, "temp", (struct gauge_change){ true, 10, 0, 1700000001000 });
    apply(&p, &f);
    expect_field("tot", 'g', "temp", "12 1700000002000 " WRITER_P);
    redis_encode_free(p.encode);
}

/* Sum of the counts of a field, and its header, read back through the sketch of a third party:
 * Lua. */
static void expect_timer(const char *hash, const char *key, const struct sketch *want)
{
    struct buf b = { 0 };
    buf_printf(&b, "[%.14g,%.14g,%.14g,%.14g,%d,%.14g,", want->count, want->sum, want->min,
               want->max, want->pos.schema, want->zero);
    uint32_t from = 0, to = want->pos.n;
    while (from < to && sketch_window_count(&want->pos, from) == 0)
        from++;
    while (to > from && sketch_window_count(&want->pos, to - 1) == 0)
        to--;
    buf_printf(&b, "%d", from < to ? (int)want->pos.first + (int)from : 0);
    for (uint32_t i = from; i < to; i++)
        buf_printf(&b, ",%.14g", sketch_window_count(&want->pos, i));
    buf_append(&b, "]", 2);
    expect_packed(hash, 'h', key, b.ptr);
    buf_release(&b);
}

/* What the script merges, the sketch of our own merges to the same, bucket by bucket. */
static void timers_merge_as_our_own_sketch_does(void **state)
{
    /* clang-format off */
    static const struct {
        int schema[3];
        double from[3], growth[3];
        int n[3];
    } cases[] = {
        { { 5, 5, 5 }, { 1, 1, 1 }, { 1.01, 1.01, 1.01 }, { 100, 100, 100 } }, /* same place */
        /* Above and below, holes between. */
        { { 5, 5, 5 }, { 1, 1000, 0.001 }, { 1.01, 1.01, 1.01 }, { 50, 50, 50 } },
        { { 5, 3, 8 }, { 1, 1, 1 }, { 1.02, 1.02, 1.02 }, { 200, 200, 200 } }, /* coarser, finer */
        { { 8, 5, 3 }, { 0.01, 5, 5 }, { 1.02, 1.5, 1.01 }, { 50, 20, 100 } },
        { { 5, 5, 5 }, { 1e-9, 1e9, 1 }, { 1.1, 1.1, 1.1 }, { 20, 20, 20 } }, /* past a window */
        { { 5, 5, 5 }, { 1, 0x1p20, 1 }, { 1, 1, 1 }, { 1, 1, 1 } }, /* just within one ... */
        /* ... and by where it begins. */
        { { 5, 5, 5 }, { 1.36, 0x1.ap20, 1.36 }, { 1, 1, 1 }, { 1, 1, 1 } },
        { { 5, 5, 5 }, { 1, 0x1.8p20, 1 }, { 1, 1, 1 }, { 1, 1, 1 } },
        { { 8, 8, 8 }, { 1, 1000, 30000 }, { 1.1, 1.1, 1.1 }, { 20, 20, 20 } },
        { { 8, 7, 6 }, { 1, 0x1p19, 0x1p20 }, { 1, 1, 1.3 }, { 1, 1, 3 } },
        { { 8, 8, 0 }, { 1e-300, 1e300, 1 }, { 1.1, 1.1, 1.1 }, { 5, 5, 5 } }, /* far past */
    };
    /* clang-format on */
    (void)state;
    for (size_t c = 0; c < ARRAY_LEN(cases); c++) {
        struct producer p;
        struct sketch all;
        producer_init(&p, "p");
        sketch_setup();
        for (int i = 0; i < 3; i++) {
            struct fake_snapshot f;
            fake_snapshot_init(&f, 1700000000 + 10 * (i / 2));
            struct sketch *k = fake_snapshot_timer(&f, "lat|#a:b", cases[c].schema[i]);
            double v = cases[c].from[i];
            for (int j = 0; j < cases[c].n[i]; j++, v *= cases[c].growth[i])
                sketch_add(k, v, 1);
            sketch_add(k, 0, 1);
            if (i == 0) {
                sketch_init(&all, cases[c].schema[0]);
                sketch_merge(&all, k);
            } else {
                sketch_merge(&all, k);
            }
            apply(&p, &f);
            if (i == 1)
                expect_timer("i:1700000000", "lat|#a:b", &all);
        }
        expect_timer("tot", "lat|#a:b", &all);
        sketch_release(&all);
        redis_encode_free(p.encode);
        flush(NULL);
    }
}

static void weights_of_sampled_timers_stay_fractions(void **state)
{
    struct producer p;
    struct fake_snapshot f;
    (void)state;
    producer_init(&p, "p");
    for (int i = 0; i < 2; i++) {
        fake_snapshot_init(&f, 1700000000);
        sketch_add(fake_snapshot_timer(&f, "lat", 5), 1, 2.5);
        apply(&p, &f);
    }
    expect_packed("tot", 'h', "lat", "[5,5,1,1,5,0,0,5]");
    fake_snapshot_init(&f, 1700000000);
    sketch_add(fake_snapshot_timer(&f, "lat", 5), 1, 2.5);
    apply(&p, &f);
    expect_packed("tot", 'h', "lat", "[7.5,7.5,1,1,5,0,0,7.5]");
    redis_encode_free(p.encode);
}

static void two_timers_of_one_name_share_their_field_within_a_batch(void **state)
{
    struct producer p;
    struct fake_snapshot f;
    (void)state;
    producer_init(&p, "p");
    fake_snapshot_init(&f, 1700000000);
    sketch_add(fake_snapshot_timer(&f, "lat", 5), 1, 1);
    sketch_add(fake_snapshot_timer(&f, "lat", 5), 2, 1);
    fake_snapshot_counter(&f, "hits", 1);
    fake_snapshot_counter(&f, "hits", 0.5);
    apply(&p, &f);
    char want[256] = "[2,3,1,2,5,0,0,1";
    for (int i = 0; i < 31; i++)
        strcat(want, ",0");
    strcat(want, ",1]");
    expect_packed("i:1700000000", 'h', "lat", want);
    expect_packed("tot", 'h', "lat", want);
    expect_field("tot", 'c', "hits", "1.5 1700000000");
    redis_encode_free(p.encode);
}

static void negative_values_have_a_field_of_their_own(void **state)
{
    struct producer p;
    struct fake_snapshot f;
    (void)state;
    producer_init(&p, "p");
    fake_snapshot_init(&f, 1700000000);
    struct sketch *k = fake_snapshot_timer(&f, "skew", 0);
    sketch_add(k, -1, 1);
    sketch_add(k, -4, 2);
    sketch_add(fake_snapshot_timer(&f, "plain", 0), 1, 1);
    apply(&p, &f);
    expect_packed("tot", 'h', "skew", "[3,-9,-4,-1,0,0,0]");
    expect_packed("tot", 'n', "skew", "[3,0,0,1,0,2]");
    expect_field("tot", 'n', "plain", NULL);
    fake_snapshot_init(&f, 1700000010);
    k = fake_snapshot_timer(&f, "skew", 0);
    sketch_add(k, -0.5, 1);
    sketch_add(k, 8, 1);
    apply(&p, &f);
    expect_packed("tot", 'h', "skew", "[5,-1.5,-4,8,0,0,3,1]");
    expect_packed("tot", 'n', "skew", "[4,0,-1,1,1,0,2]");
    expect_packed("i:1700000010", 'n', "skew", "[1,0,-1,1]");
    redis_encode_free(p.encode);
}

static void sets_of_instances_are_one_hyperloglog(void **state)
{
    struct producer p, q;
    struct fake_snapshot f;
    char name[32], key[64];
    (void)state;
    producer_init(&p, "p");
    producer_init(&q, "q");
    static const struct {
        const char *key;
        int p_from, p_to, q_from, q_to;
    } cases[] = {
        { "few|#a:b", 0, 10, 5, 15 },
        { "more", 0, 500, 400, 900 },
        { "many", 0, 20000, 10000, 30000 },
        { "mixed", 0, 3, 0, 20000 },
    };
    for (size_t c = 0; c < ARRAY_LEN(cases); c++) {
        for (int side = 0; side < 2; side++) {
            int from = side ? cases[c].q_from : cases[c].p_from;
            int to = side ? cases[c].q_to : cases[c].p_to;
            fake_snapshot_init(&f, 1700000000);
            struct members *m = fake_snapshot_set(&f, cases[c].key);
            for (int i = from; i < to; i++) {
                int n = snprintf(name, sizeof name, "user-%d", i);
                members_add(m, members_hash(slice_of(name, (size_t)n)));
                redisAppendCommand(server.admin, "PFADD direct:%s %b", cases[c].key, name,
                                   (size_t)n);
            }
            for (int i = from; i < to; i++) {
                redisReply *r;
                assert_int_equal(redisGetReply(server.admin, (void **)&r), REDIS_OK);
                freeReplyObject(r);
            }
            apply(side ? &q : &p, &f);
        }
        unsigned nn = shard_of(cases[c].key);
        long long direct = redis_server_integer(&server, "PFCOUNT direct:%s", cases[c].key);
        assert_true(llabs(direct - cases[c].q_to) <= cases[c].q_to / 25);
        snprintf(key, sizeof key, "{sd:%02u}:s:1700000000:%s", nn, cases[c].key);
        assert_int_equal(redis_server_integer(&server, "PFCOUNT %s", key), direct);
        assert_in_range(redis_server_integer(&server, "TTL %s", key), 595, 600);
        assert_int_equal(redis_server_integer(&server, "EXISTS {sd:%02u}:tmp", nn), 0);
        /* It is listed, until it ends. */
        snprintf(key, sizeof key, "{sd:%02u}:sets", nn);
        assert_int_equal(redis_server_integer(&server, "EVAL %s 1 %s 1700000000:%s",
                                              "return redis.call('ZSCORE',KEYS[1],ARGV[1])-"
                                              "redis.call('TIME')[1]>594",
                                              key, cases[c].key),
                         1);
        assert_in_range(redis_server_integer(&server, "TTL %s", key), 595, 600);
    }
    redis_encode_free(p.encode);
    redis_encode_free(q.encode);
}

static void the_last_batch_writes_one_log_entry(void **state)
{
    struct producer p;
    struct fake_snapshot f;
    (void)state;
    producer_init(&p, "web 1");
    fake_snapshot_init(&f, 1700000000);
    fake_snapshot_counter(&f, "hits", 1);
    fake_snapshot_counter(&f, "misses", 1);
    apply(&p, &f);
    unsigned nn = redis_keys_shard(SLICE_LIT("web 1"));
    assert_int_equal(redis_server_integer(&server, "XLEN {sd:%02u}:log", nn), 1);
    redisReply *r = redis_server_reply(&server, "XRANGE {sd:%02u}:log - +", nn);
    static const char *const want[] = { "t", "1700000000", "i", "web 1", "n", "2" };
    redisReply *fields = r->element[0]->element[1];
    assert_int_equal(fields->elements, 6);
    for (size_t i = 0; i < 6; i++)
        assert_string_equal(fields->element[i]->str, want[i]);
    freeReplyObject(r);
    redis_encode_free(p.encode);
}

static void a_number_left_out_is_a_gap_and_changes_nothing(void **state)
{
    static struct pile pile;
    struct fake_snapshot f;
    (void)state;
    struct redis_encode *e = encoder("p");
    fake_snapshot_init(&f, 1700000000);
    fake_snapshot_counter(&f, "hits", 1);
    fake_snapshot_encode(&f, e, 4800, take, &pile);
    fake_snapshot_release(&f);
    struct redis_batch *b = pile.at[0];
    for (size_t i = 0; i < pile.n; i++)
        if (pile.at[i]->series == 1)
            b = pile.at[i];
    /* clang-format off */
    static const struct {
        const char *id, *token, *before;
        uint64_t seq;
        enum redis_verdict_kind want;
        uint64_t last;
        bool known;
    } steps[] = {
        { ID_A, TOKEN_A, TOKEN_A, 2, REDIS_VERDICT_GAP, 0, false },
        { ID_A, TOKEN_A, TOKEN_A, 9, REDIS_VERDICT_GAP, 0, false },
        { ID_A, TOKEN_A, TOKEN_A, 1, REDIS_VERDICT_APPLIED, 0, false },
        { ID_A, TOKEN_A, TOKEN_A, 9, REDIS_VERDICT_GAP, 1, true },
        /* Another producer counts by itself. */
        { ID_B, TOKEN_A, TOKEN_A, 1, REDIS_VERDICT_APPLIED, 0, false },
        /* The number was used under another token. */
        { ID_A, TOKEN_B, TOKEN_A, 1, REDIS_VERDICT_FOREIGN, 0, false },
        /* It follows a number that is not ours. */
        { ID_A, TOKEN_B, TOKEN_B, 2, REDIS_VERDICT_FOREIGN, 0, false },
        { ID_A, TOKEN_A, TOKEN_A, 1, REDIS_VERDICT_DUPLICATE, 0, false },
    };
    /* clang-format on */
    for (size_t i = 0; i < ARRAY_LEN(steps); i++) {
        number(b, steps[i].id, steps[i].token, steps[i].before, steps[i].seq);
        struct redis_verdict v = verdict(b);
        bool gap = v.kind == REDIS_VERDICT_GAP;
        if (v.kind != steps[i].want ||
            (gap && (v.last != steps[i].last || v.known != steps[i].known)))
            fail_msg("step %zu: verdict %d, last %d", i, (int)v.kind, (int)v.last);
        if (v.kind == REDIS_VERDICT_GAP && v.known)
            assert_int_equal(v.series, 10); /* its mark comes back */
    }
    expect_field("tot", 'c', "hits", "2 1700000000");
    release(&pile);
    redis_encode_free(e);
}

static void keys_may_hold_any_byte(void **state)
{
    struct producer p;
    struct fake_snapshot f;
    (void)state;
    producer_init(&p, "p");
    fake_snapshot_init(&f, 1700000000);
    fake_snapshot_counter(&f, "{a}\r\n$5\r\n'\"\\ b|#x:\xc3\xa9,y:%%", 4);
    apply(&p, &f);
    redisReply *r =
        redis_server_reply(&server, "HKEYS {sd:%02u}:tot", shard_of("{a}\r\n$5\r\n'\"\\ b"));
    assert_int_equal(r->elements, 2);
    assert_string_equal(r->element[0]->str, "ledger");
    assert_string_equal(r->element[1]->str, "c|{a}\r\n$5\r\n'\"\\ b|#x:\xc3\xa9,y:%%");
    freeReplyObject(r);
    redis_encode_free(p.encode);
}

static void full_batches_of_every_kind_fit_the_script(void **state)
{
    struct producer p;
    struct fake_snapshot f;
    char key[64];
    (void)state;
    producer_init(&p, "p");
    for (int round = 0; round < 2; round++) {
        for (int kind = 0; kind < 4; kind++) {
            fake_snapshot_init(&f, 1700000000);
            for (int i = 0; i < REDIS_BATCH_SERIES; i++) {
                snprintf(key, sizeof key, "k|#kind:%d,i:%d", kind, i);
                if (kind == 0)
                    fake_snapshot_counter(&f, key, 1);
                else if (kind == 1)
                    fake_snapshot_gauge(&f, key,
                                        (struct gauge_change){ i % 2 == 0, 1, 1, 1700000000000 });
                else if (kind == 2)
                    sketch_add(fake_snapshot_timer(&f, key, 5), -i, 1);
                else
                    members_add(fake_snapshot_set(&f, key), (uint64_t)i);
            }
            apply(&p, &f);
        }
    }
    expect_field("tot", 'c', "k|#kind:0,i:249", "2 1700000000");
    redis_encode_free(p.encode);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(crc16_is_that_of_redis_cluster),
        cmocka_unit_test(crc16_is_the_definition_for_every_length_and_byte),
        cmocka_unit_test(msgpack_takes_the_shortest_form),
        cmocka_unit_test(an_empty_interval_has_one_batch_per_shard_and_the_log_last),
        cmocka_unit_test(a_batch_is_the_command_byte_for_byte),
        cmocka_unit_test(a_batch_of_every_kind_has_the_arguments_it_says_each_time_it_is_sent),
        cmocka_unit_test(batches_are_bounded_in_series_and_bytes),
        cmocka_unit_test_setup(counters_of_two_instances_add_up_exactly, flush),
        cmocka_unit_test_setup(a_late_interval_does_not_turn_the_last_one_back, flush),
        cmocka_unit_test_setup(of_two_writers_the_latest_absolute_gauge_wins_in_any_order, flush),
        cmocka_unit_test_setup(relative_gauges_add_to_what_is_known, flush),
        cmocka_unit_test_setup(an_absolute_and_a_relative_gauge_of_one_name_meet_in_a_batch, flush),
        cmocka_unit_test_setup(timers_merge_as_our_own_sketch_does, flush),
        cmocka_unit_test_setup(weights_of_sampled_timers_stay_fractions, flush),
        cmocka_unit_test_setup(two_timers_of_one_name_share_their_field_within_a_batch, flush),
        cmocka_unit_test_setup(negative_values_have_a_field_of_their_own, flush),
        cmocka_unit_test_setup(sets_of_instances_are_one_hyperloglog, flush),
        cmocka_unit_test_setup(the_last_batch_writes_one_log_entry, flush),
        cmocka_unit_test_setup(a_number_left_out_is_a_gap_and_changes_nothing, flush),
        cmocka_unit_test_setup(keys_may_hold_any_byte, flush),
        cmocka_unit_test_setup(full_batches_of_every_kind_fit_the_script, flush),
    };
    return cmocka_run_group_tests_name("redis_encode", tests, start, stop);
}
