/**
 * sources: what the API's answers are made of.  The daemon fills it, so that the API knows none of
 * the rooms in which these things live.
 *
 *   thread   all is borrowed, and read or called on the control thread alone
 */
#ifndef API_SOURCES_H
#define API_SOURCES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "aggregate/event_log.h"
#include "api/capture_view.h"
#include "api/history.h"
#include "api/timeline.h"
#include "base/buf.h"
#include "base/slice.h"

/* Counters are since the start; those of workers and sockets as of the last page turn. */
struct api_listener {
    const char *url, *proto, *addr; /* url is as in statsd_socket_*{socket=""} */
    uint64_t datagrams, bytes, kernel_dropped, receive_buffer_bytes;
    uint64_t connections; /* open now */
};

struct api_worker {
    uint64_t datagrams, bytes, lines;
    double cpu_s;
};

struct api_redis {
    const char *state; /* connected, connecting, lost; static */
    uint64_t applied_series, dropped_series, spool_bytes, spool_batches;
    double lag_s; /* how long the oldest interval has been waiting */
};

struct api_mirror {
    const char *to, *by, *state; /* as in mirror.to, mirror.by and statsd_mirror_state */
    double share;
    uint64_t sent_datagrams, sent_lines, dropped_datagrams;
};

struct api_option {
    char *name, *value; /* section.key; secrets are *** */
};

struct api_about {
    const char *version, *instance, *state;
    const char *config_file; /* NULL: none */
    const struct api_option *options;
    size_t n_options;
    int64_t pid;
    double started_s, interval_s;
    const struct api_listener *listeners;
    size_t n_listeners;
    const struct api_worker *workers;
    size_t n_workers;
    uint64_t series, exposed, max_series;
    const struct api_redis *redis;   /* NULL: off */
    const struct api_mirror *mirror; /* the same */
    uint64_t streams_open, streams_max;
};

struct api_count {
    const char *name; /* static */
    uint64_t n;
};

enum { API_COUNTS_MAX = 128 };

/*
 * Where everything is that was received.  Lines are counted by what is in them: a line of several
 * samples as so many, so that the sums are exact.
 */
struct api_conservation {
    uint64_t kernel_dropped, datagrams;
    uint64_t samples_read, aggregated, events, checks, rejected, refused, dropped;
    /* Each by its reason. */
    struct api_count rejected_by[API_COUNTS_MAX], refused_by[8], dropped_by[8];
    size_t n_rejected_by, n_refused_by, n_dropped_by;
};

enum api_framing { API_FRAMING_DATAGRAM, API_FRAMING_LINE, API_FRAMING_DSD };

/* What `statsd explain` says of a datagram, made a line at a time.  One is at work at a time. */
struct api_explain {
    /*
     * datagram is copied: its request may end first.  The answer has `most` bytes at most.
     * returns  NULL: another one is at work
     */
    void *(*begin)(void *server, struct slice datagram, enum api_framing framing, size_t most);
    /*
     * A line, or as much of something else: some 10 to 100 us; some ms for a line of thousands of
     * samples or errors, of which those past a quarter of the answer are only counted.
     * returns  true: there is more to do; false: an object with the text for people as its last
     *          member, and a line end, have been appended to out
     */
    bool (*some)(void *explaining, struct buf *out);
    void (*end)(void *explaining); /* at any time after begin */
};

struct registry;
struct reject_board;
struct top;

/*
 * A part that is NULL is off: what is asked of it is answered with null, or with an empty list.
 * Each function is called with `server`.
 */
struct api_sources {
    bool lifecycle; /* http.lifecycle: what changes something is allowed */
    const struct event_log *events;
    const struct history *history;
    const struct timeline *timeline;
    struct registry *registry;
    const struct top *top;
    const struct reject_board *rejects;
    void *server;
    /* What ret points to is valid until the next call. */
    void (*status)(void *server, struct api_about *ret);
    void (*conservation)(void *server, struct api_conservation *ret);
    struct api_explain explain;
    const struct api_capture *capture;
};

#endif
