/*
 * How the right to read goes from one server to the next: by a takeover, by a restart, by a crash.
 * Checked: no two servers read the sockets at a time; a scrape never sees less than the one before,
 * unless all begins afresh at 0; at the end the queue is empty, one server reads, and what it has
 * counted and what crashed ones held are what was sent.  README.md has the picture.
 *
 * Two slots hold a server each: the one that runs, and one that takes over or is started after it.
 *
 *   fate      at any moment: sudden death of either, TERM, an operator who starts a takeover
 *   manager   starts a server when its main process is gone.  KEEPS=1: it also keeps the sockets
 *             and the memfd of a state, and ends what is left of the service first, as systemd does
 *             with the group.  KEEPS=0: the sockets are the processes' alone; whoever starts has to
 *             bind, which the kernel refuses as long as another process has them
 *   deadlines are choices that may be made at any moment; so is a server's refusal to start
 *
 * The macros of broken variants: NO_TAKE_BACK, READ_EARLY, BYTE_UNREAD, NOT_EMPTIED, USED_FIRST,
 * STATE_EARLY, SERVE_ON, LEFT_ALIVE, COMES_BACK, LEAVES_BYTE,
 * NO_DEADLINE (run.sh says what each is).
 */
#ifndef SAMPLES
#define SAMPLES 3
#endif
#ifndef CRASHES
#define CRASHES 1
#endif
#ifndef TAKEOVERS
#define TAKEOVERS 1
#endif
#ifndef TERMS
#define TERMS 1
#endif
#ifndef REFUSALS
#define REFUSALS 1
#endif
#ifndef KEEPS
#define KEEPS 1
#endif

/* Of each slot. */
bool idle[2], alive[2], takes_over[2];
bool sockets[2]; /* has the descriptors */
bool reads[2], serves[2];
bool running[2]; /* listens on the control socket */
bool term[2];
bool owns[2];    /* its total is the one that counts */
byte page[2];    /* read, not merged yet */
byte total[2];   /* what /metrics shows */
byte line[2];    /* which beginning at 0 the total goes back to */

byte main_slot = 0; /* the manager's idea of it */
byte readers = 0;
byte lines = 0;

byte sent = 0, queue = 0, lost = 0;
byte seen = 0, seen_line = 0;

/* The memfd that the manager keeps. */
bool store_full = false;
byte store_total = 0, store_line = 0;

/* The link of a takeover: an end each, the messages that lie in it, the memfd, the pipe. */
byte old_slot = 0;
bool old_end = false, new_end = false;
bool hello = false, fds = false, prepared = false, state = false;
byte link_total = 0, link_line = 0;
byte token = 0;
bool orphan = false; /* the old one died and the byte lies in the pipe: counted in `lost` */

byte crashes = 0, takeovers = 0, terms = 0, refusals = 0;

#define other (1 - me)

/* ---- what the kernel does ---- */

/* The byte and the memfd go with the last who has the pipe. */
inline pipe_check()
{
    if
    :: !old_end && !new_end -> token = 0; orphan = false
    :: else
    fi
}

/* All that slot i has is closed. */
inline gone(i)
{
    if
    :: reads[i] -> readers--
    :: else
    fi;
    reads[i] = false;
    serves[i] = false;
    running[i] = false;
    term[i] = false;
    takes_over[i] = false;
    if
    :: old_end && old_slot == i -> old_end = false
    :: new_end && old_slot == 1 - (i) -> new_end = false
    :: else
    fi;
    pipe_check();
    sockets[i] = false;
    if
    :: !KEEPS && !sockets[1 - (i)] -> lost = lost + queue; queue = 0
    :: else
    fi;
    page[i] = 0;
    total[i] = 0;
    line[i] = 0;
    owns[i] = false;
    alive[i] = false /* last: the server's `unless` sees it in the middle of an atomic, too */
}

inline kill(i)
{
    lost = lost + page[i];
    if
    :: owns[i] -> lost = lost + total[i]
    :: else
    fi;
    if
    :: old_end && old_slot == i && token == 1 -> lost = lost + link_total; orphan = true
    :: else
    fi;
    gone(i)
}

/* ---- what a server does, in single steps ---- */

inline merge(i)
{
    total[i] = total[i] + page[i];
    page[i] = 0
}

inline begin_reading()
{
    atomic {
        if
        :: !reads[me] ->
            assert(readers == 0);
            readers++;
            reads[me] = true
        :: else
        fi
    }
}

/* Workers stop, then the last turn; waiting scrapes are answered and no more are taken. */
inline pause_all()
{
    running[me] = false;
#ifdef STATE_EARLY
    atomic { merge(me) };
    do
    :: atomic { reads[me] && queue > 0 -> queue--; page[me]++ }
    :: atomic { reads[me] = false; readers--; break }
    od;
#else
    atomic { reads[me] = false; readers-- };
    atomic { merge(me) };
#endif
#ifndef SERVE_ON
    serves[me] = false
#endif
}

inline leave()
{
    atomic { gone(me) };
    false
}

proctype server(byte me)
{
again:
    idle[me] = true;
end_idle:
    alive[me];
    idle[me] = false;
    {
        if
        :: takes_over[me] -> goto connect
        :: else -> goto begin
        fi;

        /* -- started by the manager, or by hand where nobody has the sockets -- */
begin:
        sockets[me] = true;
        if
        :: atomic { refusals < REFUSALS -> refusals++; gone(me) }; false
        :: true
        fi;
        begin_reading(); /* not merged, nor shown, before the state is loaded and consumed */
        do
        :: atomic { queue > 0 -> queue--; page[me]++ }
        :: break
        od;
        if
        :: store_full ->
            atomic { total[me] = store_total; line[me] = store_line };
#ifdef USED_FIRST
            owns[me] = true;
            serves[me] = true;
            do
            :: atomic { queue > 0 -> queue--; page[me]++ }
            :: break
            od;
            store_full = false
#else
            atomic {
#ifndef NOT_EMPTIED
                store_full = false; /* ftruncate */
#endif
                owns[me] = true
            }
#endif
        :: !store_full -> atomic { lines++; line[me] = lines; total[me] = 0; owns[me] = true }
        fi;
        goto serve;

        /* -- started by an operator, with --takeover -- */
connect:
        atomic {
            if
            :: running[other] ->
                old_slot = other;
                old_end = true;
                new_end = true;
                hello = true;
                fds = false;
                prepared = false;
                state = false
            :: else -> gone(me)
            fi
        };
        if
        :: fds
        :: !fds && !old_end -> leave()
        :: leave() /* deadline, or it does not like what it got */
        fi;
        sockets[me] = true;
#ifdef READ_EARLY
        begin_reading();
#endif
        if
        :: prepared = true
        :: leave()
        fi;
        if
        :: state
        :: !state && !old_end -> leave()
        :: leave()
        fi;
        atomic { total[me] = link_total; line[me] = link_line };
        if
        :: true
        :: leave() /* a state that it does not know */
        fi;
        atomic {
            if
#ifdef BYTE_UNREAD
            :: true -> owns[me] = true /* by the message alone */
#else
            :: token == 1 -> token = 0; owns[me] = true
            :: token == 0 -> gone(me)
#endif
            fi;
            if
            :: orphan -> orphan = false; lost = lost - link_total
            :: else
            fi
        };
        atomic { new_end = false; pipe_check() };
        begin_reading();

serve:
        serves[me] = true;
        running[me] = true;
end_serve:
        do
        :: atomic { queue > 0 -> queue--; page[me]++ }
        :: term[me] -> goto restart
        :: old_end && old_slot == me && hello -> hello = false; goto give
        od;

        /* -- the old one of a takeover -- */
give:
        fds = true;
        do
        :: atomic { queue > 0 -> queue--; page[me]++ }
        :: prepared -> break
        :: !prepared && !new_end -> goto give_up
        :: goto give_up /* 30 s after HELLO; or TERM, which is heard in `serve` */
        od;
        pause_all();
        atomic { link_total = total[me]; link_line = line[me] };
        atomic { token = 1; owns[me] = false }; /* before the message: the new one does not wait */
        state = true;
        /* EOF, or 5 s */
        atomic {
            if
#ifdef NO_TAKE_BACK
            :: true -> owns[me] = true; goto resume
            :: token == 0 -> goto over
#else
#ifndef NO_DEADLINE
            :: token == 1 -> token = 0; owns[me] = true; goto resume
#endif
#ifdef COMES_BACK
            :: token == 0 && !new_end -> owns[me] = true; goto resume
#endif
#ifdef LEAVES_BYTE
            :: true -> goto over
#endif
            :: token == 0 -> goto over
#endif
            fi
        };
over:
        atomic { main_slot = other; gone(me) };
        false;
resume:
        old_end = false;
        begin_reading();
        goto serve;
give_up:
        atomic { old_end = false; pipe_check() };
        goto serve;

        /* -- TERM under a manager -- */
restart:
        pause_all();
        atomic {
            store_full = true;
            store_total = total[me];
            store_line = line[me];
            owns[me] = false
        };
        leave()
    } unless {
        !alive[me]
    };
    goto again
}

/* ---- the world around ---- */

proctype sender()
{
    do
    :: atomic {
        sent < SAMPLES ->
            sent++;
            if
            :: KEEPS || sockets[0] || sockets[1] -> queue++
            :: else -> lost++ /* refused: the sender hears of it */
            fi
       }
    :: sent == SAMPLES -> break
    od
}

/* One that would see the same again is left out. */
inline scrape(i)
{
    atomic {
        serves[i] && (line[i] != seen_line || total[i] + page[i] != seen) ->
            merge(i);
            assert(line[i] > seen_line || (line[i] == seen_line && total[i] >= seen));
            seen = total[i];
            seen_line = line[i]
    }
}

proctype scraper()
{
end:
    do
    :: scrape(0)
    :: scrape(1)
    od
}

/*
 * KEEPS: the main process is gone, and what is left of the service has to go.  Else: somebody
 * starts one by hand, or tries again, until it can bind.
 */
proctype manager()
{
end:
    do
    :: atomic {
        idle[main_slot] && !alive[main_slot] && (KEEPS || !sockets[1 - main_slot]) ->
#ifndef LEFT_ALIVE
            if
            :: alive[1 - main_slot] -> kill((1 - main_slot))
            :: else
            fi;
#endif
            alive[main_slot] = true
       }
    od
}

inline crash(i)
{
    atomic { crashes < CRASHES && alive[i] -> crashes++; kill(i) }
}

inline take_over(i)
{
    atomic {
        takeovers < TAKEOVERS && idle[i] && !alive[i] && alive[1 - (i)] ->
            takeovers++;
            takes_over[i] = true;
            alive[i] = true
    }
}

proctype fate()
{
    do
    :: crash(0)
    :: crash(1)
    :: take_over(0)
    :: take_over(1)
    :: atomic { KEEPS && terms < TERMS && alive[main_slot] -> terms++; term[main_slot] = true }
    :: break
    od
}

/* Nobody can do anything any more. */
proctype judge()
{
    timeout;
    assert(queue == 0);
    assert(readers == 1 && serves[0] + serves[1] == 1);
    assert(total[0] + page[0] + total[1] + page[1] + lost == sent)
}

init
{
    atomic {
        run server(0);
        run server(1);
        run sender();
        run scraper();
        run manager();
        run fate();
        run judge()
    }
}

#ifdef LIVENESS
ltl somebody_reads { [] <> (readers == 1) }
#endif
