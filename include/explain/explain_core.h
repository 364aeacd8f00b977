/**
 * explain_core: datagrams go through a lane, as in the server's workers, and everything that was in
 * them is kept as JSON: samples, events, service checks, errors.
 *
 *     struct explain_core *x = explain_core_new(config, mapping, SIZE_MAX);
 *     explain_core_datagram(x, bytes, n, truncated);   once or more, then read x->samples, ...
 *     explain_core_clear(x);                           and so on with the next ones
 *     explain_core_exposition(x, &lines);              of all datagrams since explain_core_new
 *     explain_core_free(x);
 *
 *   thread   one
 */
#ifndef EXPLAIN_CORE_H
#define EXPLAIN_CORE_H

#include "config/config.h"
#include "core/core_mapping.h"
#include "explain/explain_found.h"

/* How many samples were valid by themselves, but refused by the aggregation. */
struct explain_refused {
    uint64_t no_room;    /* past limits.max_series, or no memory */
    uint64_t not_finite; /* at least one value would have made a sum infinite */
    uint64_t marks;      /* of mirrors: they get no series */
};

struct off_page_note;

/**
 * explain_core_new(c, mapping, near_looks):
 * c and mapping are borrowed.  Aborts without memory, as base/mem.h does.
 *   near_looks  how many looks at rules the search for near misses may take (explain_rule.h); of
 *               names beyond that there are none
 */
struct explain_core *explain_core_new(const struct config *c, const struct core_mapping *mapping,
                                      size_t near_looks);
void explain_core_free(struct explain_core *x);

/* What has to be done before the first datagram, some 50 us of it; explain_core_datagram does what
 * is left.  returns  true: there is more */
bool explain_core_prepare(struct explain_core *x);

/* Read a datagram and add to what x holds.  len at most DATAGRAM_MAX; truncated: the kernel cut
 * it. */
void explain_core_datagram(struct explain_core *x, const char *ptr, size_t len, bool truncated);

/**
 * explain_core_allow(x, bytes, teller):
 * Before a datagram: how many bytes what is found in it may have in an answer with JSON and text;
 * what goes past it is aggregated and counted (x->left_out), but not kept.  Before the first call
 * all is kept.
 *   teller   of the text, borrowed
 */
void explain_core_allow(struct explain_core *x, size_t bytes, const struct explain_teller *teller);

/* An error outside of datagrams, such as of a stream's framing. */
void explain_core_error(struct explain_core *x, enum reason r);

/* Forget samples, events, checks, errors; the aggregation stays. */
void explain_core_clear(struct explain_core *x);

/**
 * explain_core_close(x, most):
 * Close the interval and write what /metrics shows of all datagrams so far, some at a time.
 *   most     bytes that the lines may have as a string of JSON; those after are left out
 *   returns  true: call again
 */
bool explain_core_close(struct explain_core *x, size_t most);

/* Append the lines, sorted, joined by LF; closes what is not closed.  returns  false: some are left
 * out */
bool explain_core_exposition(struct explain_core *x, struct buf *out);

/* Closed: what /metrics leaves out and why; what was refused. */
const struct off_page_note *const *explain_core_off_page(const struct explain_core *x,
                                                         size_t *ret_n);
struct explain_refused explain_core_refused(const struct explain_core *x);

/* Samples whose near misses were not looked for. */
uint64_t explain_core_near_left_out(const struct explain_core *x);

#endif
