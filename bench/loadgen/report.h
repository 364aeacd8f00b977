/**
 * report: what a run was and what came of it, for people (text, HTML) and for programs (JSON, CSV).
 *
 *   thread   main
 */
#ifndef LOADGEN_REPORT_H
#define LOADGEN_REPORT_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "opts.h"
#include "run.h"

/* Where attempted datagrams and samples ended.  NaN: not known. */
struct report_loss {
    double client_datagrams;      /* refused by the kernel on the sending side */
    double unreachable_datagrams; /* answered by ICMP: nobody listens there, or no such host */
    double kernel_datagrams;      /* dropped in the receiver's socket buffer */
    double rejected_samples, refused_samples;
    /* Neither received nor known to be dropped: another host, a closed socket */
    double elsewhere_datagrams;
    double elsewhere_lines; /* the same of streams, of which the server counts no datagrams */
    double part;            /* of all lines, or of the datagrams when samples are not known */
    bool at_least;          /* `part` holds only what the sender itself knows to be lost */
};

struct report_bound {
    const char *name, *unit;
    double value, limit;
    /* Also when the value is not known: a bound that cannot be checked does not hold */
    bool broken;
};

struct report_trial {
    double rate, loss, cpu_us, backlog_s;
    const char *verdict;
};

/* One of several processes that sent the load. */
struct report_worker {
    const char *name, *why; /* why it is lost, or failed; empty: nothing is wrong */
    bool lost;              /* what it sent after its last report is not known */
    struct tally_totals sent;
};

enum { REPORT_BOUNDS = 3 };

struct report {
    const struct opts *opts;
    const struct run_result *run;
    char started[32]; /* ISO 8601, UTC */
    struct report_loss loss;
    struct report_bound bounds[REPORT_BOUNDS];
    size_t n_bounds;
    const struct report_trial *trials; /* of --find-max */
    size_t n_trials;
    const struct report_worker *workers; /* none: this process sent it */
    size_t n_workers;
    double best_rate; /* of --find-max */
    bool sender_limited;
};

/* Fill loss and bounds from opts and run.   returns  true when no bound is broken and somebody took
 * the load to the end */
bool report_judge(struct report *r);

void report_text(const struct report *r, struct buf *out);
void report_json(const struct report *r, struct buf *out);
void report_csv(const struct report *r, struct buf *out);
void report_html(const struct report *r, struct buf *out);

#endif
