/* The mirror as control sees it, with a thread that sends to a socket of the test. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "mirror/mirror.h"

/* A listening socket whose queue is full: who connects waits until the test accepts. */
struct busy_target {
    int listener, filler;
    char text[MIRROR_TO_MAX];
};

static void target_open(struct busy_target *t)
{
    struct sockaddr_un a = { .sun_family = AF_UNIX };
    const int n = snprintf(a.sun_path + 1, sizeof a.sun_path - 1, "test_mirror.%d", (int)getpid());
    const socklen_t len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + (size_t)n);
    t->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    t->filler = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(t->listener, (struct sockaddr *)&a, len), 0);
    assert_int_equal(listen(t->listener, 0), 0);
    assert_int_equal(connect(t->filler, (struct sockaddr *)&a, len), 0);
    snprintf(t->text, sizeof t->text, "unix://@%s", a.sun_path + 1);
}

static enum mirror_state state_of(const struct mirror *m)
{
    struct mirror_stats s;
    mirror_stats(m, &s);
    return s.state;
}

/* What is still sent while the thread ends, and what becomes of it, says nothing of the state. */
static void a_mirror_whose_marks_came_back_is_in_a_loop_until_it_is_set_anew(void **unused)
{
    (void)unused;
    struct busy_target t;
    struct marks marks;
    struct tap_ring *ring = tap_ring_new(TAP_RING_LEAST);
    char name[MARKS_TEXT], text[MARKS_TEXT + 8];
    marks_init(&marks, 7);
    target_open(&t);
    const struct mirror_setup setup = { .rings = &ring, .n_rings = 1, .marks = &marks };
    struct mirror_opts o = { .parse = PARSE_OPTS_DEFAULT };
    struct mirror *m = mirror_new(&setup);
    assert_int_equal(state_of(m), MIRROR_OFF);
    snprintf(o.to, sizeof o.to, "%s", t.text);
    assert_null(mirror_share_parse(SLICE_LIT("1"), &o.share));
    mirror_set(m, &o);
    assert_int_equal(state_of(m), MIRROR_CONNECTING);
    marks_name(&marks, 1, name);
    assert_true(marks_note(&marks, slice_str(name)));
    assert_false(mirror_tick(m));
    assert_int_equal(state_of(m), MIRROR_LOOP);

    /* Its thread sends the first mark now, which works, and ends. */
    close(accept(t.listener, NULL, NULL));
    const int peer = accept(t.listener, NULL, NULL);
    while (recv(peer, text, sizeof text, 0) > 0)
        assert_int_equal(state_of(m), MIRROR_LOOP);
    assert_int_equal(state_of(m), MIRROR_LOOP);
    while (mirror_in_force(m) != NULL) {
        (void)nanosleep(&(struct timespec){ .tv_nsec = 1000000 }, NULL);
        assert_false(mirror_tick(m));
    }
    assert_int_equal(state_of(m), MIRROR_LOOP);
    o.to[0] = '\0';
    mirror_set(m, &o);
    assert_int_equal(state_of(m), MIRROR_OFF);
    assert_true(mirror_free(m));
    tap_ring_free(ring);
    close(peer);
    close(t.filler);
    close(t.listener);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_mirror_whose_marks_came_back_is_in_a_loop_until_it_is_set_anew),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
