/* What a master and its workers say to each other. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/now.h"
#include "live/count.h"
#include "live/fleet.h"
#include "live/join.h"
#include "live/token.h"
#include "live/wire.h"
#include "live/worker.h"
#include "status.h"

static struct wire wire;
static int peer;

static int setup(void **state)
{
    (void)state;
    int pair[2];
    if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair) < 0)
        return -1;
    wire_open(&wire, pair[0]);
    peer = pair[1];
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    wire_close(&wire);
    close(peer);
    return 0;
}

static void say(const char *text, size_t n)
{
    assert_int_equal(send(peer, text, n, 0), (ssize_t)n);
}

static void objects_come_whole_however_they_are_cut(void **state)
{
    (void)state;
    static const char text[] = "{\"a\":1}\n{\"a\":2}\n";
    json_t *o;
    int seen = 0;
    for (size_t i = 0; i < sizeof text - 1; i++) {
        say(text + i, 1);
        assert_int_equal(wire_fill(&wire), 0);
        assert_int_equal(wire_next(&wire, &o), 0);
        seen += o != NULL;
        assert_int_equal(json_integer_value(json_object_get(o, "a")), o != NULL ? seen : 0);
        json_decref(o);
    }
    assert_int_equal(seen, 2);
}

static void a_line_that_is_no_object_is_refused(void **state)
{
    (void)state;
    static const char *const bad[] = { "\n", "{\n", "[1]\n", "1\n", "GET / HTTP/1.1\r\n" };
    json_t *o;
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        say(bad[i], strlen(bad[i]));
        assert_int_equal(wire_fill(&wire), 0);
        assert_int_equal(wire_next(&wire, &o), -EPROTO);
        assert_null(o);
    }
}

static void a_line_without_end_is_bounded(void **state)
{
    (void)state;
    char a[4096];
    int rc = 0;
    memset(a, 'a', sizeof a);
    for (size_t sent = 0; rc == 0 && sent < 4 * WIRE_LINE_MAX; sent += sizeof a) {
        say(a, sizeof a);
        rc = wire_fill(&wire);
    }
    assert_int_equal(rc, -EMSGSIZE);
}

static void a_peer_that_ends_or_does_not_read_is_told(void **state)
{
    (void)state;
    int rc = 0;
    for (int i = 0; rc == 0 && i < 100000; i++)
        rc = wire_put(&wire, json_pack("{s:i}", "i", i));
    assert_int_equal(rc, -EAGAIN);
    shutdown(peer, SHUT_RDWR);
    assert_int_equal(wire_fill(&wire), -EPIPE);
}

static void a_proof_is_of_one_side_one_token_and_both_challenges(void **state)
{
    (void)state;
    const struct token token = { "0123456789abcdef" }, other = { "0123456789abcdeF" };
    char proof[PROOF_TEXT], same[PROOF_TEXT], another[PROOF_TEXT];
    proof_make(&token, "master", "a", "b", proof);
    proof_make(&token, "master", "a", "b", same);
    assert_true(proof_holds(proof, same));
    proof_make(&token, "worker", "a", "b", another);
    assert_false(proof_holds(proof, another));
    proof_make(&token, "master", "b", "a", another);
    assert_false(proof_holds(proof, another));
    proof_make(&other, "master", "a", "b", another);
    assert_false(proof_holds(proof, another));
    assert_false(proof_holds(proof, NULL));
    assert_false(proof_holds(proof, ""));
}

static void only_this_machine_does_without_a_token(void **state)
{
    (void)state;
    assert_true(token_is_optional("127.0.0.1:8088"));
    assert_true(token_is_optional("[::1]:8088"));
    assert_false(token_is_optional("0.0.0.0:8088"));
    assert_false(token_is_optional("10.0.0.1:8088"));
    assert_false(token_is_optional("[2001:db8::1]:8088"));
    assert_false(token_is_optional("nowhere"));
}

static void what_was_sent_is_read_back_and_summed(void **state)
{
    (void)state;
    const struct tally_totals t = { .lines = 7, .datagrams = 3, .increments = 2.5, .error = 111 };
    struct tally_totals got, none;
    json_t *o = count_json(&t);
    count_read(o, &got);
    assert_memory_equal(&got, &t, sizeof t);
    count_add(&got, &t);
    assert_int_equal(got.lines, 14);
    assert_int_equal(got.error, 111);
    json_object_set_new(o, "lines", json_integer(-5));
    json_object_set_new(o, "datagrams", json_string("many"));
    count_read(o, &none);
    assert_int_equal(none.lines + none.datagrams, 0);
    json_decref(o);
}

static void an_address_gets_the_usual_port_if_it_names_none(void **state)
{
    (void)state;
    static const char *const of[][2] = { { "127.0.0.1", "127.0.0.1:8088" },
                                         { "127.0.0.1:0", "127.0.0.1:0" },
                                         { "[::1]", "[::1]:8088" },
                                         { "nowhere", "nowhere" } };
    char got[ADDRESS_TEXT_MAX];
    for (size_t i = 0; i < ARRAY_LEN(of); i++) {
        wire_address(of[i][0], JOIN_PORT, got);
        assert_string_equal(got, of[i][1]);
    }
}

/* A master whose workers are the other ends of socket pairs. */
struct crowd {
    struct fleet fleet;
    struct wire peer[3];
};

static void crowd_gather(struct crowd *c, enum fleet_state as)
{
    *c = (struct crowd){ .fleet = { .listen_fd = -1, .wake_fd = -1, .duration_s = 60 } };
    for (unsigned i = 0; i < ARRAY_LEN(c->peer); i++) {
        int pair[2];
        assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
        c->fleet.at[i] = (struct fleet_worker){ .state = as, .heard_ms = now_mono_ms() };
        if (as != FLEET_joining)
            snprintf(c->fleet.at[i].name, JOIN_NAME_MAX, "w%u", i);
        wire_open(&c->fleet.at[i].wire, pair[0]);
        wire_open(&c->peer[i], pair[1]);
        c->fleet.n++;
    }
    c->fleet.sending = as == FLEET_sending;
    c->fleet.start_ns = now_mono_ns();
}

static void crowd_leave(struct crowd *c)
{
    for (unsigned i = 0; i < ARRAY_LEN(c->peer); i++)
        wire_close(&c->peer[i]);
    fleet_end(&c->fleet);
}

/* Does the next that it is told say so?   returns  its epoch; 0: nothing was told */
static json_int_t told(struct wire *w, double share, bool fresh)
{
    json_t *o;
    assert_int_equal(wire_fill(w), 0);
    assert_int_equal(wire_next(w, &o), 0);
    json_int_t epoch = json_integer_value(json_object_get(o, "start"));
    if (o != NULL) {
        assert_true(json_number_value(json_object_get(o, "share")) == share);
        assert_int_equal(json_is_true(json_object_get(o, "fresh")), fresh);
    }
    json_decref(o);
    return epoch;
}

/* Or the sums of the run before would be in this one's. */
static void each_worker_begins_afresh_though_one_is_lost_meanwhile(void **state)
{
    (void)state;
    struct crowd c;
    const struct args args = { 0 };
    const struct sender_opts o = { .duration_s = 60 };
    crowd_gather(&c, FLEET_sending);
    while (wire_put(&c.fleet.at[1].wire, json_object()) == 0)
        ;
    fleet_change(&c.fleet, &args, &o);
    assert_int_equal(c.fleet.at[1].state, FLEET_lost);
    assert_int_equal(told(&c.peer[0], 1.0 / 3, true), 1);
    assert_int_equal(told(&c.peer[0], 1.0 / 2, false), 2);
    assert_int_equal(told(&c.peer[2], 1.0 / 2, true), 2);
    assert_int_equal(c.fleet.epoch, 2);
    crowd_leave(&c);
}

static void who_asks_to_stop_does_not_wait_for_workers_to_get_ready(void **state)
{
    (void)state;
    struct crowd c;
    sigset_t term;
    int got;
    void *load;
    const struct sender_opts o = { .duration_s = 60 };
    crowd_gather(&c, FLEET_ready);
    sigemptyset(&term);
    sigaddset(&term, SIGTERM);
    sigprocmask(SIG_BLOCK, &term, NULL);
    assert_false(status_stop_waits());
    raise(SIGTERM);
    uint64_t from_ms = now_mono_ms();
    assert_int_equal(load_fleet.start(&c.fleet, &o, NULL, &load), 0);
    assert_true(now_mono_ms() - from_ms < 5000);
    assert_int_equal(sigwait(&term, &got), 0);
    sigprocmask(SIG_UNBLOCK, &term, NULL);
    crowd_leave(&c);
}

static void a_stuck_worker_of_this_machine_is_ended_when_it_is_lost(void **state)
{
    (void)state;
    struct crowd c;
    crowd_gather(&c, FLEET_sending);
    pid_t pid = fork();
    if (pid == 0) {
        (void)signal(SIGTERM, SIG_IGN);
        for (;;)
            pause();
    }
    c.fleet.at[0].pid = pid;
    c.fleet.at[0].heard_ms -= FLEET_SILENT_MS + 1;
    fleet_step(&c.fleet, 0);
    assert_int_equal(c.fleet.at[0].state, FLEET_lost);
    fleet_forget(&c.fleet);
    assert_int_equal(c.fleet.n, 2);
    assert_int_equal(waitpid(pid, NULL, WNOHANG), -1);
    assert_int_equal(errno, ECHILD);
    crowd_leave(&c);
}

static void assert_plain(const char *text)
{
    for (; *text != '\0'; text++)
        assert_true(*text >= ' ' && *text <= '~');
}

static void what_a_worker_reports_is_taken_as_far_as_it_can_be(void **state)
{
    (void)state;
    static const char *const reports[] = {
        "{\"epoch\":0,\"error\":\"\\u001b[2J\\u009b\\n\"}\n",
        "{\"epoch\":0,\"error\":\"a long one: \xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4"
        "\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4"
        "\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4"
        "\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4"
        "\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4"
        "\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\"}\n",
        "{\"epoch\":0,\"lasted_s\":9e99,\"ended\":true,\"sent\":{\"lines\":9223372036854775807}}\n",
        "{\"epoch\":0,\"lasted_s\":-1e308,\"sent\":{\"lines\":-9223372036854775808}}\n",
        "{\"epoch\":0,\"lasted_s\":\"1\",\"ended\":1,\"sent\":[{}],\"error\":{}}\n",
        "{\"epoch\":0,\"sent\":{\"increments\":1e308,\"forgiven\":-1,\"error\":1e3}}\n",
        "{}\n",
    };
    for (size_t i = 0; i < ARRAY_LEN(reports); i++) {
        struct crowd c;
        const struct fleet_worker *w = c.fleet.at;
        crowd_gather(&c, FLEET_sending);
        assert_true(send(c.peer[0].fd, reports[i], strlen(reports[i]), 0) > 0);
        fleet_step(&c.fleet, 0);
        assert_int_equal(w->state, FLEET_sending);
        assert_plain(w->why);
        assert_true(w->lasted_s < 60 && w->sent.forgiven >= 0 && w->sent.lines <= INT64_MAX);
        crowd_leave(&c);
    }
}

#define HELLO                                                                                      \
    "\"hello\":\"statsd-bench\",\"version\":1,\"challenge\":\"0123456789abcdef0123456789abcdef\""

static void who_is_no_worker_of_ours_does_not_come_in(void **state)
{
    (void)state;
    static const char *const said[] = {
        "{" HELLO "}\n",
        "{" HELLO ",\"name\":\"\"}\n",
        "{" HELLO ",\"name\":7}\n",
        "{" HELLO
        ",\"name\":\"0123456789012345678901234567890123456789012345678901234567890123\"}\n",
        "{" HELLO ",\"version\":2,\"name\":\"a\"}\n",
        "{" HELLO ",\"challenge\":\"short\",\"name\":\"a\"}\n",
        "{" HELLO ",\"hello\":null,\"name\":\"a\"}\n",
        "{" HELLO ",\"name\":\"a\"}\n{" HELLO ",\"name\":\"a\"}\n",
        "{" HELLO ",\"name\":\"a\"}\n{\"proof\":\"\"}\n",
        "{" HELLO ",\"name\":\"a\"}\n{\"proof\":"
        "\"0000000000000000000000000000000000000000000000000000000000000000\"}\n",
        "{\"epoch\":0,\"sent\":{\"lines\":5}}\n",
        "GET / HTTP/1.1\r\n\r\n",
    };
    for (size_t i = 0; i < ARRAY_LEN(said); i++) {
        struct crowd c;
        crowd_gather(&c, FLEET_joining);
        assert_true(send(c.peer[0].fd, said[i], strlen(said[i]), 0) > 0);
        fleet_step(&c.fleet, 0);
        assert_int_equal(c.fleet.n, 2);
        assert_int_equal(c.fleet.refused, 1);
        assert_int_equal(fleet_ready(&c.fleet), 0);
        crowd_leave(&c);
    }
}

static void a_name_cannot_steer_a_terminal(void **state)
{
    (void)state;
    struct join j = { 0 };
    const struct token none = { 0 };
    json_t *hello = json_loads("{" HELLO ",\"name\":\"a\\u001b[2J\\n\xc3\xa4\"}", 0, NULL);
    assert_int_equal(join_hear(&j, &wire, &none, hello), 0);
    assert_string_equal(j.name, "a?[2J???");
    json_decref(hello);
}

/* The other end of join_master, in a process of its own. */
static _Noreturn void be_master(int listens, const struct token *t)
{
    struct join j = { 0 };
    struct wire w;
    json_t *o = NULL;
    int more = 0;
    wire_open(&w, accept(listens, NULL, NULL));
    alarm(20);
    while (more == 0 && wire_fill(&w) == 0 && wire_next(&w, &o) == 0) {
        more = o != NULL ? join_hear(&j, &w, t, o) : 0;
        json_decref(o);
    }
    _exit(more == 1 ? 0 : 1);
}

static void a_worker_does_not_send_on_for_long_when_its_masters_host_is_gone(void **state)
{
    (void)state;
    const struct token token = { "0123456789abcdef" };
    struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t len = sizeof a;
    char master[ADDRESS_TEXT_MAX];
    struct buf error = { 0 };
    struct wire w;
    int listens = socket(AF_INET, SOCK_STREAM, 0), status, silent_ms = 0;
    socklen_t silent_len = sizeof silent_ms;
    assert_int_equal(bind(listens, (struct sockaddr *)&a, sizeof a) | listen(listens, 1), 0);
    assert_int_equal(getsockname(listens, (struct sockaddr *)&a, &len), 0);
    address_print((struct sockaddr *)&a, master);
    pid_t pid = fork();
    if (pid == 0)
        be_master(listens, &token);
    assert_int_equal(join_master(master, &token, &w, &error), 0);
    assert_int_equal(getsockopt(w.fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &silent_ms, &silent_len), 0);
    assert_int_equal(silent_ms, 15000);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
    wire_close(&w);
    close(listens);
}

static void a_load_that_is_over_is_not_begun_again(void **state)
{
    (void)state;
    static const char start[] =
        "{\"start\":1,\"share\":1,\"from_s\":5,\"fresh\":false,\"args\":[\"statsd-bench\","
        "\"--to=udp://127.0.0.1:9\",\"--duration=1s\",\"--rate=1000\",\"--series=10\"]}\n";
    struct wire master;
    json_t *o = NULL;
    wire_open(&master, peer);
    say(start, sizeof start - 1);
    shutdown(peer, SHUT_WR);
    assert_int_equal(worker_run(&wire, true), 0);
    while (json_integer_value(json_object_get(o, "epoch")) != 1) {
        json_decref(o);
        assert_int_equal(wire_next(&master, &o), 0);
        if (o == NULL)
            assert_int_equal(wire_fill(&master), 0);
    }
    assert_true(json_is_null(json_object_get(o, "error")));
    assert_true(json_is_true(json_object_get(o, "ended")));
    json_decref(o);
    buf_release(&master.in);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(objects_come_whole_however_they_are_cut, setup, teardown),
        cmocka_unit_test_setup_teardown(a_line_that_is_no_object_is_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(a_line_without_end_is_bounded, setup, teardown),
        cmocka_unit_test_setup_teardown(a_peer_that_ends_or_does_not_read_is_told, setup, teardown),
        cmocka_unit_test(a_proof_is_of_one_side_one_token_and_both_challenges),
        cmocka_unit_test(only_this_machine_does_without_a_token),
        cmocka_unit_test(what_was_sent_is_read_back_and_summed),
        cmocka_unit_test(an_address_gets_the_usual_port_if_it_names_none),
        cmocka_unit_test(each_worker_begins_afresh_though_one_is_lost_meanwhile),
        cmocka_unit_test(who_asks_to_stop_does_not_wait_for_workers_to_get_ready),
        cmocka_unit_test(a_stuck_worker_of_this_machine_is_ended_when_it_is_lost),
        cmocka_unit_test(what_a_worker_reports_is_taken_as_far_as_it_can_be),
        cmocka_unit_test(who_is_no_worker_of_ours_does_not_come_in),
        cmocka_unit_test_setup_teardown(a_name_cannot_steer_a_terminal, setup, teardown),
        cmocka_unit_test(a_worker_does_not_send_on_for_long_when_its_masters_host_is_gone),
        cmocka_unit_test_setup_teardown(a_load_that_is_over_is_not_begun_again, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
