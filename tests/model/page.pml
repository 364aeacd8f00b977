/*
 * How a page goes from a worker to the control thread and back: ingest_turn, ingest_take and
 * ingest_give (src/aggregate/ingest.c), asked for by src/app/turn.c.  README.md has the picture.
 *
 * One spelling of a series; its cell has a part and a mark for each page.  When it is idle the
 * worker drops the cell, and a later sample makes another.  Each access to what both threads touch
 * is a step of its own, and an increment is two, so a page in two hands loses a sample here as it
 * would there.  spin's steps are sequentially consistent: that acquire and release are where they
 * have to be, tests/prop/test_page_turn.c shows under ThreadSanitizer, not this.
 *
 * Checked: what was received when a turn was asked for is merged when it is over, and at the end
 * all is; a turn is never late and always comes to its end; a marked cell is in the page's list
 * once; no cell is used after it was freed; the counters that came with a page are what it brought
 * the total to.
 *
 * PAUSES: so many times control has the worker pause (turn_ask_pause), and go on: between that turn
 * and turn_go_on nothing is read, so that another process may be given the sockets and what has been
 * counted.
 *
 * LAST=1: one of the turns may be the last that reads (turn_ask): with it the final interval closes,
 * and what later ones brought would be in none.
 *
 * ANY_TIME=1: control asks while a turn is under way, too, which turn.c never does but the hand-over
 * allows.  The macros of broken variants: GIVEN_EARLY, NOT_CLEARED, TWO_IN_FLIGHT, EMPTY_KEPT,
 * READY_KEPT, FREED_AT_ONCE, DRAINED_LATE, SEALED_LATE, ASKED_EARLY, READS_ON, TURN_IN_PAUSE,
 * AGAIN_LATE, LAST_READS_ON (run.sh says what each is).
 */
#ifndef SAMPLES
#define SAMPLES 3
#endif
#ifndef TURNS
#define TURNS 3
#endif
#ifndef ANY_TIME
#define ANY_TIME 0
#endif

#ifndef PAUSES
#define PAUSES 0
#endif
#ifndef LAST
#define LAST 0
#endif

#define NONE 2
#define CELLS 3
#define NO_CELL CELLS

typedef cell {
    byte part[2];
    bool touched[2];
    bool live;    /* its memory is in use */
    bool adopted; /* control knows it: it is one of its series' cells */
};

/* A page lists at most every cell; dies: left the table in this page. */
typedef page_lists {
    bool touched[CELLS];
    bool dies[CELLS];
    byte stats; /* received, when it was sealed */
};

cell c[CELLS];
page_lists page[2];

byte ready_word = NONE;
byte empty_word = 1;
bool ask = false, notified = false;
bool ask_pauses = false, read_again = false; /* what is asked for; turn_go_on */

byte sent = 0, queue = 0; /* in the kernel */
byte total = 0;           /* merged */
byte turns = 0, due = 0;
bool under_way = false;
byte pauses_left = PAUSES;
bool pauses = false, paused = false; /* as of turn.c */
bool last = false, ask_last = false; /* as of turn.c; goes with the turn at hand */
bool over = false;                   /* that turn is */
byte final = 0;                      /* what it brought the total to */

proctype sender()
{
    do
    :: atomic { sent < SAMPLES -> sent++; queue++ }
    :: sent == SAMPLES -> break
    od
}

/* ---- the worker ---- */

byte cur = 0;      /* the page being filled */
byte table = NO_CELL; /* the spelling's cell */
byte received = 0;
bool rests = false; /* the sockets are not polled */
bool ended = false; /* nor read: the last turn was taken */

inline first_sight()
{
    if
    :: !c[0].live -> table = 0
    :: c[0].live && !c[1].live -> table = 1
    :: c[0].live && c[1].live -> assert(!c[2].live); table = 2
    fi;
    d_step {
        c[table].live = true;
        c[table].adopted = false;
        c[table].part[0] = 0;
        c[table].part[1] = 0;
        c[table].touched[0] = false;
        c[table].touched[1] = false
    }
}

inline add_sample()
{
    queue > 0;
    queue--;
    if
    :: table == NO_CELL -> first_sight()
    :: else
    fi;
    assert(c[table].live);
    if
    :: !c[table].touched[cur] ->
        assert(!page[cur].touched[table]);
        page[cur].touched[table] = true;
        c[table].touched[cur] = true
    :: else
    fi;
    value = c[table].part[cur];
    c[table].part[cur] = value + 1;
    value = 0;
    received++
}

inline drain()
{
    do
    :: queue > 0 -> add_sample()
    :: queue == 0 -> break
    od
}

inline bury(p)
{
    i = 0;
    do
    :: i < CELLS ->
        if
        :: page[p].dies[i] ->
            assert(c[i].live && !c[i].adopted && !c[i].touched[0] && !c[i].touched[1]);
            c[i].live = false;
            page[p].dies[i] = false
        :: else
        fi;
        i++
    :: i == CELLS -> break
    od;
    i = 0
}

/* The sweep; that it is idle for its ttl may be or not. */
inline expire()
{
    if
    :: table != NO_CELL && !c[table].touched[0] && !c[table].touched[1] ->
        page[cur].dies[table] = true;
        table = NO_CELL
    :: true
    fi
}

inline ingest_turn()
{
    atomic {
        fresh = empty_word;
#ifndef EMPTY_KEPT
        empty_word = NONE
#endif
    };
#ifdef TWO_IN_FLIGHT
    fresh = 1 - cur;
#endif
    if
    :: fresh == NONE ->
        assert(ANY_TIME) /* else it is never late */
    :: else ->
        assert(fresh != cur);
        bury(fresh);
        i = 0;
        do
        :: i < CELLS -> page[fresh].touched[i] = false; i++
        :: i == CELLS -> break
        od;
        i = 0;
        expire();
#ifdef FREED_AT_ONCE
        bury(cur);
#endif
#ifndef SEALED_LATE
        page[cur].stats = received;
#endif
        atomic { assert(ready_word == NONE); ready_word = cur };
#ifdef SEALED_LATE
        page[cur].stats = received;
#endif
        cur = fresh
    fi;
    fresh = NONE
}

inline go_on_reading()
{
    if
    :: atomic { read_again -> read_again = false; rests = false } /* an exchange */
    :: !read_again
    fi
}

proctype worker()
{
    byte fresh = NONE, value = 0, i = 0;
    bool what = false, lasts = false;
end:
    do
    :: queue > 0 && !rests && !ended -> add_sample()
    :: read_again && !ask -> go_on_reading()
    :: ask ->
        atomic { what = ask_pauses; lasts = ask_last; ask = false }; /* an exchange */
#ifndef AGAIN_LATE
        go_on_reading();
#endif
#ifndef DRAINED_LATE
#ifdef LAST_READS_ON
        drain();
#else
        if
        :: !ended -> drain()
        :: else
        fi;
#endif
#endif
        ended = ended || lasts;
#ifndef READS_ON
        rests = rests || what;
#endif
        what = false;
        lasts = false;
#ifdef AGAIN_LATE
        go_on_reading();
#endif
        ingest_turn();
        notified = true
    od
}

/* ---- control ---- */

inline merge(p)
{
    k = 0;
    do
    :: k < CELLS ->
        if
        :: page[p].touched[k] ->
            assert(c[k].live && c[k].touched[p]);
            c[k].adopted = true;
#ifndef NOT_CLEARED
            c[k].touched[p] = false;
#endif
            total = total + c[k].part[p];
            c[k].part[p] = 0
        :: else
        fi;
        k++
    :: k == CELLS -> break
    od;
    k = 0;
    do
    :: k < CELLS ->
        if
        :: page[p].dies[k] -> assert(c[k].live && c[k].adopted); c[k].adopted = false
        :: else
        fi;
        k++
    :: k == CELLS -> break
    od;
    k = 0;
    assert(page[p].stats == total)
}

inline take()
{
    atomic {
        got = ready_word;
#ifndef READY_KEPT
        ready_word = NONE
#endif
    };
    if
    :: got == NONE
    :: else ->
#ifdef GIVEN_EARLY
        empty_word = got;
        merge(got);
#else
        merge(got);
#ifndef ASKED_EARLY
        empty_word = got;
#endif
#endif
        under_way = false;
        assert(ANY_TIME || total >= due);
#if LAST
        if
        :: ask_last && !over -> over = true; final = total
        :: else
        fi;
        assert(!over || total == final)
#endif
    fi
}

#ifdef TURN_IN_PAUSE
#define MAY_BEGIN (!under_way)
#else
#define MAY_BEGIN (!under_way && !paused)
#endif

/* turn.c: begin */
inline begin_turn()
{
    if
    :: !over -> due = sent
    :: else
    fi;
    under_way = true;
#ifdef TURN_IN_PAUSE
    paused = paused || pauses;
#else
    paused = pauses;
#endif
    ask_pauses = pauses;
    ask_last = last;
    ask = true
}

proctype control()
{
    byte got = NONE, k = 0, kept = 0;
    bool stated = false;
end:
    do
#if ANY_TIME
    :: atomic { turns < TURNS && !ask -> turns++; due = sent; under_way = true; ask = true }
#else
    /* TURNS of them; then one more when all is sent, for the end */
    :: atomic {
        MAY_BEGIN && (turns < TURNS || (turns == TURNS && sent == SAMPLES)) ->
            turns++;
            begin_turn()
       }
#if LAST
    :: atomic { !last && turns < TURNS -> last = true } /* a turn under way is not the last */
#endif
    /* turn_ask_pause: the turn under way, if one is, is none that pauses */
    :: atomic { pauses_left > 0 && !pauses -> pauses_left--; pauses = true }
    :: atomic { pauses && !paused && !under_way -> begin_turn() }
    :: atomic { paused && !under_way && !stated -> stated = true; kept = total } /* the state */
    :: atomic {
        stated && !under_way ->
            assert(received == kept); /* or the other one gets less than was read */
            stated = false;
            kept = 0;
            pauses = false;
            paused = false;
            read_again = true /* turn_go_on */
       }
#endif
    :: notified ->
        notified = false; /* uv_async: one call back for one or more sends */
        take();
#ifdef ASKED_EARLY
        atomic { turns < TURNS -> turns++; due = sent; under_way = true; ask = true };
        empty_word = got;
#endif
        got = NONE
    od
}

#define parts(i) (c[i].live * (c[i].part[0] + c[i].part[1]))

proctype judge()
{
    timeout;
    assert((queue == 0 || over) && ready_word == NONE);
    assert(total + parts(0) + parts(1) + parts(2) + queue == SAMPLES);
    assert(ANY_TIME || (turns == TURNS + 1 && !under_way && total + queue == SAMPLES))
}

init
{
    atomic {
        run sender();
        run worker();
        run control();
        run judge()
    }
}

#ifdef LIVENESS
ltl a_turn_ends { [] (under_way -> <> !under_way) }
#endif
