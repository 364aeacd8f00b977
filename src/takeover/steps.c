#include "takeover/steps.h"

#include <assert.h>
#include <stdbool.h>

struct row {
    bool is; /* false: the event cannot be in this state */
    int next;
    unsigned actions;
};

/* clang-format off */
#define STEP(next, actions) { true, (next), (actions) }

/* Before anything was paused: nothing has happened. */
#define G_DROP STEP(GIVER_IDLE, GIVER_CLOSE)
#define G_TELL STEP(GIVER_IDLE, GIVER_REFUSE | GIVER_CLOSE)
#define G_LOOK STEP(GIVER_WAITING, GIVER_LOOK)
#define G_REST STEP(GIVER_GONE, 0)

static const struct row giver_rows[GIVER_STATE_COUNT][GIVER_EVENT_COUNT] = {
    [GIVER_IDLE] = {
        [GIVER_ACCEPTED]  = STEP(GIVER_CONNECTED, GIVER_ARM_HELLO),
        [GIVER_CANCELLED] = STEP(GIVER_IDLE, 0),
    },
    [GIVER_CONNECTED] = {
        [GIVER_HELLO]     = STEP(GIVER_OFFERED, GIVER_OFFER | GIVER_ARM_PREPARED),
        [GIVER_READY]     = G_TELL,
        [GIVER_CLOSED]    = G_DROP,
        [GIVER_DEADLINE]  = G_TELL,
        [GIVER_CANCELLED] = G_TELL,
    },
    [GIVER_OFFERED] = {
        [GIVER_HELLO]     = G_TELL,
        [GIVER_READY]     = STEP(GIVER_PAUSING, GIVER_DISARM | GIVER_PAUSE),
        [GIVER_CLOSED]    = G_DROP,
        [GIVER_DEADLINE]  = G_TELL,
        [GIVER_CANCELLED] = G_TELL,
    },
    [GIVER_PAUSING] = {
        [GIVER_HELLO]     = STEP(GIVER_ABANDONED, GIVER_REFUSE | GIVER_CLOSE),
        [GIVER_READY]     = STEP(GIVER_ABANDONED, GIVER_REFUSE | GIVER_CLOSE),
        /* The byte goes first: the other one does not wait for it. */
        [GIVER_PAUSED]    = STEP(GIVER_WAITING, GIVER_ARM_BYTE | GIVER_PUT_BYTE | GIVER_SEND_STATE),
        [GIVER_UNPAUSED]  = STEP(GIVER_IDLE, GIVER_REFUSE | GIVER_CLOSE | GIVER_RESUME),
        [GIVER_CLOSED]    = STEP(GIVER_ABANDONED, GIVER_CLOSE),
        [GIVER_CANCELLED] = STEP(GIVER_ABANDONED, GIVER_REFUSE | GIVER_CLOSE),
    },
    [GIVER_ABANDONED] = {
        [GIVER_PAUSED]    = STEP(GIVER_IDLE, GIVER_RESUME),
        [GIVER_UNPAUSED]  = STEP(GIVER_IDLE, GIVER_RESUME),
        [GIVER_CANCELLED] = STEP(GIVER_ABANDONED, 0),
    },
    [GIVER_WAITING] = {
        [GIVER_HELLO]     = G_LOOK,
        [GIVER_READY]     = G_LOOK,
        [GIVER_CLOSED]    = G_LOOK,
        [GIVER_DEADLINE]  = G_LOOK,
        [GIVER_CANCELLED] = G_LOOK,
        [GIVER_BYTE_BACK] = STEP(GIVER_IDLE, GIVER_REFUSE | GIVER_CLOSE | GIVER_RESUME),
        [GIVER_BYTE_GONE] = STEP(GIVER_GONE, GIVER_CLOSE | GIVER_LEAVE),
    },
    [GIVER_GONE] = {
        [GIVER_CANCELLED] = G_REST,
    },
};

#define T_OUT  STEP(TAKER_OUT, TAKER_CLOSE | TAKER_GIVE_UP)
#define T_TELL STEP(TAKER_OUT, TAKER_SEND_REFUSE | TAKER_CLOSE | TAKER_GIVE_UP)
#define T_STAY STEP(TAKER_LOADING, 0)

static const struct row taker_rows[TAKER_STATE_COUNT][TAKER_EVENT_COUNT] = {
    [TAKER_CONNECTED] = {
        [TAKER_FDS]       = STEP(TAKER_CONNECTED, TAKER_KEEP),
        [TAKER_FDS_LAST]  = STEP(TAKER_PREPARING, TAKER_KEEP | TAKER_DISARM | TAKER_PREPARE),
        [TAKER_REFUSED]   = T_TELL,
        [TAKER_STREAM]    = T_TELL,
        [TAKER_STATE]     = T_TELL,
        [TAKER_CLOSED]    = T_OUT,
        [TAKER_DEADLINE]  = T_TELL,
    },
    [TAKER_PREPARING] = {
        [TAKER_FDS]       = T_TELL,
        [TAKER_FDS_LAST]  = T_TELL,
        [TAKER_READY]     = STEP(TAKER_PREPARED, TAKER_SEND_PREPARED | TAKER_ARM_STATE),
        [TAKER_REFUSED]   = T_TELL,
        [TAKER_STREAM]    = T_TELL,
        [TAKER_STATE]     = T_TELL,
        [TAKER_CLOSED]    = T_OUT,
    },
    [TAKER_PREPARED] = {
        [TAKER_FDS]       = T_TELL,
        [TAKER_FDS_LAST]  = T_TELL,
        [TAKER_REFUSED]   = T_TELL,
        [TAKER_STREAM]    = STEP(TAKER_PREPARED, TAKER_ADOPT),
        [TAKER_STATE]     = STEP(TAKER_LOADING, TAKER_DISARM | TAKER_LOAD),
        [TAKER_CLOSED]    = T_OUT,
        [TAKER_DEADLINE]  = T_TELL,
    },
    [TAKER_LOADING] = {
        /* Whatever the link says now: the pipe tells. */
        [TAKER_FDS]       = T_STAY,
        [TAKER_FDS_LAST]  = T_STAY,
        [TAKER_STREAM]    = T_STAY,
        [TAKER_STATE]     = T_STAY,
        [TAKER_CLOSED]    = T_STAY,
        [TAKER_REFUSED]   = T_TELL,
        [TAKER_LOADED]    = STEP(TAKER_LOADING, TAKER_LOOK),
        [TAKER_BYTE_MINE] = STEP(TAKER_MINE, TAKER_CLOSE | TAKER_OWN),
        [TAKER_BYTE_GONE] = T_OUT,
    },
};
/* clang-format on */

struct step giver_step(enum giver_state state, enum giver_event event)
{
    assert(state < GIVER_STATE_COUNT && event < GIVER_EVENT_COUNT);
    const struct row *r = &giver_rows[state][event];
    assert(r->is);
    return (struct step){ r->next, r->actions };
}

struct step taker_step(enum taker_state state, enum taker_event event)
{
    assert(state < TAKER_STATE_COUNT && event < TAKER_EVENT_COUNT);
    const struct row *r = &taker_rows[state][event];
    assert(r->is);
    return (struct step){ r->next, r->actions };
}
