/**
 * server_priv: the inside of the daemon.  Private to app/.
 *
 *     server.c         its life: start, intervals, signals, the order of taking down
 *     server_interval.c   a closed interval goes to the sinks
 *     server_build.c   its parts: listeners, registry, workers, sinks
 *     server_http.c    its routes
 *     server_api.c     what /api/v1/ tells of it
 *     server_web.c     http.web_config: TLS, users, headers
 *     server_sampling.c   a sample of what arrives, and who looks at it
 *     server_tick.c    what it does once a second
 *     server_watch.c   files of Unix sockets that were lost
 *     server_reload.c  another configuration is put in force
 *     server_start.c   from nothing to READY
 *     server_confine.c what the process gives up before its first thread
 *     server_stop.c    from the signal to the end of its loop
 *     server_mirror.c  a copy of what comes in, for another server
 *     server_manager.c what a service manager gives, keeps and is told
 *     server_state.c   what outlives it; server_snapshot.c: gauges, for after a crash
 *
 *   thread   control, but for what says otherwise
 */
#ifndef APP_SERVER_PRIV_H
#define APP_SERVER_PRIV_H

#include <stdatomic.h>
#include <uv.h>

#include "aggregate/off_page_log.h"
#include "aggregate/top.h"
#include "api/api.h"
#include "api/tails.h"
#include "cluster/page.h"
#include "app/capturing.h"
#include "app/descriptors.h"
#include "app/events.h"
#include "app/manager.h"
#include "app/reload.h"
#include "app/sampling.h"
#include "app/selfmetrics.h"
#include "app/server_mirror.h"
#include "app/server_view.h"
#include "app/server_web.h"
#include "app/server_takeover.h"
#include "app/turn.h"
#include "base/log.h"
#include "config/config.h"
#include "core/core_mapping.h"
#include "expose/scrape.h"
#include "listen/refused_log.h"
#include "sandbox/user.h"
#include "sinks/sink_list.h"
#include "state/socket_notes.h"
#include "state/state.h"
#include "state/state_file.h"
#include "web/web.h"

/*
 * STARTING: until all parts run.  HANDING_ON: another server takes over (server_takeover.h), or
 * fails to.  DRAINING: a signal came; sockets are read empty, then the sinks get what is left.
 * STOPPING: the loop has ended, and the parts are taken down.
 */
enum server_state { STARTING, RUNNING, HANDING_ON, DRAINING, STOPPING };

/* What a client of the HTTP server may ask for, if http.lifecycle lets it. */
enum lifecycle { LIFECYCLE_QUIT = 1, LIFECYCLE_RELOAD = 2 };

struct server {
    const struct config *config;
    struct core_mapping mapping; /* in force */
    const struct config_source *source;
    struct sandbox_user user; /* server.user */
    uv_loop_t loop;
    _Atomic int state; /* enum server_state; control writes, HTTP reads it for /-/ready */
    int status;        /* exit status */
    struct series_limit limit;
    struct registry *registry;
    struct listener *listeners;
    size_t n_listeners;
    struct acceptor *acceptor; /* NULL: there are no streams */
    struct worker *workers[LISTEN_WORKERS_MAX];
    unsigned n_workers;
    struct worker_order order;
    struct turn turn;
    struct events events;             /* events.log is what others read, and are told by */
    struct scrape *scrape;            /* NULL until everything is built */
    struct api *api;                  /* the same; NULL without HTTP too */
    struct server_view *view;         /* what it shows of the server; NULL with it */
    struct cluster_page *cluster;     /* the same; NULL without HTTP or redis.url, too */
    struct sampling *sampling;        /* NULL without HTTP, or where http.sample is 0 */
    struct top *top;                  /* the same */
    struct api_tails *tails;          /* NULL without HTTP */
    struct sampled_from sampled_from; /* who sent the datagram of the sample at hand */
    struct http_server *http;
    struct server_web web; /* who may ask http, and how */
    struct web *page;
    struct http_route routes[11];
    struct descriptors descriptors; /* how many connections there may be */
    struct capturing capturing;
    struct sink_list sinks;
    struct server_mirror mirror;
    uv_timer_t interval_timer, tick_timer, stop_timer, watch_timer, expire_timer;
    uv_signal_t signals[4];
    uv_idle_t giving;                   /* the next slice of a closed interval */
    bool is_giving;                     /* between the sinks' begin and end */
    uint64_t slice_begun_ns, giving_ns; /* of the slice at hand; of those before */
    struct snapshot giving_snap;        /* that interval */
    uv_async_t lifecycle;               /* POST /-/quit or /-/reload came in: see lifecycle_asked */
    _Atomic unsigned lifecycle_asked;   /* bits of enum lifecycle: HTTP sets them, control clears */
    int64_t interval_start_ms;          /* of the interval that is open */
    uint64_t last_turn;     /* that reads the sockets empty; 0: not asked for, or over */
    uint64_t interval_turn; /* the turn that closes that interval; 0: not asked for */
    struct reloaded fresh;  /* read again, until the turn that puts it in force is over */
    uint64_t reload_turn;   /* that turn; 0: nothing waits to be put in force */
    bool reload_again;      /* asked for meanwhile */
    struct manager manager;
    struct hand_on hand_on;      /* to the server that takes over */
    struct taking taking;        /* from the one that runs */
    struct socket_notes sockets; /* of either */
    bool leaving; /* a signal came: connections to what others keep may end first, while ... */
    uint64_t leaving_ms;   /* ... datagrams are still read; since when */
    uint64_t drained_ms;   /* draining: when it began to wait for the sinks */
    bool wait_logged;      /* draining: that wait is in the log */
    bool late;             /* giving sinks up: the time was up, no second signal */
    bool hurried;          /* a second signal came, or server.drain_timeout is over */
    uint64_t refused_seen; /* samples refused, as of the last warning of the series limit */
    struct log_gate limit_gate;
    struct log_gate limited_gates[LIMITED_BY_COUNT];
    struct off_page_log off_page_log;
    struct refused_log refused;
    struct selfmetrics_sources self;
    struct state_file state_file;
    uint64_t started_ns;              /* before anything was received */
    struct snapshot_writer *snapshot; /* NULL: gauges are not written in between */
};

static inline int64_t server_interval_ms(const struct server *s)
{
    return (int64_t)s->config->server_interval_ms;
}

static inline void server_set_state(struct server *s, enum server_state state)
{
    /* relaxed: a flag that guards nothing else */
    atomic_store_explicit(&s->state, (int)state, memory_order_relaxed);
}

/* thread  any */
static inline enum server_state server_state(const struct server *s)
{
    return (enum server_state)atomic_load_explicit(&s->state, memory_order_relaxed);
}

/**
 * server_build(s, on_turned):
 * Make listeners, registry and workers, and with server_open_sinks the sinks, in this order;
 * nothing runs yet.
 *   returns  0, or -errno, logged.  In both cases server_unbuild takes down what there is
 */
int server_build(struct server *s, void (*on_turned)(void *server));
int server_open_sinks(struct server *s);
void server_unbuild(struct server *s);
void server_log_listeners(const struct server *s);

/*
 * server_start.c: make all parts, which read and connect to nothing; then run them: they are ready.
 * The sinks are opened in between.   returns  0, or -errno, logged
 */
int server_start(struct server *s);
int server_make(struct server *s);
int server_go(struct server *s); /* of one that takes over only workers may fail, after a while */
void server_ready(struct server *s);
void server_start_memory(void); /* the thread for it; without, all goes on */

/* What server.c has the loop and the turns call. */
void server_turned(void *server);
void server_start_loop(struct server *s);

/*
 * server.user: who it is (0, or -EPERM, logged); whose the server's files are; become it.
 */
int server_user_open(struct server *s);
uid_t server_user_uid(const struct server *s);
int server_user_become(struct server *s);

/**
 * server_confine(s):
 * All is open that needs more than server.user may, or lies where the sandbox does not reach, and
 * no other thread runs.  What the kernel cannot do is logged.
 *   returns  0; -errno, logged: the process is not who it should be, or cannot use its state
 */
int server_confine(struct server *s);
/* Log which of the files that a reload reads the sandbox keeps from us. */
void server_confine_explain(const struct server *s);

/*
 * A sample of what arrives, with http.listen; before the workers start, and after they have ended.
 * returns  0 or -errno
 */
int server_sampling_open(struct server *s);
void server_sampling_tick(struct server *s); /* its counters */
void server_sampling_close(struct server *s);

/* returns  0 (also when http.listen is empty), or -errno, logged; bind: only listen */
int server_http_bind(struct server *s);
int server_http_start(struct server *s);
void server_http_leave(struct server *s); /* http_leave */
void server_http_stop(struct server *s);
/*
 * On a socket that was given it may be tried again, as once a second while RUNNING; spare: what
 * that needs is there from now on (0, -errno).
 */
int server_http_spare(struct server *s);
void server_http_again(struct server *s);

/* The API; without an HTTP server there is none.  returns  0 or -errno; close in both cases */
int server_api_open(struct server *s);
void server_api_close(struct server *s);

/* How datagrams are explained.  anew: before the mapping goes by which one may be at work. */
extern const struct api_explain server_explain;
void server_explain_anew(struct server *s);

/* End those who read live data, who come back when they can; let them in (again). */
void server_api_leave(struct server *s);
void server_api_enter(struct server *s);
/* To be called once a second; after each turn; when an interval was given to the sinks. */
void server_api_tick(struct server *s);
void server_api_turned(struct server *s);
void server_api_closed(struct server *s, const struct snapshot *snap, double seconds);

/* To be called once a second while RUNNING. */
void server_tick(struct server *s);

/*
 * A turn is over, while RUNNING: if a worker's sweep for idle cells is behind, another turn follows
 * soon.
 */
void server_expire_turned(struct server *s);

/* Start the timer that binds Unix sockets again whose file was lost, if there are such sockets. */
void server_watch_start(struct server *s);

/*
 * server.state_dir, what fails is logged: the folder is ours, before anything is built (0, -errno);
 * what the last process saved is on /metrics, while STARTING, when all else that may fail is done;
 * gauges are written in between, from start to stop; everything is merged, and no sink sends any
 * more.
 */
int server_state_open(struct server *s);
int server_state_usable(struct server *s); /* by who the process has become */
void server_state_load(struct server *s);
void server_state_start(struct server *s);
void server_state_stop(struct server *s);
bool server_state_quiet(struct server *s); /* as stop; false: not yet, call again */
void server_state_save(struct server *s);
void server_state_close(struct server *s);

/*
 * Close the open interval and hand it to the sinks.  FINAL: it is the last one.  HANDED_ON: another
 * process may go on with it, or this one.
 */
enum interval_close { INTERVAL_OVER, INTERVAL_FINAL, INTERVAL_HANDED_ON };
void server_close_interval(struct server *s, enum interval_close how);
/* One is open from now on. */
void server_begin_interval(struct server *s);
/* After a pause, RUNNING again: it may have been over meanwhile. */
void server_resume_interval(struct server *s);

/* Read the configuration again, and have the next turn put it in force. */
void server_reload(struct server *s);

/* A turn is over: it may have been the one that put the configuration in force. */
void server_reload_turned(struct server *s);

/* Does somebody else have one of our sockets, who will read it when we have ended? */
bool server_others_keep(const struct server *s);

/* Begin to drain; when called again, stop waiting for the sinks. */
void server_drain(struct server *s, int signum);

/* Sinks that are not idle are given up: what they have is lost, and logged. */
void server_give_up(struct server *s);

/* The last turn is over: everything that was received has been merged. */
void server_drained(struct server *s);

/* See manager.h.  returns  0, or -errno, logged */
int server_manager_open(struct server *s);
int server_manager_adopted(struct server *s);
/* Under which name the socket of HTTP goes to another process. */
void server_manager_http_name(const struct server *s, char out[INHERITED_NAME_MAX]);
void server_manager_ready(struct server *s);
void server_manager_turned(struct server *s);
void server_manager_reloading(struct server *s);
/* text: the line that its status shows; NULL: as when it was ready */
void server_manager_reloaded(struct server *s, const char *text);
void server_manager_stopping(struct server *s);
void server_manager_saving(struct server *s);
void server_manager_close(struct server *s);

/* The sockets of l were bound again: the manager is to keep the new one. */
void server_manager_bound_again(struct server *s, struct listener *l);

#endif
