/**
 * takeover: what both ends of a takeover (giver.h, taker.h) speak of.
 */
#ifndef TAKEOVER_TAKEOVER_H
#define TAKEOVER_TAKEOVER_H

#include <stddef.h>
#include <stdint.h>

#include "base/slice.h"

enum {
    TAKEOVER_FDS_MAX = 8192,  /* of one offer */
    TAKEOVER_WANTED_MAX = 253 /* listeners that a HELLO names */
};

/* How long to wait at most, ms.  0: the default. */
struct takeover_deadlines {
    uint32_t hello_ms;    /* old: from the connection to HELLO; new: to all descriptors.  5 s */
    uint32_t prepared_ms; /* old: from HELLO to PREPARED; new: from PREPARED to the state.  30 s */
    uint32_t byte_ms;     /* old: from the byte in the pipe to the end of the link.  5 s */
};

struct takeover_fd {
    const char *name;
    int fd;
};

struct takeover_hello {
    uint32_t state_version;     /* of the states that the new one reads */
    struct slice version;       /* its own */
    const struct slice *wanted; /* listeners of its configuration, n_wanted of them */
    size_t n_wanted;
};

struct takeover_offer {
    const struct takeover_fd *fds;
    size_t n; /* beyond TAKEOVER_FDS_MAX it is refused */
};

#endif
