/**
 * capture_view: what the API asks of captures, and shows of them; the daemon fills it in.
 *   thread   control
 */
#ifndef API_CAPTURE_VIEW_H
#define API_CAPTURE_VIEW_H

#include <stdbool.h>
#include <stdint.h>

struct api_capture_view {
    const char *state;       /* off, starting (its first file is being made), on, stopping (the last
                                one is being finished), stopped */
    const char *why;         /* it stopped by itself; NULL: it did not */
    const char *dir;         /* NULL: capture.dir is not set */
    const char *file;        /* that is being written, or was last; NULL: none was */
    double share;            /* of this capture, as all that follows, or of the last one, also while
                                the next one is starting */
    int64_t until_ms;        /* 0: it has no end */
    uint64_t packets, bytes; /* written */
    uint64_t dropped;        /* packets */
    uint64_t files;          /* in the folder */
};

struct api_capture_ask {
    double share;       /* above 0, at most 1; 0: as configured */
    uint64_t seconds;   /* 0: no end */
    uint64_t max_bytes; /* 0: as configured */
};

struct api_capture {
    void (*show)(const void *cookie, struct api_capture_view *ret); /* texts live for the answer */
    /* returns  0, with its number: it is starting; -errno with *ret_why for people (static): it
     *          does not begin */
    int (*start)(void *cookie, const struct api_capture_ask *ask, uint64_t *ret_number,
                 const char **ret_why);
    /* What became of it: -EAGAIN while it is starting; then as start. */
    int (*started)(const void *cookie, uint64_t number, const char **ret_why);
    void (*stop)(void *cookie); /* nothing happens where none runs */
    void *cookie;
};

#endif
