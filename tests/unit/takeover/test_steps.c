/*
 * The tables of a takeover, row by row; tests/prop/test_takeover.c runs both against each other.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/slice.h"
#include "takeover/steps.h"

/* Each way in which it goes, as the old one sees it. */

enum { END = -1 };

static const struct {
    const char *name;
    int events[8];
    enum giver_state next;
    unsigned must, must_not; /* actions over all events */
} giver_rows[] = {
    /* clang-format off */
    { "all goes well",
      { GIVER_ACCEPTED, GIVER_HELLO, GIVER_READY, GIVER_PAUSED, GIVER_CLOSED,
        GIVER_BYTE_GONE, END },
      GIVER_GONE, GIVER_LEAVE | GIVER_PUT_BYTE | GIVER_SEND_STATE | GIVER_LOOK, GIVER_RESUME },
    { "no HELLO comes", { GIVER_ACCEPTED, GIVER_DEADLINE, END },
      GIVER_IDLE, GIVER_CLOSE, GIVER_OFFER | GIVER_PAUSE | GIVER_RESUME },
    { "the new one dies before HELLO", { GIVER_ACCEPTED, GIVER_CLOSED, END },
      GIVER_IDLE, GIVER_CLOSE, GIVER_OFFER | GIVER_PAUSE | GIVER_RESUME },
    { "the new one dies while it prepares", { GIVER_ACCEPTED, GIVER_HELLO, GIVER_CLOSED, END },
      GIVER_IDLE, GIVER_CLOSE, GIVER_PAUSE | GIVER_RESUME },
    { "30 s after HELLO", { GIVER_ACCEPTED, GIVER_HELLO, GIVER_DEADLINE, END },
      GIVER_IDLE, GIVER_CLOSE, GIVER_PAUSE | GIVER_RESUME },
    { "PREPARED before HELLO", { GIVER_ACCEPTED, GIVER_READY, END },
      GIVER_IDLE, GIVER_CLOSE, GIVER_PAUSE },
    { "the new one dies while we pause",
      { GIVER_ACCEPTED, GIVER_HELLO, GIVER_READY, GIVER_CLOSED, GIVER_PAUSED, END },
      GIVER_IDLE, GIVER_RESUME, GIVER_PUT_BYTE | GIVER_LEAVE },
    { "the state cannot be written",
      { GIVER_ACCEPTED, GIVER_HELLO, GIVER_READY, GIVER_UNPAUSED, END },
      GIVER_IDLE, GIVER_RESUME, GIVER_PUT_BYTE | GIVER_LEAVE },
    { "TERM while we pause",
      { GIVER_ACCEPTED, GIVER_HELLO, GIVER_READY, GIVER_CANCELLED, GIVER_PAUSED, END },
      GIVER_IDLE, GIVER_RESUME, GIVER_PUT_BYTE | GIVER_LEAVE },
    { "the new one does not like the state",
      { GIVER_ACCEPTED, GIVER_HELLO, GIVER_READY, GIVER_PAUSED, GIVER_CLOSED,
        GIVER_BYTE_BACK, END },
      GIVER_IDLE, GIVER_RESUME, GIVER_LEAVE },
    { "5 s after the byte",
      { GIVER_ACCEPTED, GIVER_HELLO, GIVER_READY, GIVER_PAUSED, GIVER_DEADLINE,
        GIVER_BYTE_BACK, END },
      GIVER_IDLE, GIVER_RESUME, GIVER_LEAVE },
    { "5 s after the byte, which was taken",
      { GIVER_ACCEPTED, GIVER_HELLO, GIVER_READY, GIVER_PAUSED, GIVER_DEADLINE,
        GIVER_BYTE_GONE, END },
      GIVER_GONE, GIVER_LEAVE, GIVER_RESUME },
    { "TERM after the byte, which was taken",
      { GIVER_ACCEPTED, GIVER_HELLO, GIVER_READY, GIVER_PAUSED, GIVER_CANCELLED,
        GIVER_BYTE_GONE, END },
      GIVER_GONE, GIVER_LEAVE, GIVER_RESUME },
    /* clang-format on */
};

static void each_failure_leaves_the_sockets_with_one(void **unused)
{
    (void)unused;
    for (size_t i = 0; i < ARRAY_LEN(giver_rows); i++) {
        struct step s = { GIVER_IDLE, 0 };
        unsigned all = 0;
        for (const int *e = giver_rows[i].events; *e != END; e++, all |= s.actions)
            s = giver_step((enum giver_state)s.next, (enum giver_event) * e);
        if (s.next != (int)giver_rows[i].next || (all & giver_rows[i].must) != giver_rows[i].must ||
            (all & giver_rows[i].must_not) != 0)
            fail_msg("%s: state %d, actions %#x", giver_rows[i].name, s.next, all);
    }
}

static void whatever_the_link_says_a_loaded_state_asks_the_pipe(void **unused)
{
    (void)unused;
    const enum taker_event said[] = { TAKER_CLOSED, TAKER_FDS, TAKER_FDS_LAST, TAKER_STREAM,
                                      TAKER_STATE };
    for (size_t i = 0; i < ARRAY_LEN(said); i++) {
        struct step s = taker_step(TAKER_LOADING, said[i]);
        assert_int_equal(s.next, TAKER_LOADING);
        assert_int_equal(s.actions, 0);
    }
    assert_int_equal(taker_step(TAKER_LOADING, TAKER_LOADED).actions, TAKER_LOOK);
    assert_int_equal(taker_step(TAKER_LOADING, TAKER_BYTE_GONE).next, TAKER_OUT);
}

static void only_the_byte_makes_an_owner(void **unused)
{
    (void)unused;
    struct step s = taker_step(TAKER_LOADING, TAKER_BYTE_MINE);
    assert_int_equal(s.next, TAKER_MINE);
    assert_true(s.actions & TAKER_OWN);
    const struct {
        enum taker_state state;
        enum taker_event event;
    } others[] = {
        { TAKER_CONNECTED, TAKER_FDS_LAST }, { TAKER_CONNECTED, TAKER_STATE },
        { TAKER_PREPARING, TAKER_READY },    { TAKER_PREPARED, TAKER_STATE },
        { TAKER_PREPARED, TAKER_CLOSED },    { TAKER_LOADING, TAKER_LOADED },
        { TAKER_LOADING, TAKER_REFUSED },    { TAKER_LOADING, TAKER_BYTE_GONE },
    };
    for (size_t i = 0; i < ARRAY_LEN(others); i++)
        assert_false(taker_step(others[i].state, others[i].event).actions & TAKER_OWN);
}

static void a_cancel_that_changes_nothing_does_nothing(void **unused)
{
    (void)unused;
    const enum giver_state states[] = { GIVER_IDLE, GIVER_ABANDONED, GIVER_GONE };
    for (size_t i = 0; i < ARRAY_LEN(states); i++) {
        struct step s = giver_step(states[i], GIVER_CANCELLED);
        assert_int_equal(s.next, states[i]);
        assert_int_equal(s.actions, 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_failure_leaves_the_sockets_with_one),
        cmocka_unit_test(whatever_the_link_says_a_loaded_state_asks_the_pipe),
        cmocka_unit_test(only_the_byte_makes_an_owner),
        cmocka_unit_test(a_cancel_that_changes_nothing_does_nothing),
    };
    return cmocka_run_group_tests_name("takeover steps", tests, NULL, NULL);
}
