/* Requests below /api/v1/, from the HTTP thread through a page turn to an answer. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "api/api.h"
#include "base/mem.h"
#include "base/now.h"
#include "support/http_client.h"
#include "support/loop_until.h"

enum { PATIENCE_MS = CLIENT_PATIENCE_S * 1000 };

struct office {
    uv_loop_t loop;
    struct event_log *log;
    struct api *api;
    uint64_t turns; /* asked for */
    struct http_server *server;
    struct http_route route;
    uv_check_t rounds;         /* of the loop */
    unsigned round, explained; /* how many; in which one something was explained last */
    bool explaining;           /* one is at work, */
    unsigned steps;            /* of which so many steps are done */
    struct buf datagram;
};

static uint64_t ask_turn(void *office)
{
    return ++((struct office *)office)->turns;
}

/* Each step takes as long as a slice, so that there is one in a round of the loop. */
enum { EXPLAIN_STEPS = 3 };

static void *explain_begin(void *office, struct slice datagram, enum api_framing framing,
                           size_t most)
{
    struct office *o = office;
    assert_int_equal(framing, API_FRAMING_DATAGRAM);
    assert_int_equal(most, 512 << 10);
    if (o->explaining)
        return NULL;
    o->explaining = true;
    o->steps = 0;
    buf_append_slice(&o->datagram, datagram);
    return o;
}

static bool explain_some(void *office, struct buf *out)
{
    struct office *o = office;
    assert_int_not_equal(o->explained, o->round); /* others had their turn since the last one */
    o->explained = o->round;
    uint64_t until_ns = now_mono_ns() + 1000000;
    while (now_mono_ns() < until_ns)
        ;
    if (++o->steps < EXPLAIN_STEPS)
        return true;
    buf_printf(out, "{\"text\":\"%.*s\"}\n", (int)o->datagram.len, o->datagram.ptr);
    return false;
}

static void explain_end(void *office)
{
    struct office *o = office;
    assert_true(o->explaining);
    o->explaining = false;
    buf_release(&o->datagram);
}

static void count_round(uv_check_t *rounds)
{
    ((struct office *)rounds->data)->round++;
}

static int open_office(void **state)
{
    static struct office o;
    const char *error = "";
    o = (struct office){ .log = event_log_new(10) };
    uv_loop_init(&o.loop);
    uv_check_init(&o.loop, &o.rounds);
    o.rounds.data = &o;
    uv_check_start(&o.rounds, count_round);
    uv_unref((uv_handle_t *)&o.rounds);
    const struct api_opts opts = {
        .loop = &o.loop,
        .from = { .events = o.log,
                  .server = &o,
                  .explain = { explain_begin, explain_some, explain_end } },
        .ask_turn = ask_turn,
        .turn = &o,
    };
    assert_int_equal(api_new(&opts, &o.api), 0);
    o.route = api_route(o.api);
    struct http_opts http = { .listen = "127.0.0.1:0", .routes = &o.route, .n_routes = 1 };
    if (http_start(&http, &o.server, &error) != 0)
        fail_msg("%s", error);
    *state = &o;
    return 0;
}

static int close_office(void **state)
{
    struct office *o = *state;
    api_stop(o->api);
    http_stop(o->server);
    api_free(o->api);
    event_log_free(o->log);
    uv_close((uv_handle_t *)&o->rounds, NULL);
    assert_true(loop_drain(&o->loop, PATIENCE_MS));
    assert_int_equal(uv_loop_close(&o->loop), 0);
    return 0;
}

static void add(struct office *o, const char *title, size_t text)
{
    char *bytes = mem_alloc(text);
    memset(bytes, 'x', text);
    event_log_add(o->log, &(struct event_entry){ .kind = EVENT_ENTRY,
                                                 .title = slice_str(title),
                                                 .text = slice_of(bytes, text),
                                                 .priority = "normal",
                                                 .alert_type = "info" });
    free(bytes);
}

static bool turn_is_asked_for(void *office)
{
    return ((struct office *)office)->turns > 0;
}

static bool nobody_waits(void *office)
{
    struct office *o = office;
    struct http_stats stats;
    api_turned(o->api, o->turns);
    http_stats(o->server, &stats);
    return o->turns > 0 && stats.waiting == 0;
}

struct waiting {
    struct office *o;
    uint64_t n;
};

static bool all_wait(void *waiting)
{
    const struct waiting *w = waiting;
    struct http_stats stats;
    http_stats(w->o->server, &stats);
    return stats.waiting == w->n;
}

/* Let the client's request wait, and its turn be over. */
static int answered(struct office *o, int fd)
{
    o->turns = 0;
    assert_true(loop_until(&o->loop, turn_is_asked_for, o, PATIENCE_MS));
    assert_true(loop_until(&o->loop, nobody_waits, o, PATIENCE_MS));
    return fd;
}

static int ask(struct office *o, const char *method, const char *path)
{
    return answered(o, client_ask(http_address(o->server), method, path));
}

static void an_answer_waits_for_its_turn_and_has_what_came_before_it(void **state)
{
    struct office *o = *state;
    struct buf reply = { 0 };
    struct http_stats stats;
    int fd = client_ask(http_address(o->server), "GET", "/api/v1/events");
    assert_true(loop_until(&o->loop, turn_is_asked_for, o, PATIENCE_MS));
    api_turned(o->api, 0); /* an older turn */
    http_stats(o->server, &stats);
    assert_int_equal(stats.waiting, 1);
    add(o, "came with the turn", 1);
    assert_true(loop_until(&o->loop, nobody_waits, o, PATIENCE_MS));
    client_hear(fd, &reply);
    assert_int_equal(client_status(&reply), 200);
    assert_true(client_has(&reply, "\"title\":\"came with the turn\""));
    buf_release(&reply);
}

static void every_answer_says_what_it_is_and_is_not_kept(void **state)
{
    static const struct {
        const char *method, *path;
        unsigned status;
        const char *body; /* a part of it */
    } rows[] = {
        { "GET", "/api/v1/events", 200, "{\"events\":[" },
        { "GET", "/api/v1/checks", 200, "{\"checks\":[" },
        { "HEAD", "/api/v1/events", 200, "" },
        { "GET", "/api/v1/events?limit=0", 400, "\"argument\":\"limit\"" },
        { "HEAD", "/api/v1/events?limit=0", 400, "" },
        { "GET", "/api/v1/", 404, "there are /api/v1/capture, /api/v1/checks, " },
        { "GET", "/api/v1/event", 404, "no such path" },
        { "GET", "/api/v1/events/", 404, "no such path" },
        { "GET", "/api/v1/events/?limit=0", 404, "no such path" },
        { "POST", "/api/v1/event", 404, "no such path" },
        { "POST", "/api/v1/events", 405, "{\"error\":\"this path takes GET, HEAD\"}" },
        { "DELETE", "/api/v1/events", 405, "{\"error\":\"this path takes GET, HEAD\"}" },
    };
    struct office *o = *state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct buf reply = { 0 };
        client_hear(ask(o, rows[i].method, rows[i].path), &reply);
        if (client_status(&reply) != rows[i].status ||
            strstr(client_body(&reply), rows[i].body) == NULL)
            fail_msg("%s %s: %s", rows[i].method, rows[i].path, reply.ptr);
        assert_true(client_has(&reply, "Content-Type: application/json\r\n"));
        assert_true(client_has(&reply, "Cache-Control: no-store\r\n"));
        assert_true(client_has(&reply, "X-Content-Type-Options: nosniff\r\n"));
        assert_true(rows[i].body[0] != '\0' || *client_body(&reply) == '\0');
        buf_release(&reply);
    }
    const uint64_t *n = api_counted(o->api)->answered;
    assert_int_equal(n[API_200], 3);
    assert_int_equal(n[API_400], 2);
    assert_int_equal(n[API_404], 5);
    assert_int_equal(n[API_405], 2);
    assert_int_equal(n[API_503], 0);
}

static void another_method_is_told_which_there_are(void **state)
{
    struct office *o = *state;
    struct buf reply = { 0 };
    client_hear(ask(o, "POST", "/api/v1/events"), &reply);
    assert_int_equal(client_status(&reply), 405);
    assert_true(client_has(&reply, "Allow: GET, HEAD\r\n"));
    client_hear(client_ask(http_address(o->server), "PATCH", "/api/v1/events"), &reply);
    assert_int_equal(client_status(&reply), 405);
    assert_true(client_has(&reply, "Allow: GET, HEAD, POST, PUT, DELETE\r\n"));
    assert_string_equal(client_body(&reply),
                        "{\"error\":\"only GET, HEAD, POST, PUT and DELETE\"}\n");
    buf_release(&reply);
}

static int ask_for_gzip(struct office *o)
{
    int fd = client_dial(http_address(o->server));
    client_say(fd, "GET /api/v1/events HTTP/1.1\r\nHost: localhost\r\nAccept-Encoding: gzip\r\n"
                   "Connection: close\r\n\r\n");
    return answered(o, fd);
}

static void a_long_answer_is_packed_for_who_accepts_gzip(void **state)
{
    struct office *o = *state;
    struct buf reply = { 0 };
    client_hear(ask_for_gzip(o), &reply);
    assert_false(client_has(&reply, "Content-Encoding"));
    add(o, "long", 10000);
    client_hear(ask_for_gzip(o), &reply);
    assert_true(client_has(&reply, "Content-Encoding: gzip\r\n"));
    assert_true(reply.len < 1000);
    client_hear(ask(o, "GET", "/api/v1/events"), &reply);
    assert_false(client_has(&reply, "Content-Encoding"));
    assert_true(reply.len > 10000);
    buf_release(&reply);
}

static void who_does_not_read_makes_others_wait_until_it_goes(void **state)
{
    struct office *o = *state;
    struct buf reply = { 0 };
    add(o, "more than kernels hold", 2 * API_UNSENT_BYTES);
    int slow = ask(o, "GET", "/api/v1/events");
    client_hear(ask(o, "GET", "/api/v1/checks"), &reply);
    assert_int_equal(client_status(&reply), 503);
    assert_true(client_has(&reply, "Retry-After: 1\r\n"));
    assert_true(client_has(&reply, "{\"error\":\"too many answers wait"));
    assert_true(api_counted(o->api)->answered[API_503] > 0);
    close(slow);
    for (unsigned i = 0; client_status(&reply) != 200; i++) {
        assert_true(i < 1000); /* until the HTTP thread has seen that it is gone */
        client_hear(ask(o, "GET", "/api/v1/checks"), &reply);
    }
    buf_release(&reply);
}

static void a_stop_answers_who_waits(void **state)
{
    struct office *o = *state;
    int fd = client_ask(http_address(o->server), "GET", "/api/v1/events");
    assert_true(loop_until(&o->loop, turn_is_asked_for, o, PATIENCE_MS));
    api_stop(o->api);
    client_expect(fd, 503, NULL);
    client_expect(client_ask(http_address(o->server), "GET", "/api/v1/events"), 503, NULL);
}

/* Its packing begins within the turn, and goes on elsewhere: nothing is answered in that call. */
static int begin_to_pack(struct office *o)
{
    int fd = client_dial(http_address(o->server));
    uint64_t before = api_counted(o->api)->answered[API_200];
    add(o, "long", 100000);
    o->turns = 0;
    client_say(fd, "GET /api/v1/events HTTP/1.1\r\nHost: localhost\r\nAccept-Encoding: gzip\r\n"
                   "Connection: close\r\n\r\n");
    assert_true(loop_until(&o->loop, turn_is_asked_for, o, PATIENCE_MS));
    api_turned(o->api, o->turns);
    assert_int_equal(api_counted(o->api)->answered[API_200], before);
    return fd;
}

static void a_long_answer_is_packed_beside_the_loop(void **state)
{
    struct office *o = *state;
    struct buf reply = { 0 };
    int fd = begin_to_pack(o);
    assert_true(loop_until(&o->loop, nobody_waits, o, PATIENCE_MS));
    client_hear(fd, &reply);
    assert_int_equal(client_status(&reply), 200);
    assert_true(client_has(&reply, "Content-Encoding: gzip\r\n"));
    buf_release(&reply);
}

/* The end is close_office's. */
static void the_api_may_go_while_an_answer_is_packed(void **state)
{
    close(begin_to_pack(*state));
}

static int ask_to_explain(struct office *o)
{
    int fd = client_dial(http_address(o->server));
    client_say(fd, "POST /api/v1/explain HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
                   "Content-Length: 5\r\n\r\na:1|c");
    return fd;
}

static void one_datagram_is_explained_at_a_time_a_step_in_a_round_of_the_loop(void **state)
{
    enum { CLIENTS = 8 };
    struct office *o = *state;
    int fds[CLIENTS];
    unsigned good = 0, later = 0;
    for (int i = 0; i < CLIENTS; i++)
        fds[i] = ask_to_explain(o);
    assert_true(loop_until(&o->loop, all_wait, &(struct waiting){ o, CLIENTS }, PATIENCE_MS));
    assert_true(loop_until(&o->loop, nobody_waits, o, PATIENCE_MS));
    for (int i = 0; i < CLIENTS; i++) {
        struct buf reply = { 0 };
        client_hear(fds[i], &reply);
        good += strstr(client_body(&reply), "{\"text\":\"a:1|c\"}") != NULL;
        later += client_status(&reply) == 503 && client_has(&reply, "Retry-After: 1\r\n");
        buf_release(&reply);
    }
    assert_true(good >= 1 && later >= 1); /* more than one, if the desk saw them in two lots */
    assert_int_equal(good + later, CLIENTS);
    assert_false(o->explaining);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, open_office, close_office)
    const struct CMUnitTest tests[] = {
        TEST(an_answer_waits_for_its_turn_and_has_what_came_before_it),
        TEST(every_answer_says_what_it_is_and_is_not_kept),
        TEST(another_method_is_told_which_there_are),
        TEST(a_long_answer_is_packed_for_who_accepts_gzip),
        TEST(who_does_not_read_makes_others_wait_until_it_goes),
        TEST(one_datagram_is_explained_at_a_time_a_step_in_a_round_of_the_loop),
        TEST(a_long_answer_is_packed_beside_the_loop),
        TEST(the_api_may_go_while_an_answer_is_packed),
        TEST(a_stop_answers_who_waits),
    };
#undef TEST
    return cmocka_run_group_tests_name("api", tests, NULL, NULL);
}
