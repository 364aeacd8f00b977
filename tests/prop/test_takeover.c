/*
 * The two tables of a takeover against each other, over a link and a pipe that are played here:
 * whatever the order of messages, deadlines, refusals and deaths, never do both own the sockets,
 * and never has anybody read who had not the byte.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/slice.h"
#include "takeover/steps.h"

struct random {
    uint64_t state;
};

static unsigned below(struct random *r, unsigned n)
{
    r->state = r->state * 6364136223846793005ull + 1442695040888963407ull;
    return (unsigned)((r->state >> 33) % n);
}

/* What lies in one direction of the link, in order; more than fit are not sent. */
struct direction {
    int at[8];
    unsigned n;
};

struct world {
    struct random random;
    enum giver_state old;
    enum taker_state new;
    bool old_alive, new_alive;
    bool old_end, new_end;           /* of the link */
    struct direction to_old, to_new; /* events of the receiver */
    bool old_saw_end, new_saw_end;   /* its end was told */
    bool old_timer, new_timer;
    bool byte;                        /* in the pipe */
    bool put;                         /* it was, at some time */
    bool old_reads, new_reads;        /* what the daemons do */
    bool pausing, preparing, loading; /* the daemons are at work, and will answer */
    bool left, gave_up;
    bool resumed;
};

static void check(const struct world *w)
{
    assert_false(w->old_reads && w->new_reads);
    /* The new one reads only what it has by the byte. */
    assert_true(!w->new_reads || (w->put && !w->byte));
    /* One who pauses, or has put the byte, reads only when he has it back. */
    assert_true(!w->old_reads || !w->byte);
}

static void send_to(struct direction *p, bool open, int event)
{
    if (open && p->n < ARRAY_LEN(p->at))
        p->at[p->n++] = event;
}

static int take_from(struct direction *p)
{
    int event = p->at[0];
    assert_true(p->n > 0);
    memmove(p->at, p->at + 1, --p->n * sizeof p->at[0]);
    return event;
}

static bool take_byte(struct world *w)
{
    bool was = w->byte;
    w->byte = false;
    return was;
}

static void old_happens(struct world *w, enum giver_event event)
{
    struct step s = giver_step(w->old, event);
    w->old = (enum giver_state)s.next;
    if (s.actions & GIVER_OFFER) {
        if (below(&w->random, 2) == 0)
            send_to(&w->to_new, w->new_end, TAKER_FDS);
        send_to(&w->to_new, w->new_end, TAKER_FDS_LAST);
    }
    if (s.actions & (GIVER_ARM_HELLO | GIVER_ARM_PREPARED | GIVER_ARM_BYTE))
        w->old_timer = true;
    if (s.actions & GIVER_DISARM)
        w->old_timer = false;
    if (s.actions & GIVER_PUT_BYTE) {
        assert_false(w->old_reads || w->byte);
        w->byte = w->put = true;
    }
    if (s.actions & GIVER_SEND_STATE) {
        assert_true(w->put);
        send_to(&w->to_new, w->new_end, TAKER_STATE);
    }
    if (s.actions & GIVER_REFUSE)
        send_to(&w->to_new, w->new_end, TAKER_CLOSED);
    if (s.actions & GIVER_CLOSE) {
        w->old_end = w->old_timer = false;
        w->to_old.n = 0;
    }
    if (s.actions & GIVER_LOOK)
        old_happens(w, take_byte(w) ? GIVER_BYTE_BACK : GIVER_BYTE_GONE);
    if (s.actions & GIVER_PAUSE)
        w->pausing = true;
    if (s.actions & GIVER_RESUME) {
        assert_false(w->pausing);
        w->old_reads = w->resumed = true;
    }
    if (s.actions & GIVER_LEAVE) {
        w->left = true;
        w->old_alive = false;
    }
}

static void new_happens(struct world *w, enum taker_event event)
{
    struct step s = taker_step(w->new, event);
    w->new = (enum taker_state)s.next;
    if (s.actions & TAKER_ARM_STATE)
        w->new_timer = true;
    if (s.actions & TAKER_DISARM)
        w->new_timer = false;
    if (s.actions & TAKER_SEND_PREPARED)
        send_to(&w->to_old, w->old_end, GIVER_READY);
    if (s.actions & TAKER_SEND_REFUSE)
        send_to(&w->to_old, w->old_end, GIVER_CLOSED);
    if (s.actions & TAKER_CLOSE) {
        w->new_end = w->new_timer = false;
        w->to_new.n = 0;
    }
    if (s.actions & TAKER_LOOK)
        new_happens(w, take_byte(w) ? TAKER_BYTE_MINE : TAKER_BYTE_GONE);
    if (s.actions & TAKER_PREPARE)
        w->preparing = true;
    if (s.actions & TAKER_LOAD)
        w->loading = true;
    if (s.actions & TAKER_OWN)
        w->new_reads = true;
    if (s.actions & TAKER_GIVE_UP) {
        w->gave_up = true;
        w->new_alive = w->preparing = w->loading = false;
    }
}

/* ---- what may happen, each if it can ---- */

static bool old_gets(struct world *w)
{
    if (!w->old_alive || !w->old_end)
        return false;
    if (w->to_old.n > 0)
        old_happens(w, (enum giver_event)take_from(&w->to_old));
    else if (!w->new_end && !w->old_saw_end)
        w->old_saw_end = true, old_happens(w, GIVER_CLOSED);
    else
        return false;
    return true;
}

static bool new_gets(struct world *w)
{
    if (!w->new_alive || !w->new_end)
        return false;
    if (w->to_new.n > 0)
        new_happens(w, (enum taker_event)take_from(&w->to_new));
    else if (!w->old_end && !w->new_saw_end)
        w->new_saw_end = true, new_happens(w, TAKER_CLOSED);
    else
        return false;
    return true;
}

static bool pause_ends(struct world *w)
{
    if (!w->old_alive || !w->pausing)
        return false;
    w->pausing = false;
    w->old_reads = false;
    old_happens(w, below(&w->random, 8) == 0 ? GIVER_UNPAUSED : GIVER_PAUSED);
    return true;
}

static bool prepare_ends(struct world *w)
{
    if (!w->new_alive || !w->preparing)
        return false;
    w->preparing = false;
    new_happens(w, below(&w->random, 8) == 0 ? TAKER_REFUSED : TAKER_READY);
    return true;
}

static bool load_ends(struct world *w)
{
    if (!w->new_alive || !w->loading)
        return false;
    w->loading = false;
    new_happens(w, below(&w->random, 8) == 0 ? TAKER_REFUSED : TAKER_LOADED);
    return true;
}

static bool deadline_passes(struct world *w)
{
    bool old = below(&w->random, 2) == 0;
    if (below(&w->random, 8) != 0)
        return false;
    if (old && w->old_alive && w->old_timer)
        w->old_timer = false, old_happens(w, GIVER_DEADLINE);
    else if (!old && w->new_alive && w->new_timer)
        w->new_timer = false, new_happens(w, TAKER_DEADLINE);
    else
        return false;
    return true;
}

static bool cancelled(struct world *w)
{
    if (below(&w->random, 40) != 0 || !w->old_alive)
        return false;
    old_happens(w, GIVER_CANCELLED);
    return true;
}

static bool dies(struct world *w)
{
    bool old = below(&w->random, 2) == 0;
    if (below(&w->random, 40) != 0)
        return false;
    if (old && w->old_alive) {
        w->old_alive = w->old_end = w->old_reads = w->pausing = false;
        w->to_old.n = 0;
    } else if (!old && w->new_alive) {
        w->new_alive = w->new_end = w->new_reads = false;
        w->preparing = w->loading = false;
        w->to_new.n = 0;
    } else {
        return false;
    }
    return true;
}

static bool garbage_comes(struct world *w)
{
    bool old = below(&w->random, 2) == 0;
    if (below(&w->random, 40) != 0)
        return false;
    if (old)
        send_to(&w->to_old, w->old_end && w->new_end,
                (int[]){ GIVER_HELLO, GIVER_READY, GIVER_CLOSED }[below(&w->random, 3)]);
    else
        send_to(&w->to_new, w->old_end && w->new_end,
                (int[]){ TAKER_FDS, TAKER_FDS_LAST, TAKER_STREAM, TAKER_STATE,
                         TAKER_CLOSED }[below(&w->random, 5)]);
    return true;
}

static bool (*const happenings[])(struct world *w) = {
    old_gets,   new_gets,     pause_ends, prepare_ends, load_ends,       old_gets, new_gets,
    pause_ends, prepare_ends, load_ends,  cancelled,    deadline_passes, dies,     garbage_comes,
};

static void begin(struct world *w, uint64_t seed)
{
    *w = (struct world){ .random = { seed * 2654435761u + 1 },
                         .old_alive = true,
                         .new_alive = true,
                         .old_end = true,
                         .new_end = true,
                         .old_reads = true,
                         .new_timer = true };
    old_happens(w, GIVER_ACCEPTED);
    send_to(&w->to_old, true, GIVER_HELLO);
}

/* Nothing dies, nothing is late any more; deadlines come where nothing else does. */
static void settle(struct world *w)
{
    for (unsigned i = 0; i < 100; i++) {
        bool any = old_gets(w) || new_gets(w) || pause_ends(w) || prepare_ends(w) || load_ends(w);
        check(w);
        if (any)
            continue;
        if (w->old_alive && w->old_timer)
            w->old_timer = false, old_happens(w, GIVER_DEADLINE);
        else if (w->new_alive && w->new_timer)
            w->new_timer = false, new_happens(w, TAKER_DEADLINE);
        else
            return;
    }
    fail_msg("it does not come to an end");
}

enum { ROUNDS = 300000, STEPS = 60 };

static void in_any_order_nobody_owns_what_another_has(void **unused)
{
    (void)unused;
    unsigned taken = 0, kept = 0, resumed = 0, nobody = 0;
    for (unsigned round = 0; round < ROUNDS; round++) {
        struct world w;
        begin(&w, round);
        for (unsigned i = 0; i < STEPS; i++) {
            (void)happenings[below(&w.random, ARRAY_LEN(happenings))](&w);
            check(&w);
        }
        settle(&w);
        /* All that lives reads, or has said that it does not. */
        assert_true(!w.old_alive || w.old_reads);
        assert_true(!w.new_alive || w.new_reads);
        /* The old one leaves only what was taken: the new one reads, or has died since. */
        assert_true(!w.left || w.new_reads || (!w.new_alive && !w.gave_up));
        taken += w.new_reads;
        kept += w.old_reads;
        resumed += w.old_reads && w.resumed;
        nobody += !w.new_reads && !w.old_reads;
    }
    /* The orders were not all of one kind. */
    assert_true(taken > ROUNDS / 20 && kept > ROUNDS / 20 && resumed > ROUNDS / 100 && nobody > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(in_any_order_nobody_owns_what_another_has),
    };
    return cmocka_run_group_tests_name("takeover, in any order", tests, NULL, NULL);
}
