/**
 * rivals: the options of other StatsD servers, and what this one calls them.
 *
 * One table for both who answers a foreign flag ("no such option: --port; write ...") and who
 * converts a foreign config (cmd/convert/).  No such name is accepted by the server itself.  The
 * names are those of statsd_exporter, gostatsd, etsy's statsd (flags and keys of its config),
 * bitly's statsdaemon, Datadog's agent (keys and flags), statsite, and some that daemons of any
 * kind have.
 *   thread   any (constant)
 */
#ifndef CONFIG_RIVALS_H
#define CONFIG_RIVALS_H

#include "config/options.h"

/* X(kind, placeholder): how the rival's value becomes ours; what is shown where none was given. */
#define RIVAL_VALUES(X)                                                                            \
    X(SWITCH, "")           /* takes none; in a file true or false */                              \
    X(TEXT, "VALUE")        /* as it is */                                                         \
    X(FILE, "FILE")         /* as it is */                                                         \
    X(ADDRESS, "HOST:PORT") /* ":9125" and "9125" mean every address */                            \
    X(WEB, "HOST:PORT")     /* the same; without a port it gets ours */                            \
    X(SECONDS, "10s")       /* a bare number is seconds */                                         \
    X(MILLIS, "10000ms")    /* a bare number is milliseconds */                                    \
    X(PERCENTS, "0.5,0.9")  /* 90 or 90,99: a hundredth of each */                                 \
    X(UNUSED, "")           /* takes one that means nothing here */

enum rival_value {
#define X(id, unknown) RIVAL_##id,
    RIVAL_VALUES(X)
#undef X
};

enum rival_server {
    RIVAL_STATSD_EXPORTER,
    RIVAL_GOSTATSD,
    RIVAL_ETSY,
    RIVAL_STATSDAEMON,
    RIVAL_DATADOG,
    RIVAL_STATSITE,
    RIVAL_ANY, /* names that several have, or might */
    RIVAL_SERVER_COUNT
};

struct rival {
    const char *name;
    enum rival_value takes;
    enum option_id option; /* of ours; OPTION_COUNT: none does it */
    const char *value;     /* what to write for it, '%' for the rival's value; without an option: on
                              the command line instead.  NULL: there is nothing to write */
    const char *reason;    /* why there is nothing to write; NULL where there is */
};

/* The table, a list for each server (rival_rows.c). */
struct rival_list {
    const struct rival *rows;
    size_t n;
};
extern const struct rival_list rival_lists[RIVAL_SERVER_COUNT];

/**
 * rival_find(name), rival_find_of(server, name):
 *   name     with or without leading dashes and "=value"; case does not matter, nor which of
 *            - _ . separates
 *   returns  the row, the first one of any server; NULL: there is none
 */
const struct rival *rival_find(struct slice name);
const struct rival *rival_find_of(enum rival_server server, struct slice name);

/* Whether a value belongs to the option: `--port 8125`, `--port=8125`. */
bool rival_takes_value(const struct rival *r);

/**
 * rival_value(r, value, out):
 * Append r->value with what was given in its place, translated where its form differs.  r has one.
 *   value    NULL: nothing was given
 */
void rival_value(const struct rival *r, const char *value, struct buf *out);

/* Append what to write here instead ("write --set listen.socket=udp://0.0.0.0:9125"), or why there
 * is nothing to write; value as above, escaped. */
void rival_answer(const struct rival *r, const char *value, struct buf *out);

/* returns  the option that does the same here; OPTION_COUNT: none */
enum option_id rival_option(struct slice name);

#endif
