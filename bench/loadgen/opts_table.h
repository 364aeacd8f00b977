/**
 * opts_table: every option of statsd-bench, one row each: what parsing, defaults, --help and
 * reports go by.
 *   thread   any (constant)
 */
#ifndef LOADGEN_OPTS_TABLE_H
#define LOADGEN_OPTS_TABLE_H

#include <stddef.h>

enum opt_kind {
    OPT_TEXT,  /* const char * */
    OPT_MAYBE, /* the same; NULL without the option, `usual` when it has no argument */
    OPT_U32,
    OPT_U64,
    OPT_SIZE,    /* uint32_t bytes; KiB, MiB */
    OPT_RATE,    /* double per second; k, M; max: infinity */
    OPT_SECONDS, /* double; ms, s, m, h */
    OPT_PART,    /* double 0..1; % */
    OPT_NUMBER,  /* double */
    OPT_FLAG     /* bool, no argument */
};

struct opt {
    const char *name, *arg;
    enum opt_kind kind;
    size_t at;         /* of its member in struct opts */
    const char *usual; /* default, as it would be typed; NULL: none (text NULL, number NaN) */
    double least, most;
    const char *help;
};

extern const struct opt opts_table[];
extern const size_t opts_table_n;

#endif
