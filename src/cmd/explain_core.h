/**
 * explain_core: datagrams through a lane, as in the server's workers, with all kept that they said.
 *
 *     explain_core_new(config, &x);
 *     explain_core_datagram(x, bytes, n, truncated);  ...  read x->samples, x->errors, ...  explain_core_clear(x);
 *     explain_core_exposition(x, &lines);
 *     explain_core_free(x);
 */
#ifndef CMD_EXPLAIN_CORE_H
#define CMD_EXPLAIN_CORE_H

#include <jansson.h>

#include "config/config.h"
#include "protocol/parse.h"
#include "protocol/sample.h"

struct explain_error {
    enum reason reason;
    char *line;              /* owned copy of the line as received; NULL: the error is of no line */
    size_t len, at;          /* bytes; where it went wrong, SIZE_MAX: nowhere in particular */
};

/* Samples that are right by themselves and were yet refused. */
struct explain_refused {
    uint64_t no_room;        /* past limits.max_series */
    uint64_t not_finite;     /* at least one value would have made a sum infinite */
};

struct explain_machine;
struct off_page_note;

struct explain_core {
    const struct config *config;         /* borrowed */
    json_t *samples, *events, *checks;   /* arrays of objects, as in tests/conformance/protocol.jsonl */
    struct explain_error *errors;
    size_t n_errors, cap_errors;
    uint64_t tag_errors, unknown_fields;
    json_t *counters;                    /* of all datagrams, by series: {"name", "tags", "down": sum of decrements,
                                          * "up": whether there was an increment} */
    struct explain_machine *machine;     /* explain_core.c's own */
};

/* c is borrowed.  Memory that cannot be had aborts, as everywhere in app/. */
struct explain_core *explain_core_new(const struct config *c);
void explain_core_free(struct explain_core *x);

/* Adds to what x holds.  len at most DATAGRAM_MAX. */
void explain_core_datagram(struct explain_core *x, const char *ptr, size_t len, bool truncated);

/* An error outside of datagrams, such as of a stream's framing. */
void explain_core_error(struct explain_core *x, enum reason r);

/* Forget samples, events, checks, errors; the aggregation stays. */
void explain_core_clear(struct explain_core *x);

/* Close the interval; append the lines of /metrics for all datagrams since the start, sorted, joined by LF. */
void explain_core_exposition(struct explain_core *x, struct buf *out);

/* As of the last explain_core_exposition: what the page leaves out and why; what was refused. */
const struct off_page_note *const *explain_core_off_page(const struct explain_core *x, size_t *ret_n);
struct explain_refused explain_core_refused(const struct explain_core *x);

/* "accept", "event", "service_check", "reject" or "ignore". */
const char *explain_core_expect(const struct explain_core *x);

#endif
