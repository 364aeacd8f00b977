/**
 * steps: the two ends of a takeover as state machines: an event in, the next state and what to do
 * out.  No clock, no descriptor, no memory: giver.c and taker.c do what these say.  Private to
 * takeover/.
 *
 *     old (giver)                                   new (taker)
 *     IDLE
 *     CONNECTED  <──────────── HELLO ────────────   CONNECTED
 *     OFFERED    ───────────── FDS ─────────────>   PREPARING   the daemon makes its parts
 *     PAUSING    <─────────── PREPARED ──────────   PREPARED
 *       the daemon stops reading, writes its state
 *       the byte goes into the pipe
 *     WAITING    ───────── STREAM..., STATE ────>   LOADING     the daemon loads the state
 *       EOF, 5 s: a look into the pipe                a look into the pipe
 *     IDLE: the byte was there, it reads again      OUT: it was not
 *     GONE: it was not                              MINE: it was
 *
 * Whoever reads the byte owns the sockets, and nobody else does: tests/model/takeover.pml is this
 * with death and deadlines at any moment, and tests/prop/test_takeover.c runs these tables against
 * each other in random orders.  Where an event is not expected the takeover ends: before
 * the byte is in the pipe the old one goes on; after it, the pipe tells.
 *
 *   thread   any: no state
 */
#ifndef TAKEOVER_STEPS_H
#define TAKEOVER_STEPS_H

enum giver_state {
    GIVER_IDLE,      /* no link */
    GIVER_CONNECTED, /* waits for HELLO */
    GIVER_OFFERED,   /* goes on reading, and waits for PREPARED */
    GIVER_PAUSING,   /* the daemon was told to pause */
    GIVER_ABANDONED, /* the same, but the link is gone: it reads again once it has paused */
    GIVER_WAITING,   /* the byte is in the pipe, or was taken */
    GIVER_GONE,      /* the other one owns the sockets */
    GIVER_STATE_COUNT
};

enum giver_event {
    GIVER_ACCEPTED,
    GIVER_HELLO,
    GIVER_READY,    /* PREPARED came */
    GIVER_PAUSED,   /* the daemon: nothing is read any more, the state is written */
    GIVER_UNPAUSED, /* the daemon could not */
    GIVER_CLOSED,   /* end of the link, REFUSE, or what is no message of this link */
    GIVER_DEADLINE,
    GIVER_CANCELLED, /* the daemon stops, or does not want to */
    GIVER_BYTE_BACK, /* the look into the pipe: we have taken the byte */
    GIVER_BYTE_GONE,
    GIVER_EVENT_COUNT
};

/* In the order in which they are to be done. */
enum giver_action {
    GIVER_OFFER = 1 << 0,        /* send FDS */
    GIVER_ARM_HELLO = 1 << 1,    /* deadlines: of the link without HELLO ... */
    GIVER_ARM_PREPARED = 1 << 2, /* ... from HELLO to PREPARED ... */
    GIVER_ARM_BYTE = 1 << 3,     /* ... from the byte to the end of the link */
    GIVER_DISARM = 1 << 4,
    GIVER_PUT_BYTE = 1 << 5,
    GIVER_SEND_STATE = 1 << 6,
    GIVER_LOOK = 1 << 7,    /* read the pipe; BYTE_BACK or BYTE_GONE is the next event */
    GIVER_REFUSE = 1 << 8,  /* send REFUSE */
    GIVER_CLOSE = 1 << 9,   /* disarm, close link and pipe */
    GIVER_PAUSE = 1 << 10,  /* the daemon's: PAUSED or UNPAUSED follows, at some time */
    GIVER_RESUME = 1 << 11, /* the daemon's: read again */
    GIVER_LEAVE = 1 << 12   /* the daemon's: exit, and take nothing back */
};

enum taker_state {
    TAKER_CONNECTED, /* HELLO was sent, FDS are coming */
    TAKER_PREPARING, /* the daemon makes its parts */
    TAKER_PREPARED,  /* waits for STATE */
    TAKER_LOADING,   /* the daemon loads the state; the link may be closed */
    TAKER_MINE,
    TAKER_OUT,
    TAKER_STATE_COUNT
};

enum taker_event {
    TAKER_FDS, /* and more will come */
    TAKER_FDS_LAST,
    TAKER_READY,   /* the daemon: all that can fail is done */
    TAKER_REFUSED, /* the daemon will not go on */
    TAKER_STREAM,
    TAKER_STATE,
    TAKER_LOADED, /* the daemon: the state is good */
    TAKER_CLOSED, /* end of the link, REFUSE, or what is no message of this link */
    TAKER_DEADLINE,
    TAKER_BYTE_MINE, /* the look into the pipe */
    TAKER_BYTE_GONE,
    TAKER_EVENT_COUNT
};

enum taker_action {
    TAKER_KEEP = 1 << 0, /* the descriptors of the message */
    TAKER_ARM_STATE = 1 << 1,
    TAKER_DISARM = 1 << 2,
    TAKER_SEND_PREPARED = 1 << 3,
    TAKER_LOOK = 1 << 4, /* read the pipe; BYTE_MINE or BYTE_GONE is the next event */
    TAKER_SEND_REFUSE = 1 << 5,
    TAKER_CLOSE = 1 << 6,   /* disarm, close link and pipe */
    TAKER_PREPARE = 1 << 7, /* the daemon's: READY or REFUSED follows */
    TAKER_ADOPT = 1 << 8,   /* the daemon's: a connection; not to be read yet */
    TAKER_LOAD = 1 << 9,    /* the daemon's: LOADED or REFUSED follows */
    TAKER_OWN = 1 << 10,    /* the daemon's: read, serve */
    TAKER_GIVE_UP = 1 << 11 /* the daemon's: exit; nothing was read */
};

struct step {
    int next;         /* state */
    unsigned actions; /* bits */
};

/* Events that cannot be in a state are our own mistake, and fatal. */
struct step giver_step(enum giver_state state, enum giver_event event);
struct step taker_step(enum taker_state state, enum taker_event event);

#endif
