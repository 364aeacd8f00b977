/**
 * cluster_page_priv: the inside of cluster_page.h, for cluster_page.c (its life, and control) and
 * cluster_serve.c (fillings and who asks for them).
 *   thread   the page's own, but for what is behind the lock
 */
#ifndef CLUSTER_PAGE_PRIV_H
#define CLUSTER_PAGE_PRIV_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#include "cluster/fill.h"
#include "cluster/page.h"
#include "expose/scrape.h"

struct redis_reader;

/* A mapping that registries use. */
struct rules {
    struct core_mapping mapping;
    unsigned users;
};

/* A registry, and what it stands on. */
struct shown {
    struct shown *next;
    struct registry *registry;
    struct rules *rules;
};

enum asked { ASKED_STOP = 1, ASKED_CUT = 2, ASKED_END = 4 };

struct cluster_page {
    const struct config *config;
    uv_loop_t loop;
    uv_thread_t thread;
    bool runs;
    uv_async_t asked;
    struct scrape *scrape;
    struct expose_stats expose;

    /* Between control and the page's thread. */
    pthread_mutex_t lock;
    struct core_mapping fresh; /* to be put in force; profiles NULL: none */
    unsigned what;             /* bits of enum asked */
    bool idle, stopped;
    struct cluster_stats stats;

    /* The page's thread alone. */
    uv_timer_t due, check, ended;
    struct rules *rules;
    struct shown *all, *filling; /* filling is not in all */
    struct redis_reader *reader;
    struct registry_filling *to;
    struct cluster_fill *fill;
    struct cluster_memory memory;
    enum cluster_result result;
    struct buf error;
    uint64_t turn, begun_ns, shown_ns, behind_ns; /* shown_ns: when it was begun; 0: none is */
    int64_t begun_wall_ms, away_wall_ms;          /* away: since when; 0: it is not */
    bool due_soon, failing;
    struct cluster_stats own; /* what the page itself shows */
};

/* The rules of a mapping, with one user; m is { 0 }. */
struct rules *cluster_rules_new(struct core_mapping *m);
void cluster_rules_leave(struct rules *r); /* one user less; NULL is fine */

/* Its handles and scrape.   returns  0, or -errno */
int cluster_serve_open(struct cluster_page *p);
/* They go, and what is under way; the registries once the loop has ended. */
void cluster_serve_close(struct cluster_page *p);
void cluster_serve_release(struct cluster_page *p);

/* What control sees of it is of now. */
void cluster_serve_tell(struct cluster_page *p);

#endif
