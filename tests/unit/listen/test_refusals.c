/*
 * What a worker keeps of the lines that it refuses: the first few of each kind, whole, with who
 * sent them.
 */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "aggregate/limit.h"
#include "listen/dgram.h"
#include "listen/refusals_priv.h"

enum { SOCKET = 7, MAX_SERIES = 4 };

/* A worker without its thread: datagrams from a pair of sockets, into a lane with its hooks. */
struct rig {
    int in, out;
    struct dgram_buffers dgram;
    struct refusals refusals;
    struct series_limit limit;
    struct profiles *profiles;
    struct lane *lane;
    struct lane_source source;
};

static struct rig *rig_over(int in, int out)
{
    struct rig *r = calloc(1, sizeof *r);
    r->in = in;
    r->out = out;
    assert_int_equal(dgram_init(&r->dgram), 0);
    refusals_init(&r->refusals);
    refusals_keep_lines(&r->refusals, true);
    assert_int_equal(series_limit_init(&r->limit, MAX_SERIES), 0);
    r->profiles =
        profiles_new(&(struct profile){ .histogram = true, .sketch_schema = 5, .scale = 1 });
    const struct lane_opts lane = {
        .parse = PARSE_OPTS_DEFAULT,
        .ingest = { .tags = TAGS_OPTS_DEFAULT, .profiles = r->profiles, .limit = &r->limit },
        .refusals = { .on_rejected = refusals_on_rejected,
                      .reasons = &r->refusals.wanted,
                      .on_refused = refusals_on_refused,
                      .cookie = &r->refusals },
    };
    assert_int_equal(lane_new(&lane, &r->lane), 0);
    return r;
}

static struct rig *rig_unix(void)
{
    int fds[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_DGRAM, 0, fds), 0);
    assert_int_equal(dgram_tell_pid(fds[0]), 0);
    return rig_over(fds[0], fds[1]);
}

static struct rig *rig_udp(char from[ADDRESS_TEXT_MAX])
{
    struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr = { htonl(INADDR_LOOPBACK) } };
    socklen_t len = sizeof a;
    int in = socket(AF_INET, SOCK_DGRAM, 0), out = socket(AF_INET, SOCK_DGRAM, 0);
    assert_int_equal(bind(in, (struct sockaddr *)&a, len), 0);
    assert_int_equal(getsockname(in, (struct sockaddr *)&a, &len), 0);
    assert_int_equal(connect(out, (struct sockaddr *)&a, len), 0);
    assert_int_equal(getsockname(out, (struct sockaddr *)&a, &len), 0);
    address_print((struct sockaddr *)&a, from);
    return rig_over(in, out);
}

static void rig_free(struct rig *r)
{
    close(r->in);
    close(r->out);
    lane_free(r->lane);
    series_limit_release(&r->limit);
    profiles_free(r->profiles);
    dgram_release(&r->dgram);
    free(r);
}

static void feed_bytes(struct rig *r, const char *ptr, size_t len)
{
    assert_int_equal(send(r->out, ptr, len, 0), len);
}

static void feed(struct rig *r, const char *text)
{
    feed_bytes(r, text, strlen(text));
}

static void read_all(struct rig *r)
{
    uint64_t stamp = 1000000000;
    int n;
    for (;;) {
        bool busy = r->dgram.n == DGRAM_SLOTS;
        refusals_begin(&r->refusals, (struct refusals_from){ SOCKET, dgram_find, &r->dgram });
        unsigned senders = refusals_senders(&r->refusals, busy);
        const struct dgram_ask ask = { .senders = senders < DGRAM_SLOTS ? senders : DGRAM_SLOTS };
        if ((n = dgram_read(&r->dgram, r->in, ask)) <= 0)
            return;
        lane_begin(r->lane, &r->source, (struct lane_clock){ .now_ns = stamp });
        for (int i = 0; i < n; i++) {
            const struct lane_datagram d = { .ptr = dgram_ptr(&r->dgram, i),
                                             .len = dgram_len(&r->dgram, i),
                                             .truncated = dgram_truncated(&r->dgram, i) };
            lane_datagram(r->lane, &d);
        }
        lane_flush(r->lane);
        stamp = lane_next_ns(r->lane);
    }
}

static void expect_text(const struct refusal *e, const char *want)
{
    assert_non_null(e);
    if (e->len != strlen(want) || memcmp(e->text, want, e->len) != 0)
        fail_msg("kept \"%.*s\", wanted \"%s\"", (int)e->len, e->text, want);
    assert_int_equal(e->socket, SOCKET);
}

static void every_reason_keeps_the_line_as_it_was_sent(void **unused)
{
    (void)unused;
    static char many[1200], longest[9000];
    size_t n = (size_t)sprintf(many, "many:1|c|#");
    for (int i = 0; i < 150; i++)
        n += (size_t)sprintf(many + n, "t%d,", i);
    memset(longest, 'n', sizeof longest - 1);
    /* clang-format off */
    static const struct {
        const char *line;
        enum reason why;
    } rows[] = {
        { " a:x|c \r",            REASON_BAD_VALUE },
        { "a:1|zz",               REASON_UNKNOWN_TYPE },
        { "a",                    REASON_NO_COLON },
        { "a:\xff|c",             REASON_BAD_UTF8 },
        { "a:-1|ms",              REASON_NEGATIVE_TIMING },
        { ":1|c",                 REASON_BAD_NAME },
        { "a:1",                  REASON_NO_TYPE },
        { "a:1|c|@2",             REASON_BAD_SAMPLE_RATE },
        { "a:1|c|Tx",             REASON_BAD_TIMESTAMP },
        { "_e{9,9}:a|b",          REASON_BAD_EVENT },
        { "_sc|a|9",              REASON_BAD_SERVICE_CHECK },
        { "a\x01:x|s\x02|@9",     REASON_UNKNOWN_TYPE },
        { "a:1|c:2|c|#k:v",       REASON_MIXED_MULTI_SAMPLE },
        { many,                   REASON_TOO_MANY_TAGS },
        { longest,                REASON_LINE_TOO_LONG },
    };
    /* clang-format on */
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct rig *r = rig_unix();
        char datagram[10000];
        snprintf(datagram, sizeof datagram, "good:1|c\n%s\ngood:1|c", rows[i].line);
        feed(r, datagram);
        read_all(r);
        for (unsigned kind = 0; kind < REFUSAL_KINDS; kind++) {
            const struct refusal *e = refusals_next(&r->refusals, kind);
            if (kind != rows[i].why) {
                assert_null(e);
                continue;
            }
            size_t len = strlen(rows[i].line),
                   shown = len < REFUSAL_TEXT_MAX ? len : REFUSAL_TEXT_MAX;
            char want[REFUSAL_TEXT_MAX + 1];
            snprintf(want, sizeof want, "%.*s", (int)shown, rows[i].line);
            expect_text(e, want);
            assert_int_equal(e->cut, shown < len);
        }
        rig_free(r);
    }
}

static void a_line_that_had_to_be_rewritten_is_put_together_again(void **unused)
{
    (void)unused;
    struct rig *r = rig_unix();
    char line[2000];
    size_t n = (size_t)sprintf(line, "a\001b:1|ms|#");
    for (int i = 0; i < 150; i++)
        n += (size_t)sprintf(line + n, "t%d,", i);
    feed_bytes(r, line, n);
    read_all(r);
    const struct refusal *e = refusals_next(&r->refusals, REASON_TOO_MANY_TAGS);
    assert_non_null(e);
    assert_memory_equal(e->text, "a_b|ms|#t0,t1,t2,", strlen("a_b|ms|#t0,t1,t2,"));
    assert_true(e->cut && e->len == REFUSAL_TEXT_MAX && e->from[0] == '\0');
    rig_free(r);
}

static void a_long_line_is_not_cut_inside_a_character(void **unused)
{
    (void)unused;
    for (size_t lead = 0; lead < 4; lead++) {
        struct rig *r = rig_unix();
        char line[600];
        size_t n = (size_t)sprintf(line, "%.*s", (int)lead, "abc");
        while (n < 400)
            n += (size_t)sprintf(line + n, "\xf0\x9f\x99\x82");
        sprintf(line + n, ":x|c");
        feed(r, line);
        read_all(r);
        const struct refusal *e = refusals_next(&r->refusals, REASON_BAD_VALUE);
        assert_true(e != NULL && e->cut && e->len % 4 == lead && e->len > REFUSAL_TEXT_MAX - 4);
        rig_free(r);
    }
}

static void only_the_first_few_of_a_round_are_kept(void **unused)
{
    (void)unused;
    struct rig *r = rig_unix();
    for (unsigned round = 0; round < 3; round++) {
        for (int i = 0; i < 3 * REFUSALS_A_ROUND; i++) {
            char text[64];
            snprintf(text, sizeof text, "a%d:x|c\nb%d:1|zz", i, i);
            feed(r, text);
            read_all(r);
        }
        for (int i = 0; i < REFUSALS_A_ROUND; i++) {
            char want[64];
            snprintf(want, sizeof want, "a%d:x|c", i);
            expect_text(refusals_next(&r->refusals, REASON_BAD_VALUE), want);
        }
        assert_null(refusals_next(&r->refusals, REASON_BAD_VALUE));
        assert_false(refusals_pending(&r->refusals, REASON_BAD_VALUE));
        bool pending = refusals_pending(&r->refusals, REASON_UNKNOWN_TYPE);
        assert_true(pending == (round == 0)); /* its round goes on */
        refusals_renew(&r->refusals, REASON_BAD_VALUE);
        while (refusals_next(&r->refusals, REASON_UNKNOWN_TYPE) != NULL) {}
    }
    rig_free(r);
}

static void what_was_not_asked_for_by_the_end_of_its_round_is_forgotten(void **unused)
{
    (void)unused;
    struct rig *r = rig_unix();
    feed(r, "old:x|c");
    read_all(r);
    refusals_renew(&r->refusals, REASON_BAD_VALUE);
    assert_null(refusals_next(&r->refusals, REASON_BAD_VALUE));
    feed(r, "new:x|c");
    read_all(r);
    expect_text(refusals_next(&r->refusals, REASON_BAD_VALUE), "new:x|c");
    assert_null(refusals_next(&r->refusals, REASON_BAD_VALUE));
    rig_free(r);
}

static void a_line_comes_with_its_sender(void **unused)
{
    (void)unused;
    char from[ADDRESS_TEXT_MAX], pid[32];
    struct rig *udp = rig_udp(from), *local = rig_unix();
    snprintf(pid, sizeof pid, "pid:%d", (int)getpid());
    feed(udp, "a:x|c");
    feed(local, "a:x|c");
    read_all(udp);
    read_all(local);
    assert_string_equal(refusals_next(&udp->refusals, REASON_BAD_VALUE)->from, from);
    assert_string_equal(refusals_next(&local->refusals, REASON_BAD_VALUE)->from, pid);
    rig_free(udp);
    rig_free(local);
}

/* The last senders of a full read are not asked for; afterwards all are, until a kind is full. */
static void a_sender_that_was_missed_is_asked_for_the_next_time(void **unused)
{
    (void)unused;
    char from[ADDRESS_TEXT_MAX];
    struct rig *r = rig_udp(from);
    for (int round = 0; round < REFUSALS_A_ROUND + 2; round++) {
        for (int i = 0; i < DGRAM_SLOTS; i++)
            feed(r, i + 1 == DGRAM_SLOTS ? "a:x|c" : "a:1|c");
        read_all(r);
        const struct refusal *e = refusals_next(&r->refusals, REASON_BAD_VALUE);
        if (round < REFUSALS_A_ROUND)
            assert_string_equal(e->from, round == 0 ? "" : from);
        else
            assert_null(e);
        assert_true((r->dgram.asked.senders == DGRAM_SLOTS) == (round < REFUSALS_A_ROUND - 1));
    }
    rig_free(r);
}

static void each_line_of_a_burst_on_a_quiet_socket_has_its_sender(void **unused)
{
    (void)unused;
    static const char *const lines[] = { "a:x|c",   "a:1|zz",   "a",        ":1|c",     "a:1",
                                         "a:-1|ms", "a:1|c|@2", "a:1|c|Tx", "a:\xff|c", "_sc|a|9" };
    char from[ADDRESS_TEXT_MAX];
    struct rig *r = rig_udp(from);
    for (size_t i = 0; i < 2 * ARRAY_LEN(lines); i++)
        feed(r, lines[i % ARRAY_LEN(lines)]);
    read_all(r);
    size_t n = 0;
    const struct refusal *e;
    for (unsigned kind = 0; kind < REFUSAL_KINDS; kind++)
        for (; (e = refusals_next(&r->refusals, kind)) != NULL; n++)
            assert_string_equal(e->from, from);
    assert_int_equal(n, 2 * ARRAY_LEN(lines));
    rig_free(r);
}

static void of_a_flood_each_line_that_is_kept_has_its_sender(void **unused)
{
    (void)unused;
    char from[ADDRESS_TEXT_MAX];
    struct rig *r = rig_udp(from);
    for (int i = 0; i < 4 * DGRAM_SLOTS; i++)
        feed(r, "a:x|c");
    read_all(r);
    for (int i = 0; i < REFUSALS_A_ROUND; i++)
        assert_string_equal(refusals_next(&r->refusals, REASON_BAD_VALUE)->from, from);
    assert_int_not_equal(r->dgram.asked.senders, DGRAM_SLOTS);
    rig_free(r);
}

static void names_beyond_the_series_limit_are_kept_once_each(void **unused)
{
    (void)unused;
    struct rig *r = rig_unix();
    for (int i = 0; i < MAX_SERIES; i++) {
        char text[64];
        snprintf(text, sizeof text, "fits%d:1|c", i);
        feed(r, text);
        read_all(r);
    }
    for (int i = 0; i < 40; i++) {
        char text[64];
        snprintf(text, sizeof text, "more%d:1|c|#k:%d", i / 10, i);
        feed(r, text);
        read_all(r);
    }
    for (int i = 0; i < 4; i++) {
        char want[64];
        snprintf(want, sizeof want, "more%d", i);
        expect_text(refusals_next(&r->refusals, REFUSED_BY_LIMIT), want);
    }
    assert_null(refusals_next(&r->refusals, REFUSED_BY_LIMIT));
    assert_int_equal(ingest_stats(lane_ingest(r->lane))->v[INGEST_SAMPLES_REFUSED], 40);
    rig_free(r);
}

static void where_lines_are_private_none_is_kept_but_names_are(void **unused)
{
    (void)unused;
    struct rig *r = rig_unix();
    char many[1200];
    size_t n = (size_t)sprintf(many, "many:1|c|#");
    for (int i = 0; i < 150; i++)
        n += (size_t)sprintf(many + n, "t%d,", i);
    refusals_keep_lines(&r->refusals, false);
    feed(r, "f0:1|c\nf1:1|c\nf2:1|c\nf3:1|c\nsecret:x|c\nover:1|c");
    feed(r, many);
    read_all(r);
    for (unsigned kind = 0; kind < REFUSED_BY_LIMIT; kind++)
        assert_null(refusals_next(&r->refusals, kind));
    expect_text(refusals_next(&r->refusals, REFUSED_BY_LIMIT), "over");
    refusals_keep_lines(&r->refusals, true);
    feed(r, "open:x|c");
    read_all(r);
    expect_text(refusals_next(&r->refusals, REASON_BAD_VALUE), "open:x|c");
    rig_free(r);
}

/* ---- two threads ---- */

enum { SEEN = 10000 };

struct flood {
    struct refusals *refusals;
    _Atomic bool over;
};

static void *refuse_many(void *cookie)
{
    struct flood *f = cookie;
    for (unsigned i = 0; !atomic_load(&f->over); i++) {
        char line[32];
        const unsigned n = i % 20 + 1;
        memset(line, 'a' + (int)(i % 26), n);
        refusals_begin(f->refusals, (struct refusals_from){ .socket = (uint16_t)n });
        const struct parse_error e = { REASON_NO_TYPE, slice_of(line, n), 0 };
        if (f->refusals->wanted >> REASON_NO_TYPE & 1)
            refusals_on_rejected(f->refusals, &e);
    }
    return NULL;
}

static void what_control_reads_is_whole_while_the_worker_goes_on(void **unused)
{
    (void)unused;
    struct rig *r = rig_unix();
    struct flood f = { .refusals = &r->refusals };
    pthread_t worker;
    assert_int_equal(pthread_create(&worker, NULL, refuse_many, &f), 0);
    for (unsigned seen = 0, round = 0; seen < SEEN; round++) {
        /* Some rounds are ended at once, some when they are full. */
        while (round % 3 == 0 && !refusals_pending(&r->refusals, REASON_NO_TYPE)) {}
        const struct refusal *e;
        unsigned n = 0;
        while ((e = refusals_next(&r->refusals, REASON_NO_TYPE)) != NULL) {
            assert_int_equal(e->len, e->socket);
            for (unsigned i = 1; i < e->len; i++)
                assert_int_equal(e->text[i], e->text[0]);
            n++;
        }
        assert_in_range(n, 0, REFUSALS_A_ROUND);
        seen += n;
        refusals_renew(&r->refusals, REASON_NO_TYPE);
    }
    atomic_store(&f.over, true);
    pthread_join(worker, NULL);
    rig_free(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_reason_keeps_the_line_as_it_was_sent),
        cmocka_unit_test(a_line_that_had_to_be_rewritten_is_put_together_again),
        cmocka_unit_test(a_long_line_is_not_cut_inside_a_character),
        cmocka_unit_test(only_the_first_few_of_a_round_are_kept),
        cmocka_unit_test(what_was_not_asked_for_by_the_end_of_its_round_is_forgotten),
        cmocka_unit_test(a_line_comes_with_its_sender),
        cmocka_unit_test(a_sender_that_was_missed_is_asked_for_the_next_time),
        cmocka_unit_test(each_line_of_a_burst_on_a_quiet_socket_has_its_sender),
        cmocka_unit_test(of_a_flood_each_line_that_is_kept_has_its_sender),
        cmocka_unit_test(names_beyond_the_series_limit_are_kept_once_each),
        cmocka_unit_test(where_lines_are_private_none_is_kept_but_names_are),
        cmocka_unit_test(what_control_reads_is_whole_while_the_worker_goes_on),
    };
    return cmocka_run_group_tests_name("refusals", tests, NULL, NULL);
}
