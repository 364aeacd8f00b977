/**
 * fleet: the workers of a master, as one load.
 *
 * Each worker that is there sends its equal share.  One that is lost (its process ended, or it said
 * nothing for FLEET_SILENT_MS) has its share sent by the others from then on, and one that comes
 * while a load runs takes its share over.  What a lost worker sent after its last report is not
 * known, and what it should have sent before it was given up is not made up for.
 *
 *   thread   main
 */
#ifndef LIVE_FLEET_H
#define LIVE_FLEET_H

#include <stdint.h>
#include <sys/types.h>

#include "join.h"
#include "load.h"
#include "plan.h"

enum { FLEET_MAX = 64, FLEET_SILENT_MS = 15000 };

/* X(state): JOINING: its hello is not yet complete.  LOST: it stays, for what it has sent. */
#define FLEET_STATES(X) X(joining) X(ready) X(sending) X(lost)

enum fleet_state {
#define X(state) FLEET_##state,
    FLEET_STATES(X)
#undef X
};
extern const char *const fleet_state_name[];

struct fleet_worker {
    char name[JOIN_NAME_MAX];
    enum fleet_state state;
    struct tally_totals sent; /* of the run */
    double lines_per_s;       /* over the last second */
    char why[128];            /* it is lost, or could not start */
    pid_t pid;                /* of a local one; 0 */
    /* fleet.c's */
    struct wire wire;
    struct join join;
    json_int_t epoch;
    bool begun; /* it was told to start in this run */
    bool ended;
    double lasted_s;
    uint64_t heard_ms, rate_ms;
    uint64_t rate_lines;
};

struct fleet_opts {
    unsigned local;
    const char *listen; /* NULL: no others come in */
    struct token token;
};

struct fleet {
    struct fleet_opts opts;
    struct fleet_worker at[FLEET_MAX];
    unsigned n;
    int listen_fd;
    uint64_t refused; /* that came and did not become workers */
    /* Something else that fleet_step is to wait for; -1: nothing */
    int wake_fd;
    void (*on_wake)(void *cookie);
    void *cookie;
    /* The run */
    struct args args;
    const struct shape *shape;
    double duration_s, from_s, wished_before;
    uint64_t start_ns;
    json_int_t epoch;
    bool sending; /* a run has begun and is not being ended */
};

/**
 * fleet_init(f, o, error):
 * Forks the local workers, so no thread may have been started.
 *   returns  0; -errno with error, one line.  f is to be ended in any case
 */
int fleet_init(struct fleet *f, const struct fleet_opts *o, struct buf *error);

/* What the next run sends: a load of one of these is to be started by load_fleet, with = f. */
void fleet_plan(struct fleet *f, const struct args *args);

/* From now on something else, at the same second of its shape; shape and the like as
 * load_kind.start.  It is to outlive the run.  Only while f->sending: what was sent before a run
 * began, or after it, would be in nobody's sums. */
void fleet_change(struct fleet *f, const struct args *args, const struct sender_opts *o);

/* Hear workers and wake_fd for up to that long. */
void fleet_step(struct fleet *f, double seconds);

/* Workers that can send, or do. */
unsigned fleet_ready(const struct fleet *f);

/* Forget those that are lost. */
void fleet_forget(struct fleet *f);

void fleet_end(struct fleet *f);

extern const struct load_kind load_fleet;

#endif
