/**
 * board: runs that are steered from a page in a browser: its state, and the loop that serves it.
 *
 *     ready -> start -> running -> (change ...) -> stop, or its end -> stopping -> ready
 *
 * What the page asks (board_http.c) is answered on the main thread, between the ticks of a run.
 *   thread   main
 */
#ifndef LIVE_BOARD_H
#define LIVE_BOARD_H

#include "fleet.h"
#include "http/http.h"
#include "http/mailbox.h"
#include "plan.h"
#include "report.h"
#include "status.h"

/* X(state) */
#define BOARD_STATES(X) X(ready) X(running) X(stopping)

enum board_state {
#define X(state) BOARD_##state,
    BOARD_STATES(X)
#undef X
};
extern const char *const board_state_name[];

struct board {
    const struct opts *opts; /* the command line's */
    const struct run_opts *watched;
    struct fleet *fleet;
    struct status *status;
    enum board_state state;
    bool start, stop; /* wished for */
    /* What is sent, or will be; and what was, in the run: their shapes are in use until its end. */
    struct plan *plan, **used;
    size_t n_used, cap_used;
    unsigned run;             /* counts */
    struct report report;     /* of the latest run; its opts are load, its run is result */
    struct opts load;         /* of that run, with what is watched */
    const struct plan *ran;   /* that they are of */
    struct run_result result; /* while it runs: the rows so far */
    size_t cap_rows;
    struct report_worker workers[FLEET_MAX];
    char error[256]; /* of the latest run; empty: none */
    int wake_fd;
    struct http_mailbox mailbox;
    struct web *web;
    struct http_server *http;
};

/**
 * board_run(b, ret_report, error):
 * Serve the page until a signal, or with --autostart until the run is over.
 *   b           zero, but for opts, watched, fleet and status
 *   ret_report  of the latest run, until board_free; NULL: there was none
 *   returns     0; -errno with error, one line
 */
int board_run(struct board *b, struct report **ret_report, struct buf *error);
void board_free(struct board *b);

/* Those who sent, for a report. */
void board_workers(const struct fleet *f, struct report *r, struct report_worker room[FLEET_MAX]);

/* What is asked for by settings: {"rate": "20k", ...}.   returns  false with error */
bool board_change(struct board *b, json_t *settings, struct buf *error);

/* The report of the latest run, or of what there is of the one that runs.  NULL: there is none */
struct report *board_report(struct board *b);

/* Forget the latest run. */
void board_reset(struct board *b);

/* board_http.c: the page's server. */
int board_http_start(struct board *b, struct buf *error);
void board_http_stop(struct board *b);

/* board_state.c: for the page, with the rows from `since` on.  Owned. */
json_t *board_state_json(const struct board *b, size_t since);

#endif
