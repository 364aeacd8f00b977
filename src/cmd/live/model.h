/**
 * model: what `statsd top` knows of a server, from the answers of its API.
 *   thread   any; no state but its own
 */
#ifndef CMD_LIVE_MODEL_H
#define CMD_LIVE_MODEL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"

enum { MODEL_ROWS_MAX = 1000, MODEL_WORD_MAX = 32 };

enum model_by { BY_SAMPLES, BY_SERIES, BY_TAGS, BY_SENDER, BY_COUNT };

const char *model_by_name(enum model_by by);

/* What is counted: lines, but for the two of the kernel and the socket. */
enum model_line {
    LINES_RECEIVED,
    LINES_AGGREGATED,
    LINES_EVENTS,
    LINES_CHECKS,
    LINES_REJECTED,
    LINES_REFUSED,
    LINES_DROPPED,
    LINES_COUNT
};

struct model_row {
    char *key;        /* owned: a metric, a tag's key, a sender */
    char *example;    /* owned: a metric that has the tag; NULL: none */
    double value;     /* samples a second, series, values of the tag */
    double error;     /* of samples: how much it may be too high */
    double datagrams; /* of a sender, a second */
};

struct model {
    /* of status */
    char version[MODEL_WORD_MAX], redis[MODEL_WORD_MAX]; /* redis "": off */
    double uptime_s, redis_lag_s;
    uint64_t series, max_series;
    /* of conservation */
    double at_s;
    uint64_t lines[LINES_COUNT], kernel_dropped;
    double rates[LINES_COUNT], kernel_rate; /* between the last two */
    bool has_rates;
    /* of top */
    enum model_by by;
    double share;
    struct model_row *rows; /* n of them, in the server's order */
    size_t n;
};

/* Each takes an answer's body.  returns  false: it is not that; m is unchanged */
bool model_status(struct model *m, struct slice json);
bool model_conservation(struct model *m, struct slice json);
bool model_top(struct model *m, struct slice json, enum model_by by);

void model_release(struct model *m);

#endif
