/* The reader, against a real Redis and against one that answers what the test says. */
#include <netinet/in.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/now.h"
#include "sinks/redis_reader.h"
#include "support/loop_until.h"
#include "support/redis_server.h"

enum { LIMIT_MS = 10000 };

static struct redis_server redis;
static uv_loop_t loop;

/* What a request gave, as text: a line each. */
struct given {
    struct redis_reader *reader;
    struct redis_read *read; /* to be cancelled at the first call; NULL: not */
    struct buf lines;
    bool kills;                  /* its connection, at the first call */
    unsigned calls, dones, left; /* left: how many are to be done */
    enum redis_read_status status;
    char error[200];
};

static void count(struct given *g)
{
    g->calls++;
    if (g->read != NULL)
        redis_read_cancel(g->read);
    g->read = NULL;
    if (g->kills)
        (void)redis_server_integer(&redis, "CLIENT KILL TYPE normal");
    g->kills = false;
}

static void on_field(void *cookie, struct slice name, struct slice value)
{
    struct given *g = cookie;
    buf_printf(&g->lines, "%.*s=%.*s\n", (int)name.len, name.ptr, (int)value.len, value.ptr);
    count(g);
}

static void on_set(void *cookie, int64_t t, struct slice series)
{
    struct given *g = cookie;
    buf_printf(&g->lines, "%lld %.*s\n", (long long)t, (int)series.len, series.ptr);
    count(g);
}

static void on_members(void *cookie, uint64_t n)
{
    struct given *g = cookie;
    buf_printf(&g->lines, "%llu\n", (unsigned long long)n);
    count(g);
}

static void on_entry(void *cookie, const struct redis_log_entry *e)
{
    struct given *g = cookie;
    buf_printf(&g->lines, "%.*s %lld %.*s %lld\n", (int)e->id.len, e->id.ptr, (long long)e->t,
               (int)e->instance.len, e->instance.ptr, (long long)e->n);
    count(g);
}

static void on_time(void *cookie, int64_t ms)
{
    struct given *g = cookie;
    buf_printf(&g->lines, "%lld", (long long)ms);
    count(g);
}

static void on_done(void *cookie, enum redis_read_status status, const char *error)
{
    struct given *g = cookie;
    g->dones++;
    g->status = status;
    snprintf(g->error, sizeof g->error, "%s", error != NULL ? error : "");
}

static struct redis_read_calls calls_of(struct given *g)
{
    return (struct redis_read_calls){ g, on_field, on_set, on_members, on_entry, on_time, on_done };
}

static bool is_done(void *cookie)
{
    return ((struct given *)cookie)->dones > 0;
}

static bool are_all_done(void *cookie)
{
    const struct given *g = cookie;
    return g->dones == g->left;
}

static bool has_calls(void *cookie)
{
    return ((struct given *)cookie)->calls > 0;
}

static void open_url(struct given *g, const char *url, uint32_t piece, uint32_t timeout_ms)
{
    const struct redis_reader_opts opts = { .url = url,
                                            .prefix = "s[d",
                                            .name = "test",
                                            .piece = piece,
                                            .request_timeout_ms = timeout_ms };
    memset(g, 0, sizeof *g);
    assert_int_equal(redis_reader_new(&loop, &opts, &g->reader), 0);
}

static void shut(struct given *g)
{
    redis_reader_free(g->reader);
    assert_true(loop_drain(&loop, LIMIT_MS));
    buf_release(&g->lines);
}

static void expect_done(struct given *g, const char *lines)
{
    assert_true(loop_until(&loop, is_done, g, LIMIT_MS));
    assert_string_equal(g->error, "");
    assert_int_equal(g->status, REDIS_READ_DONE);
    assert_int_equal(g->dones, 1);
    buf_append_char(&g->lines, '\0');
    assert_string_equal(g->lines.ptr, lines);
}

static void expect_end(struct given *g, enum redis_read_status status, const char *word)
{
    assert_true(loop_until(&loop, is_done, g, LIMIT_MS));
    assert_int_equal(g->status, status);
    if (strstr(g->error, word) == NULL)
        fail_msg("%s is not in: %s", word, g->error);
}

static void fill(const char *key, unsigned n)
{
    for (unsigned i = 0; i < n; i++)
        free(redis_server_text(&redis, "HSET %s c|x%u %u", key, i, i));
}

static void expect_all_fields(bool kills)
{
    enum { FIELDS = 700 };
    struct given g;
    fill("{s[d:07}:tot", FIELDS);
    open_url(&g, redis.url, 50, 0);
    g.kills = kills;
    const struct redis_read_calls calls = calls_of(&g);
    redis_reader_scan(g.reader, 7, REDIS_READER_TOTALS, NULL, &calls);
    assert_true(loop_until(&loop, is_done, &g, LIMIT_MS));
    assert_int_equal(g.status, REDIS_READ_DONE);
    assert_int_equal(g.calls, FIELDS);
    buf_append_char(&g.lines, '\0');
    for (unsigned i = 0; i < FIELDS; i++) {
        char line[32];
        snprintf(line, sizeof line, "c|x%u=%u\n", i, i);
        assert_non_null(strstr(g.lines.ptr, line));
    }
    shut(&g);
}

static void all_fields_come_once_in_pieces(void **state)
{
    (void)state;
    expect_all_fields(false);
}

static void all_fields_come_once_when_a_connection_is_lost_in_between(void **state)
{
    (void)state;
    expect_all_fields(true);
}

static void a_hash_that_is_not_there_has_no_fields(void **state)
{
    struct given g;
    (void)state;
    open_url(&g, redis.url, 0, 0);
    const struct redis_read_calls calls = calls_of(&g);
    redis_reader_scan(g.reader, 63, 1700000000, NULL, &calls);
    expect_done(&g, "");
    shut(&g);
}

static void the_clock_of_redis_is_told(void **state)
{
    struct given g;
    (void)state;
    open_url(&g, redis.url, 0, 0);
    const struct redis_read_calls calls = calls_of(&g);
    const int64_t before_ms = now_wall_ms();
    redis_reader_time(g.reader, &calls);
    assert_true(loop_until(&loop, is_done, &g, LIMIT_MS));
    assert_int_equal(g.status, REDIS_READ_DONE);
    buf_append_char(&g.lines, '\0');
    const int64_t ms = strtoll(g.lines.ptr, NULL, 10);
    assert_true(before_ms <= ms && ms <= now_wall_ms());
    shut(&g);
}

static void a_pattern_leaves_fields_out(void **state)
{
    struct given g;
    (void)state;
    fill("{s[d:08}:i:1700000000", 20);
    open_url(&g, redis.url, 0, 0);
    const struct redis_read_calls calls = calls_of(&g);
    redis_reader_scan(g.reader, 8, 1700000000, "c|x1[2]", &calls);
    expect_done(&g, "c|x12=12\n");
    shut(&g);
}

static void fields_are_asked_for_by_name(void **state)
{
    const struct slice names[] = { SLICE_LIT("c|x3"), SLICE_LIT("c|none"), SLICE_LIT("c|x1"),
                                   SLICE_LIT("c|x2") };
    struct given g;
    (void)state;
    fill("{s[d:09}:tot", 4);
    open_url(&g, redis.url, 2, 0); /* two pieces */
    const struct redis_read_calls calls = calls_of(&g);
    redis_reader_get(g.reader, 9, REDIS_READER_TOTALS, names, ARRAY_LEN(names), &calls);
    expect_done(&g, "c|x3=3\nc|x1=1\nc|x2=2\n");
    shut(&g);
}

static void sets_are_found_by_interval_and_counted_over_several(void **state)
{
    static const int64_t ts[] = { 1700000000, 1700000010 };
    struct given g;
    char key[64];
    unsigned shard = redis_reader_shard(SLICE_LIT("users"));
    (void)state;
    for (int i = 0; i < 2; i++) {
        snprintf(key, sizeof key, "{s[d:%02u}:s:%lld:users|#a:b", shard, (long long)ts[i]);
        free(redis_server_text(&redis, "PFADD %s both %d", key, i));
        free(redis_server_text(&redis, "ZADD {s[d:%02u}:sets 1 %lld:users|#a:b", shard,
                               (long long)ts[i]));
    }
    free(redis_server_text(&redis,
                           "ZADD {s[d:%02u}:sets 1 1700000000 1 1700000000: 1 x:y 1 :z "
                           "1 9223372036854775:a 1 -1:a",
                           shard)); /* none of ours */
    free(redis_server_text(&redis, "PFADD {s[d:%02u}:s:1700000000:unlisted x", shard));
    open_url(&g, redis.url, 0, 0);
    const struct redis_read_calls calls = calls_of(&g);
    redis_reader_sets(g.reader, shard, ts[0], &calls);
    expect_done(&g, "1700000000 users|#a:b\n");
    g.dones = 0;
    buf_clear(&g.lines);
    redis_reader_members(g.reader, SLICE_LIT("users|#a:b"), ts, 2, &calls);
    expect_done(&g, "3\n");
    g.dones = g.calls = 0;
    redis_reader_sets(g.reader, shard, REDIS_READER_TOTALS, &calls);
    assert_true(loop_until(&loop, is_done, &g, LIMIT_MS));
    assert_int_equal(g.calls, 2);
    shut(&g);
}

/* CPU of asking for n sets at once, in seconds. */
static double cost_of_sets(unsigned n)
{
    static const int64_t t = 1700000000;
    struct given g;
    struct timespec before, after;
    open_url(&g, redis.url, 0, 60000);
    const struct redis_read_calls calls = calls_of(&g);
    g.left = n;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &before);
    for (unsigned i = 0; i < n; i++) {
        char name[24];
        snprintf(name, sizeof name, "none.%u", i);
        redis_reader_members(g.reader, slice_str(name), &t, 1, &calls);
    }
    assert_true(loop_until(&loop, are_all_done, &g, 60000));
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &after);
    shut(&g);
    return (double)(after.tv_sec - before.tv_sec) + (double)(after.tv_nsec - before.tv_nsec) / 1e9;
}

static void a_request_costs_no_more_where_many_wait(void **state)
{
    (void)state;
    const double few = cost_of_sets(2000);
    assert_true(cost_of_sets(20000) < 40 * few); /* ten times as many */
}

static void a_log_is_read_from_either_end(void **state)
{
    struct given g;
    (void)state;
    static const char *const commands[] = { "XADD {s[d:10}:log 1-0 t 1700000000 i a n 5",
                                            "XADD {s[d:10}:log 2-0 x y",
                                            "XADD {s[d:10}:log 3-0 t soon i a n 5",
                                            "XADD {s[d:10}:log 3-1 t 9223372036854775800 i a",
                                            "XADD {s[d:10}:log 3-2 t -9223372036854775800 i a",
                                            "XADD {s[d:10}:log 4-0 t 1700000010 i a n 6",
                                            "XADD {s[d:10}:log 5-0 t 1700000020 i a" };
    for (size_t i = 0; i < ARRAY_LEN(commands); i++)
        free(redis_server_text(&redis, commands[i]));
    open_url(&g, redis.url, 0, 0);
    const struct redis_read_calls calls = calls_of(&g);
    redis_reader_log(g.reader, 10, NULL, 2, &calls);
    expect_done(&g, "5-0 1700000020 a 0\n4-0 1700000010 a 6\n");
    g.dones = 0;
    buf_clear(&g.lines);
    redis_reader_log(g.reader, 10, "1-0", 5, &calls);
    expect_done(&g, "4-0 1700000010 a 6\n");
    g.dones = 0;
    buf_clear(&g.lines);
    redis_reader_log(g.reader, 10, "5-0", 3, &calls);
    expect_done(&g, "");
    shut(&g);
}

static void an_error_that_stays_ends_the_request_and_not_the_next(void **state)
{
    struct given bad, good;
    (void)state;
    free(redis_server_text(&redis, "SET {s[d:11}:tot x"));
    open_url(&bad, redis.url, 0, 0);
    memset(&good, 0, sizeof good);
    const struct redis_read_calls bad_calls = calls_of(&bad), good_calls = calls_of(&good);
    redis_reader_scan(bad.reader, 11, REDIS_READER_TOTALS, NULL, &bad_calls);
    redis_reader_scan(bad.reader, 12, REDIS_READER_TOTALS, NULL, &good_calls);
    expect_end(&bad, REDIS_READ_REFUSED, "WRONGTYPE");
    expect_done(&good, "");
    buf_release(&good.lines);
    shut(&bad);
}

static void a_request_goes_on_when_redis_comes_back(void **state)
{
    struct given g;
    (void)state;
    redis_server_stop(&redis);
    open_url(&g, redis.url, 0, 0);
    const struct redis_read_calls calls = calls_of(&g);
    redis_reader_scan(g.reader, 13, REDIS_READER_TOTALS, NULL, &calls);
    loop_for(&loop, 100);
    assert_int_equal(g.dones, 0);
    assert_non_null(redis_reader_trouble(g.reader));
    redis_server_start(&redis);
    expect_done(&g, "");
    assert_true(redis_reader_is_ready(g.reader));
    assert_null(redis_reader_trouble(g.reader));
    shut(&g);
}

static void what_nobody_answers_is_late(void **state)
{
    struct given g;
    (void)state;
    open_url(&g, "unix:///nowhere/redis.sock", 0, 100);
    const struct redis_read_calls calls = calls_of(&g);
    redis_reader_scan(g.reader, 14, REDIS_READER_TOTALS, NULL, &calls);
    expect_end(&g, REDIS_READ_LATE, "No such file");
    shut(&g);
}

static void a_request_is_cancelled_at_any_time(void **state)
{
    struct given g;
    (void)state;
    fill("{s[d:15}:tot", 600);
    open_url(&g, redis.url, 10, 0);
    const struct redis_read_calls calls = calls_of(&g);
    redis_read_cancel(redis_reader_scan(g.reader, 15, REDIS_READER_TOTALS, NULL, &calls));
    g.read = redis_reader_scan(g.reader, 15, REDIS_READER_TOTALS, NULL, &calls);
    assert_true(loop_until(&loop, has_calls, &g, LIMIT_MS)); /* and cancels in its first call */
    struct redis_read *on_its_way =
        redis_reader_scan(g.reader, 15, REDIS_READER_TOTALS, NULL, &calls);
    redis_read_cancel(on_its_way);
    loop_for(&loop, 50);
    assert_int_equal(g.calls, 1);
    assert_int_equal(g.dones, 0);
    /* One on its way and one that waits go with the reader. */
    redis_reader_scan(g.reader, 15, REDIS_READER_TOTALS, NULL, &calls);
    redis_reader_scan(g.reader, 15, REDIS_READER_TOTALS, NULL, &calls);
    shut(&g);
    assert_int_equal(g.dones, 0);
}

/* ---- one that answers what the test says ---- */

struct fake {
    uv_tcp_t listener;
    uv_tcp_t peer;
    bool connected;
    const char *answer; /* to what comes after the greeting */
    char room[4096];
};

static void on_alloc(uv_handle_t *h, size_t n, uv_buf_t *ret)
{
    struct fake *f = h->data;
    (void)n;
    *ret = uv_buf_init(f->room, sizeof f->room);
}

static void on_read(uv_stream_t *s, ssize_t n, const uv_buf_t *buf)
{
    struct fake *f = s->data;
    if (n <= 0)
        return;
    const char *answer = f->answer;
    if (memmem(buf->base, (size_t)n, "SETNAME", 7) != NULL)
        answer = "+OK\r\n";
    else if (memmem(buf->base, (size_t)n, "CLUSTER", 7) != NULL)
        answer = "-ERR This instance has cluster support disabled\r\n";
    uv_buf_t out = uv_buf_init((char *)(uintptr_t)answer, (unsigned)strlen(answer));
    assert_int_equal(uv_try_write(s, &out, 1), (int)strlen(answer));
}

static void on_connection(uv_stream_t *listener, int status)
{
    struct fake *f = listener->data;
    assert_int_equal(status, 0);
    if (f->connected)
        return;
    f->connected = true;
    uv_tcp_init(&loop, &f->peer);
    f->peer.data = f;
    assert_int_equal(uv_accept(listener, (uv_stream_t *)&f->peer), 0);
    uv_read_start((uv_stream_t *)&f->peer, on_alloc, on_read);
}

static void fake_start(struct fake *f, const char *answer, char url[64])
{
    struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    int len = sizeof a;
    memset(f, 0, sizeof *f);
    f->answer = answer;
    uv_tcp_init(&loop, &f->listener);
    f->listener.data = f;
    assert_int_equal(uv_tcp_bind(&f->listener, (struct sockaddr *)&a, 0), 0);
    assert_int_equal(uv_tcp_getsockname(&f->listener, (struct sockaddr *)&a, &len), 0);
    assert_int_equal(uv_listen((uv_stream_t *)&f->listener, 4, on_connection), 0);
    snprintf(url, 64, "redis://127.0.0.1:%u", (unsigned)ntohs(a.sin_port));
}

static void fake_stop(struct fake *f)
{
    uv_close((uv_handle_t *)&f->listener, NULL);
    if (f->connected)
        uv_close((uv_handle_t *)&f->peer, NULL);
}

typedef struct redis_read *(*ask_fn)(struct redis_reader *r, const struct redis_read_calls *calls);

static struct redis_read *scan(struct redis_reader *r, const struct redis_read_calls *calls)
{
    return redis_reader_scan(r, 1, REDIS_READER_TOTALS, NULL, calls);
}

static struct redis_read *get(struct redis_reader *r, const struct redis_read_calls *calls)
{
    return redis_reader_get(r, 1, 5, &SLICE_LIT("c|x"), 1, calls);
}

static struct redis_read *sets(struct redis_reader *r, const struct redis_read_calls *calls)
{
    return redis_reader_sets(r, 7, 5, calls);
}

static struct redis_read *members(struct redis_reader *r, const struct redis_read_calls *calls)
{
    return redis_reader_members(r, SLICE_LIT("x"), &(int64_t){ 5 }, 1, calls);
}

static struct redis_read *last_of_log(struct redis_reader *r, const struct redis_read_calls *calls)
{
    return redis_reader_log(r, 1, NULL, 1, calls);
}

static struct redis_read *rest_of_log(struct redis_reader *r, const struct redis_read_calls *calls)
{
    return redis_reader_log(r, 1, "0-0", 1, calls);
}

static void an_answer_that_no_command_has_is_odd(void **state)
{
    static const struct {
        ask_fn ask;
        const char *answer;
    } cases[] = {
        { scan, "+OK\r\n" },
        { scan, "*2\r\n$1\r\n0\r\n$1\r\nx\r\n" },
        { scan, "*2\r\n$1\r\nx\r\n*0\r\n" },
        { scan, "*2\r\n$25\r\n1234567890123456789012345\r\n*0\r\n" },
        { scan, "*2\r\n$1\r\n0\r\n*1\r\n$1\r\nx\r\n" },
        { scan, "*2\r\n$1\r\n0\r\n*2\r\n$1\r\nx\r\n:1\r\n" },
        { scan, "*-1\r\n" },
        { get, "*2\r\n$1\r\nx\r\n$1\r\ny\r\n" },
        { get, "*1\r\n:5\r\n" },
        { get, "$1\r\nx\r\n" },
        { sets, ":1\r\n" },
        { sets, "*2\r\n$1\r\n0\r\n*1\r\n:1\r\n" },
        { members, "$1\r\n1\r\n" },
        { redis_reader_time, ":1\r\n" },
        { redis_reader_time, "*2\r\n$1\r\n1\r\n$1\r\nx\r\n" },
        { redis_reader_time, "*2\r\n$2\r\n-1\r\n$1\r\n1\r\n" },
        { redis_reader_time, "*2\r\n$1\r\n1\r\n$7\r\n1000000\r\n" },
        { members, ":-1\r\n" },
        { last_of_log, "+OK\r\n" },
        { rest_of_log, "*1\r\n$1\r\nx\r\n" },
        { rest_of_log, "*1\r\n*1\r\n$1\r\nx\r\n" },
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct given g;
        struct fake f;
        char url[64];
        fake_start(&f, cases[i].answer, url);
        open_url(&g, url, 0, 0);
        const struct redis_read_calls calls = calls_of(&g);
        cases[i].ask(g.reader, &calls);
        expect_end(&g, REDIS_READ_ODD, "an answer");
        assert_int_equal(g.calls, 0);
        fake_stop(&f);
        shut(&g);
    }
}

static int setup(void **state)
{
    (void)state;
    signal(SIGPIPE, SIG_IGN);
    uv_loop_init(&loop);
    redis_server_init(&redis, NULL);
    redis_server_start(&redis);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    redis_server_release(&redis);
    return uv_loop_close(&loop);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_fields_come_once_in_pieces),
        cmocka_unit_test(all_fields_come_once_when_a_connection_is_lost_in_between),
        cmocka_unit_test(a_hash_that_is_not_there_has_no_fields),
        cmocka_unit_test(the_clock_of_redis_is_told),
        cmocka_unit_test(a_pattern_leaves_fields_out),
        cmocka_unit_test(fields_are_asked_for_by_name),
        cmocka_unit_test(sets_are_found_by_interval_and_counted_over_several),
        cmocka_unit_test(a_request_costs_no_more_where_many_wait),
        cmocka_unit_test(a_log_is_read_from_either_end),
        cmocka_unit_test(an_error_that_stays_ends_the_request_and_not_the_next),
        cmocka_unit_test(a_request_goes_on_when_redis_comes_back),
        cmocka_unit_test(what_nobody_answers_is_late),
        cmocka_unit_test(a_request_is_cancelled_at_any_time),
        cmocka_unit_test(an_answer_that_no_command_has_is_odd),
    };
    return cmocka_run_group_tests_name("redis_reader", tests, setup, teardown);
}
