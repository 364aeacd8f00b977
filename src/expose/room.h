/**
 * room: which page has to go when there are too many.  Pure.
 *
 * A page is one rendering of /metrics with all who read it together, from several addresses
 * perhaps.  Each reader's weight is
 *
 *     the time for which it has read nothing  x  the number of pages its address reads
 *
 * and a page weighs as much as its lightest reader.  The heaviest page goes.  So nobody who reads
 * on is in danger because of clients that do not, and who opens many pages has to read each of them
 * the more often.
 *
 * A page stays whatever the others weigh if one of its readers reads: it weighs less than least_ns,
 * and has read in the second half of its time (as clients that do not read have not: they are given
 * what the kernel takes for them, and that is all).  One exception: an address that reads more than
 * half of all pages makes room for another address even so.
 */
#ifndef EXPOSE_ROOM_H
#define EXPOSE_ROOM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct room_reader {
    size_t page;  /* 0 .. n_pages - 1 */
    uint64_t who; /* its address */
    uint64_t quiet_ns, age_ns;
};

struct room {
    struct room_reader *readers; /* of all pages, in any order; sorted here */
    size_t n;
    uint64_t least_ns;  /* a lighter reader may be one that reads */
    const bool *may_go; /* [n_pages]; one that may not still counts for its addresses */
    size_t n_pages;
    const uint64_t *newcomers; /* addresses that room is wanted for */
    size_t n_newcomers;
};

/* returns  false: none has to go */
bool room_worst(const struct room *room, size_t *ret_page);

#endif
