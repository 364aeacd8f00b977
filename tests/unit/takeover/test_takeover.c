/*
 * Both ends of a takeover in one process, over a real control socket: all goes well, and each way
 * in which it does not.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "support/loop_until.h"
#include "support/takeover_rig.h"

static void the_new_one_gets_all_and_reads_the_old_one_leaves(void **unused)
{
    (void)unused;
    /* One message, exactly one, more than one; with connections behind them. */
    const size_t fds[] = { 0, 1, 253, 254, 300 }, streams[] = { 0, 3, 0, 1, 200 };
    for (size_t i = 0; i < ARRAY_LEN(fds); i++) {
        struct rig r;
        const struct slice wanted[] = { SLICE_LIT("udp://127.0.0.1:8125"), SLICE_LIT("x") };
        rig_init(&r);
        r.old.n_fds = fds[i];
        r.old.n_streams = streams[i];
        r.new.opts.hello.wanted = wanted;
        r.new.opts.hello.n_wanted = 2;
        rig_listen(&r);
        rig_connect(&r);
        assert_true(rig_until(&r, rig_is_settled));
        assert_true(r.new.owns &&r.old.left && !r.old.reads);
        assert_int_equal(r.new.n_streams, streams[i]);
        assert_int_equal(r.new.n_fds, fds[i] + streams[i]);
        assert_true(r.new.names_good &&r.new.streams_good);
        struct stat have, want;
        assert_int_equal(fstat(r.old.thing, &want), 0);
        for (size_t k = 0; k < r.new.n_fds; k++) {
            assert_int_equal(fstat(r.new.fds[k], &have), 0);
            assert_int_equal(have.st_ino, want.st_ino);
        }
        assert_string_equal(r.old.version, "9");
        assert_int_equal(r.old.n_wanted, 2);
        assert_int_equal(r.old.resumes, 0);
        assert_true(giver_left(r.old.giver));
        assert_true(r.new.control_fd >= 0);
        assert_int_equal(access(r.path, F_OK), 0); /* it is the new one's */
        rig_release(&r);
    }
}

static const struct {
    const char *name;
    enum rig_stop old, new;
    enum rig_way way;
    unsigned pauses; /* so many, and as many resumes */
    const char *why; /* what both say */
} failures[] = {
    /* clang-format off */
    { "the old daemon does not want to", STOP_AT_START, STOP_NOWHERE, BY_REFUSING, 0, "not today" },
    { "the new daemon cannot prepare", STOP_NOWHERE, STOP_AT_PREPARE, BY_REFUSING, 0,
      "no memory for a worker" },
    { "the new daemon takes too long to prepare", STOP_NOWHERE, STOP_AT_PREPARE, BY_SILENCE, 0,
      "the deadline has passed" },
    { "the old daemon cannot pause", STOP_AT_PAUSE, STOP_NOWHERE, BY_REFUSING, 1,
      "the state cannot be written" },
    { "the new daemon does not know the state", STOP_NOWHERE, STOP_AT_LOAD, BY_REFUSING, 1,
      "a state of a version that I do not know" },
    /* clang-format on */
};

static void whatever_fails_the_old_one_goes_on(void **unused)
{
    (void)unused;
    for (size_t i = 0; i < ARRAY_LEN(failures); i++) {
        struct rig r;
        rig_init(&r);
        r.old.stop = failures[i].old;
        r.new.stop = failures[i].new;
        r.old.way = r.new.way = failures[i].way;
        r.old.opts.waits.prepared_ms = 300;
        rig_listen(&r);
        rig_connect(&r);
        while (!r.new.gave_up || !r.old.reads)
            uv_run(&r.loop, UV_RUN_ONCE);
        /* What the new one did then reaches the old one. */
        while (r.old.failed[0] == '\0')
            uv_run(&r.loop, UV_RUN_ONCE);
        if (strcmp(r.new.why, failures[i].why) != 0)
            fail_msg("%s: %s", failures[i].name, r.new.why);
        assert_string_equal(r.old.failed, failures[i].why);
        assert_false(r.new.owns || r.old.left);
        assert_int_equal(r.old.pauses, failures[i].pauses);
        assert_int_equal(r.old.resumes, failures[i].pauses);

        /* And the next one gets it all. */
        taker_close(r.new.taker);
        for (size_t k = 0; k < r.new.n_fds; k++)
            close(r.new.fds[k]);
        r.new.n_fds = 0;
        r.new.gave_up = false;
        r.new.stop = r.old.stop = STOP_NOWHERE;
        rig_connect(&r);
        while (!r.new.owns || !r.old.left)
            uv_run(&r.loop, UV_RUN_ONCE);
        rig_release(&r);
    }
}

static bool has_resumed(void *rig)
{
    struct rig *r = rig;
    return r->old.resumes == 1;
}

static void a_new_one_that_loads_for_too_long_finds_no_byte(void **unused)
{
    (void)unused;
    struct rig r;
    rig_init(&r);
    r.new.stop = STOP_AT_LOAD;
    r.new.way = BY_SILENCE;
    r.old.opts.waits.byte_ms = 50;
    rig_listen(&r);
    rig_connect(&r);
    assert_true(rig_until(&r, has_resumed));
    assert_true(r.old.reads && !r.new.gave_up);
    taker_loaded(r.new.taker);
    assert_true(r.new.gave_up && !r.new.owns);
    rig_release(&r);
}

static bool is_paused(void *rig)
{
    return ((struct rig *)rig)->old.pauses == 1;
}

static void a_new_one_that_dies_while_the_old_one_pauses_is_waited_for_no_more(void **unused)
{
    (void)unused;
    struct rig r;
    rig_init(&r);
    r.old.stop = STOP_AT_PAUSE;
    r.old.way = BY_SILENCE;
    rig_listen(&r);
    rig_connect(&r);
    assert_true(rig_until(&r, is_paused));
    taker_close(r.new.taker);
    r.new.taker = NULL;
    while (r.old.failed[0] == '\0')
        uv_run(&r.loop, UV_RUN_ONCE);
    assert_false(r.old.reads); /* not before the pause is over */
    assert_int_equal(giver_stream(r.old.giver, 0, slice_str("x"), slice_str("")), 0);
    giver_cannot(r.old.giver, "");
    assert_true(r.old.reads);
    rig_release(&r);
}

static void a_daemon_that_stops_takes_back_what_it_can(void **unused)
{
    (void)unused;
    /* The new one has not looked yet: the byte is still there. */
    struct rig r;
    rig_init(&r);
    r.new.stop = STOP_AT_LOAD;
    r.new.way = BY_SILENCE;
    rig_listen(&r);
    rig_connect(&r);
    while (r.new.state[0] == '\0')
        uv_run(&r.loop, UV_RUN_ONCE);
    assert_false(r.old.reads);
    assert_true(giver_cancel(r.old.giver));
    assert_true(r.old.reads && !giver_left(r.old.giver));
    taker_loaded(r.new.taker);
    assert_true(r.new.gave_up);

    /* Nobody else is let in. */
    taker_close(r.new.taker);
    r.new.gave_up = false;
    rig_connect(&r);
    while (!r.new.gave_up)
        uv_run(&r.loop, UV_RUN_ONCE);
    assert_string_equal(r.new.why, "the running server is stopping");
    rig_release(&r);
}

static void a_daemon_that_stops_while_it_pauses_resumes_first(void **unused)
{
    (void)unused;
    struct rig r;
    rig_init(&r);
    r.old.stop = STOP_AT_PAUSE;
    r.old.way = BY_SILENCE;
    rig_listen(&r);
    rig_connect(&r);
    assert_true(rig_until(&r, is_paused));
    assert_false(giver_cancel(r.old.giver));
    assert_false(r.old.reads);
    giver_cannot(r.old.giver, "");
    assert_true(r.old.reads);
    while (!r.new.gave_up)
        uv_run(&r.loop, UV_RUN_ONCE);
    rig_release(&r);
}

static void one_takeover_at_a_time(void **unused)
{
    (void)unused;
    struct rig r, second;
    rig_init(&r);
    rig_init(&second);
    second.fds_before = 0;
    r.new.stop = STOP_AT_PREPARE;
    r.new.way = BY_SILENCE;
    rig_listen(&r);
    rig_connect(&r);
    while (r.new.n_fds == 0)
        uv_run(&r.loop, UV_RUN_ONCE);
    assert_int_equal(taker_connect(&second.new.opts, r.path, &second.new.taker), 0);
    while (!second.new.gave_up) {
        uv_run(&r.loop, UV_RUN_NOWAIT);
        uv_run(&second.loop, UV_RUN_NOWAIT);
    }
    assert_string_equal(second.new.why, "another takeover is under way");
    taker_ready(r.new.taker);
    assert_true(rig_until(&r, rig_is_settled));
    assert_true(r.new.owns &&r.old.left);
    rig_release(&second);
    rig_release(&r);
}

static void a_connection_that_says_nothing_does_not_stay(void **unused)
{
    (void)unused;
    struct rig r;
    int pair[2];
    rig_init(&r);
    r.old.opts.waits.hello_ms = 30;
    rig_listen(&r);
    assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair),
                     0);
    giver_accept(r.old.giver, pair[0]);
    while (r.old.failed[0] == '\0')
        uv_run(&r.loop, UV_RUN_ONCE);
    assert_int_equal(r.old.offers, 0);
    close(pair[1]);
    rig_connect(&r);
    assert_true(rig_until(&r, rig_is_settled));
    assert_true(r.new.owns);
    rig_release(&r);
}

static void another_user_gets_nothing(void **unused)
{
    (void)unused;
    struct rig r;
    rig_init(&r);
    r.old.opts.uid = geteuid() + 1;
    rig_listen(&r);
    rig_connect(&r);
    while (!r.new.gave_up)
        uv_run(&r.loop, UV_RUN_ONCE);
    assert_string_equal(r.new.why, "the running server is another user's");
    assert_int_equal(r.old.offers, 0);
    taker_close(r.new.taker);
    r.new.taker = NULL;

    /* Nor does the new one trust a server of another. */
    r.new.opts.uid = geteuid() + 1;
    assert_int_equal(taker_connect(&r.new.opts, r.path, &r.new.taker), -EPERM);
    rig_release(&r);
}

static const char *offer_too_many(void *old, const struct takeover_hello *h,
                                  struct takeover_offer *ret)
{
    static struct takeover_fd many[TAKEOVER_FDS_MAX + 1];
    (void)h;
    ((struct rig_old *)old)->offers++;
    for (size_t i = 0; i < ARRAY_LEN(many); i++)
        many[i] = (struct takeover_fd){ "udp", STDIN_FILENO };
    *ret = (struct takeover_offer){ many, ARRAY_LEN(many) };
    return NULL;
}

static void more_descriptors_than_go_over_are_refused_and_the_old_one_reads_on(void **unused)
{
    (void)unused;
    struct rig r;
    rig_init(&r);
    r.old.opts.offer = offer_too_many;
    rig_listen(&r);
    rig_connect(&r);
    assert_true(rig_until(&r, rig_is_settled));
    assert_int_equal(r.old.offers, 1);
    assert_true(r.new.gave_up &&r.old.reads &&r.old.pauses == 0);
    assert_non_null(strstr(r.new.why, "more descriptors"));
    rig_release(&r);
}

static void the_new_one_can_be_taken_over_in_its_turn(void **unused)
{
    (void)unused;
    struct rig r, next;
    rig_init(&r);
    rig_init(&next);
    next.fds_before = 0;
    rig_listen(&r);
    rig_connect(&r);
    assert_true(rig_until(&r, rig_is_settled));
    while (!r.new.owns || !r.old.left)
        uv_run(&r.loop, UV_RUN_ONCE);
    giver_close(r.old.giver);
    r.old.giver = NULL;
    assert_int_equal(access(r.path, F_OK), 0);

    assert_int_equal(giver_adopt(&next.old.opts, r.new.control_fd, &next.old.giver), 0);
    r.new.control_fd = -1;
    next.old.reads = true;
    assert_int_equal(taker_connect(&next.new.opts, r.path, &next.new.taker), 0);
    while (!next.new.owns || !next.old.left)
        uv_run(&next.loop, UV_RUN_ONCE);
    rig_release(&next);
    rig_release(&r);
}

/* ---- more descriptors under way than a user may have ---- */

static void adopt_and_close(void *cookie, int fd, struct slice listener, struct slice begun)
{
    struct rig_new *t = cookie;
    (void)listener;
    (void)begun;
    t->n_streams++;
    close(fd);
}

/* In a process of its own: a user without privileges, with few descriptors. */
static void be_limited(void)
{
    enum { STREAMS = 300, LIMIT = 64 };
    const struct rlimit few = { LIMIT, LIMIT };
    struct rig r;
    if ((geteuid() == 0 && setuid(65534) < 0) || setrlimit(RLIMIT_NOFILE, &few) < 0)
        _exit(1);
    rig_init(&r);
    r.old.n_streams = STREAMS;
    r.new.opts.adopt = adopt_and_close;
    rig_listen(&r);
    rig_connect(&r);
    bool settled = rig_until(&r, rig_is_settled);
    bool whole = settled && r.new.owns &&r.old.left &&r.new.n_streams == STREAMS;
    rig_release(&r);
    _exit(whole ? 0 : 2);
}

static void descriptors_that_the_kernel_does_not_take_yet_are_sent_later(void **unused)
{
    (void)unused;
    int status;
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0)
        be_limited();
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_new_one_gets_all_and_reads_the_old_one_leaves),
        cmocka_unit_test(whatever_fails_the_old_one_goes_on),
        cmocka_unit_test(a_new_one_that_loads_for_too_long_finds_no_byte),
        cmocka_unit_test(a_new_one_that_dies_while_the_old_one_pauses_is_waited_for_no_more),
        cmocka_unit_test(a_daemon_that_stops_takes_back_what_it_can),
        cmocka_unit_test(a_daemon_that_stops_while_it_pauses_resumes_first),
        cmocka_unit_test(one_takeover_at_a_time),
        cmocka_unit_test(a_connection_that_says_nothing_does_not_stay),
        cmocka_unit_test(another_user_gets_nothing),
        cmocka_unit_test(more_descriptors_than_go_over_are_refused_and_the_old_one_reads_on),
        cmocka_unit_test(the_new_one_can_be_taken_over_in_its_turn),
        cmocka_unit_test(descriptors_that_the_kernel_does_not_take_yet_are_sent_later),
    };
    return cmocka_run_group_tests_name("takeover", tests, NULL, NULL);
}
