/**
 * opts: what a mirror is told, and what is wrong with it.
 *   thread   any
 */
#ifndef MIRROR_OPTS_H
#define MIRROR_OPTS_H

#include <stdbool.h>

#include "base/buf.h"
#include "mirror/share.h"
#include "protocol/parse_opts.h"
#include "send/target.h"

enum mirror_by { MIRROR_BY_SERIES, MIRROR_BY_DATAGRAM };

enum { MIRROR_TO_MAX = 192 };

struct mirror_opts {
    char to[MIRROR_TO_MAX]; /* a target (send/target.h); "": the mirror is off */
    struct mirror_share share;
    enum mirror_by by;
    struct parse_opts parse; /* hooks unused; what it points to outlives the mirror */
};

/* An address at which this server receives. */
struct mirror_own {
    bool stream;
    struct sockaddr_storage addr;
    socklen_t addr_len;
};

/**
 * mirror_to_check(to, own, n_own, why):
 * May this server mirror to that address?  A host name is not looked up: the mirror asks
 * mirror_is_own about what it finds.
 *   why      gets what is wrong and the remedy, for people
 *   returns  0; -EINVAL
 */
int mirror_to_check(const char *to, const struct mirror_own *own, size_t n_own, struct buf *why);

/* Does what is sent to t come to one of ours? */
bool mirror_is_own(const struct target *t, const struct mirror_own *own, size_t n_own);

#endif
