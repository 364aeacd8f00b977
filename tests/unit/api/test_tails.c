/* Tails behind a real HTTP server, whose owner is this thread. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "api/tails.h"
#include "base/now.h"
#include "support/http_client.h"
#include "support/loop_until.h"

enum { WAIT_MS = 20000 };

struct rig {
    uv_loop_t loop;
    struct api_tails *tails;
    struct http_route route;
    struct http_server *server;
    unsigned opened, wanted, asked_about;
};

static void on_opened(void *rig)
{
    ((struct rig *)rig)->opened++;
}

static void rig_init_with(struct rig *r, const char *refusal, uint32_t max_streams_per_ip)
{
    const char *error;
    *r = (struct rig){ .opened = 0 };
    assert_int_equal(uv_loop_init(&r->loop), 0);
    const struct api_tails_opts o = {
        .loop = &r->loop, .refusal = refusal, .opened = on_opened, .cookie = r
    };
    assert_int_equal(api_tails_new(&o, &r->tails), 0);
    r->route = api_tails_route(r->tails);
    const struct http_opts h = { .listen = "127.0.0.1:0",
                                 .routes = &r->route,
                                 .n_routes = 1,
                                 .timeout_s = 30,
                                 .max_streams = 64,
                                 .max_streams_per_ip = max_streams_per_ip };
    assert_int_equal(http_start(&h, &r->server, &error), 0);
    api_tails_start(r->tails);
}

static void rig_init(struct rig *r, const char *refusal)
{
    rig_init_with(r, refusal, 0);
}

static void rig_release(struct rig *r)
{
    api_tails_stop(r->tails);
    http_stop(r->server);
    api_tails_free(r->tails);
    assert_true(loop_drain(&r->loop, WAIT_MS));
    assert_int_equal(uv_loop_close(&r->loop), 0);
}

static bool are_open(void *rig)
{
    const struct rig *r = rig;
    return r->opened >= r->wanted;
}

static int ask(struct rig *r, const char *args)
{
    char path[600];
    snprintf(path, sizeof path, "/api/v1/tail%s", args);
    return client_ask(http_address(r->server), "GET", path);
}

static int open_tail(struct rig *r, const char *args)
{
    int fd = ask(r, args);
    r->wanted = r->opened + 1;
    assert_true(loop_until(&r->loop, are_open, r, WAIT_MS));
    return fd;
}

static void tell(void *rig, struct tail_line *ret)
{
    ((struct rig *)rig)->asked_about++;
    ret->at_s = 1700000000.25;
    ret->share = 0.5;
    ret->from = SLICE_LIT("10.0.0.7:1234");
}

static void line(struct rig *r, const char *text, const char *name)
{
    api_tails_line(r->tails, slice_str(text), name != NULL ? slice_str(name) : slice_of(NULL, 0),
                   tell, r);
}

static unsigned lines_in(const char *text)
{
    unsigned n = 0;
    for (const char *p = text; (p = strstr(p, "event: line\n")) != NULL; p++)
        n++;
    return n;
}

/* All that the tail was sent, once so many lines have come. */
static void end_and_read(struct rig *r, int fd, unsigned lines, struct buf *out)
{
    static char raw[64 << 10];
    struct buf reply = { 0 };
    api_tails_flush(r->tails, now_mono_ns());
    for (uint64_t until = now_mono_ms() + WAIT_MS; lines_in(raw) < lines; usleep(200)) {
        ssize_t n = recv(fd, raw, sizeof raw - 1, MSG_DONTWAIT | MSG_PEEK);
        raw[n > 0 ? n : 0] = '\0';
        assert_true(now_mono_ms() < until);
    }
    raw[0] = '\0';
    api_tails_stop(r->tails);
    client_hear(fd, &reply);
    assert_int_equal(client_status(&reply), 200);
    assert_true(client_unchunk(&reply, out));
    buf_append_char(out, '\0');
    buf_release(&reply);
    assert_int_equal(lines_in(out->ptr), lines);
}

static void a_pattern_is_of_the_name_or_of_the_line(void **unused)
{
    static const struct {
        const char *args, *line, *name;
        bool shown;
    } cases[] = {
        { "", "web.hits:1|c", "web.hits", true },
        { "?match=web.*", "web.hits:1|c", "web.hits", true },
        { "?match=*c", "web.hits:1|c", "web.hits", false }, /* the name alone */
        { "?match=*%7Cc", "web.hits:1|c", "web.hits", true },
        { "?match=*%7Cms", "web.hits:1|c", "web.hits", false },
        { "?match=*:1*", "web.hits:1|c", "web.hits", true },
        { "?match=_e*", "_e{1,1}:a|b", NULL, true },
        { "?match=web.*", "web.bad", NULL, true },
    };
    (void)unused;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct buf got = { 0 };
        struct rig r;
        rig_init(&r, NULL);
        int fd = open_tail(&r, cases[i].args);
        line(&r, cases[i].line, cases[i].name);
        assert_int_equal(r.asked_about, cases[i].shown);
        end_and_read(&r, fd, cases[i].shown, &got);
        if (cases[i].shown)
            assert_non_null(strstr(got.ptr, "\"from\":\"10.0.0.7:1234\",\"listener\":null,"
                                            "\"share\":0.5}"));
        buf_release(&got);
        rig_release(&r);
    }
}

static void of_a_long_line_the_front_is_matched_and_shown(void **unused)
{
    static char text[60001];
    struct buf got = { 0 };
    struct rig r;
    (void)unused;
    memset(text, 'a', sizeof text - 1);
    memcpy(text + 2000, "|ms", 3);
    rig_init(&r, NULL);
    int fd = open_tail(&r, "?match=*%7Cms*");
    line(&r, text, NULL);
    memcpy(text + 1000, "|ms", 3);
    line(&r, text, NULL);
    end_and_read(&r, fd, 1, &got);
    assert_true(got.len > TAIL_LINE_BYTES && got.len < TAIL_LINE_BYTES + 400);
    buf_release(&got);
    rig_release(&r);
}

/* 256 bytes that nearly match everywhere. */
static const char *worst_of_patterns(void)
{
    static char args[300] = "?match=*";
    memset(args + strlen("?match=*"), 'a', 254);
    args[strlen("?match=*") + 254] = 'b';
    return args;
}

static uint32_t cost_of(struct rig *r, size_t n)
{
    static char text[60000];
    memset(text, 'a', sizeof text);
    return api_tails_line(r->tails, slice_of(text, n), slice_of(NULL, 0), tell, r);
}

static void the_worst_of_patterns_costs_so_much_of_a_line_and_the_line_is_skipped(void **unused)
{
    struct buf got = { 0 };
    struct rig r;
    (void)unused;
    rig_init(&r, NULL);
    int worst = open_tail(&r, worst_of_patterns()), other = open_tail(&r, "?match=a*");
    assert_int_equal(cost_of(&r, 60000), API_TAIL_LINE_STEPS + 2 + API_TAIL_SHOWN_STEPS);
    assert_int_equal(cost_of(&r, TAIL_LINE_BYTES), API_TAIL_LINE_STEPS + 2 + API_TAIL_SHOWN_STEPS);
    assert_int_equal(r.asked_about, 2);
    api_tails_flush(r.tails, now_mono_ns() + 2000000000);
    line(&r, strchr(worst_of_patterns(), 'a') + strlen("atch=*"), NULL);
    end_and_read(&r, worst, 1, &got);
    assert_non_null(strstr(got.ptr, "event: skipped\ndata: {\"lines\":2}\n\n"));
    buf_release(&got);
    close(other);
    rig_release(&r);
}

/* One tail of two has nothing left; the other one, and the next second, do not feel it. */
static void what_a_pattern_costs_in_a_second_is_bounded(void **unused)
{
    enum { LINES = API_TAIL_SECOND_STEPS / API_TAIL_LINE_STEPS + 1 };
    const uint64_t now_ns = now_mono_ns() + 10000000000;
    struct rig r;
    (void)unused;
    rig_init(&r, NULL);
    int worst = open_tail(&r, worst_of_patterns()), other = open_tail(&r, "?match=b*");
    uint64_t sum = 0;
    api_tails_flush(r.tails, now_ns);
    for (int i = 0; i < LINES; i++)
        sum += cost_of(&r, TAIL_LINE_BYTES);
    assert_int_equal(sum, API_TAIL_SECOND_STEPS + LINES);
    assert_int_equal(cost_of(&r, TAIL_LINE_BYTES), 1);
    api_tails_flush(r.tails, now_ns + 500000000);
    assert_int_equal(cost_of(&r, TAIL_LINE_BYTES), 1);
    api_tails_flush(r.tails, now_ns + 1000000000);
    assert_int_equal(cost_of(&r, TAIL_LINE_BYTES), API_TAIL_LINE_STEPS + 1);
    assert_int_equal(r.asked_about, 0);
    close(worst);
    close(other);
    rig_release(&r);
}

static void lines_beyond_the_rate_are_skipped_and_told(void **unused)
{
    struct buf got = { 0 };
    struct rig r;
    (void)unused;
    rig_init(&r, NULL);
    int fd = open_tail(&r, "?rate=3");
    const uint64_t now_ns = now_mono_ns();
    for (int i = 0; i < 10; i++)
        line(&r, "a:1|c", "a");
    api_tails_flush(r.tails, now_ns + 2000000000);
    line(&r, "a:1|c", "a");
    end_and_read(&r, fd, 4, &got);
    assert_non_null(strstr(got.ptr, "event: skipped\ndata: {\"lines\":7}\n\n"));
    buf_release(&got);
    rig_release(&r);
}

struct answer {
    int fd;
    char first[64];
    size_t n;
};

static bool has_answer(void *answer)
{
    struct answer *a = answer;
    ssize_t n = recv(a->fd, a->first, sizeof a->first - 1, MSG_DONTWAIT | MSG_PEEK);
    a->n = n > 0 ? (size_t)n : 0;
    return a->n > 12;
}

static void expect_status(struct rig *r, int fd, const char *status)
{
    struct answer a = { .fd = fd };
    assert_true(loop_until(&r->loop, has_answer, &a, WAIT_MS));
    assert_memory_equal(a.first + strlen("HTTP/1.1 "), status, 3);
    close(fd);
}

static void what_may_not_be_is_refused(void **unused)
{
    struct rig r;
    (void)unused;
    rig_init(&r, NULL);
    expect_status(&r, ask(&r, "?match="), "400");
    expect_status(&r, ask(&r, "?rate=0"), "400");
    expect_status(&r, ask(&r, "?rate=1001"), "400");
    expect_status(&r, ask(&r, "?what=1"), "400");
    assert_false(api_tails_open(r.tails));
    rig_release(&r);
    rig_init(&r, "not here");
    expect_status(&r, ask(&r, ""), "403");
    assert_int_equal(r.opened, 0);
    rig_release(&r);
    assert_false(api_tails_open(NULL));
}

static void one_more_than_there_may_be_is_refused(void **unused)
{
    int fds[API_TAILS_MAX];
    struct rig r;
    (void)unused;
    rig_init(&r, NULL);
    for (unsigned i = 0; i < API_TAILS_MAX; i++)
        fds[i] = open_tail(&r, "");
    expect_status(&r, ask(&r, ""), "503");
    assert_int_equal(r.opened, API_TAILS_MAX);
    api_tails_stop(r.tails);
    expect_status(&r, ask(&r, ""), "503"); /* it is stopping */
    for (unsigned i = 0; i < API_TAILS_MAX; i++)
        close(fds[i]);
    rig_release(&r);
}

static int ask_from(struct rig *r, const char *from)
{
    int fd = client_dial_from(http_address(r->server), from);
    client_say(fd, "GET /api/v1/tail HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n");
    return fd;
}

static void one_address_has_no_more_than_its_share_of_tails(void **unused)
{
    static const char *const from[] = { "127.0.0.2", "127.0.0.2", "127.0.0.3" };
    int fds[ARRAY_LEN(from)];
    struct http_stats stats = { 0 };
    struct rig r;
    (void)unused;
    rig_init_with(&r, NULL, 2);
    for (unsigned i = 0; i < ARRAY_LEN(from); i++) {
        fds[i] = ask_from(&r, from[i]);
        r.wanted = i + 1;
        assert_true(loop_until(&r.loop, are_open, &r, WAIT_MS));
    }
    expect_status(&r, ask_from(&r, "127.0.0.2"), "503");
    http_stats(r.server, &stats);
    assert_int_equal(stats.streams_refused_per_ip, 1);
    for (unsigned i = 0; i < ARRAY_LEN(from); i++)
        close(fds[i]);
    rig_release(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_pattern_is_of_the_name_or_of_the_line),
        cmocka_unit_test(of_a_long_line_the_front_is_matched_and_shown),
        cmocka_unit_test(the_worst_of_patterns_costs_so_much_of_a_line_and_the_line_is_skipped),
        cmocka_unit_test(what_a_pattern_costs_in_a_second_is_bounded),
        cmocka_unit_test(lines_beyond_the_rate_are_skipped_and_told),
        cmocka_unit_test(what_may_not_be_is_refused),
        cmocka_unit_test(one_more_than_there_may_be_is_refused),
        cmocka_unit_test(one_address_has_no_more_than_its_share_of_tails),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
