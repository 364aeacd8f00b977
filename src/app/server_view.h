/**
 * server_view: what the API shows of the server itself, for server_api*.c.  Private to app/.
 *   thread   control
 */
#ifndef APP_SERVER_VIEW_H
#define APP_SERVER_VIEW_H

#include "aggregate/snapshot.h"
#include "api/history.h"
#include "api/live.h"
#include "api/reject_board.h"
#include "api/sources.h"
#include "api/timeline.h"
#include "config/options.h"
#include "listen/listener.h"

struct explaining;
struct server;

struct server_view {
    struct history history;
    struct timeline timeline;
    struct api_live *live;              /* the stream of its rows */
    uint64_t streams_open, streams_max; /* readers of feeds, at the last look */
    struct reject_board rejects;
    uint64_t row_turn;      /* the next row is added when this turn is over; 0: none */
    double turned_s;        /* when the last turn was over, Unix; 0: none yet */
    double cpu_s, cpu_at_s; /* process CPU time at the last row, and when */
    bool redis_up;
    uint64_t redis_dropped;        /* series, at the last look */
    uint64_t *kernel_drops;        /* of each listener, at the last look */
    uint64_t samples_closed;       /* samples aggregated when the last interval was closed */
    struct explaining *explaining; /* server_explain.c's; NULL: nothing is being explained */
    /* What the last api_about points to: */
    struct api_option options[OPTION_COUNT];
    struct api_listener *listeners;
    struct api_mirror mirror;
    struct api_worker workers[LISTEN_WORKERS_MAX];
    struct api_redis redis;
};

/* Sums that more than one answer shows. */
double view_now_s(void);                                      /* Unix */
const struct redis_stats *view_redis(const struct server *s); /* NULL: there is no Redis */
struct listen_stats view_listen(const struct server *s);
struct socket_stats view_listener_sums(const struct listener *l);
uint64_t view_series(const struct server *s);
uint64_t view_sum(const uint64_t *of, size_t n);

/* Answers, for struct api_sources (api/sources.h); `server` is the struct server. */
void view_tell_status(void *server, struct api_about *ret);
void view_tell_conservation(void *server, struct api_conservation *ret);
void view_options_release(struct server_view *v);

#endif
