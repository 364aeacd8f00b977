/**
 * explain: how datagrams are understood, as `statsd explain` and /api/v1/explain say it.
 *
 *     struct explain *e = explain_new(config, mapping, EXPLAIN_JSON, &explain_all);
 *     explain_datagram(e, bytes, false);            or a stream:
 *     explain_stream_begin(e, FRAMING_LINE);
 *     explain_stream_push(e, bytes);                as often as there are bytes
 *     explain_stream_end(e);
 *     while (explain_some(e))                       after each of these three
 *         ...
 *     while (explain_close(e))
 *         ...
 *     wrong = explain_finish(e, &out);
 *     explain_free(e);
 *
 * What is found is explain_core's, how it is shown to people explain_text's.  Both go line by line,
 * so that whoever has other things to do does them in between.
 *
 *   thread   one        cost   a lane and a registry of its own, freed with it
 */
#ifndef EXPLAIN_EXPLAIN_H
#define EXPLAIN_EXPLAIN_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "config/config.h"
#include "core/core_mapping.h"
#include "protocol/framing.h"

struct explain;

enum explain_form {
    EXPLAIN_TEXT,
    EXPLAIN_JSON,
    EXPLAIN_JSON_WITH_TEXT /* as its last member, "text" */
};

/* What is left out for them is said. */
struct explain_bounds {
    /*
     * Of the answer, from 512 KiB on for 16 KiB of input.  Five eighths are for lines: those
     * after are not read.  A line brings a quarter at most, its own text included: what is found
     * in it after that is counted, but not kept.  The rest is for what is said of all of them,
     * most of it for /metrics.
     */
    size_t bytes;
    size_t near_looks; /* at rules, for near misses: see explain_core_new */
};

extern const struct explain_bounds explain_all; /* no bounds */

/* c and m are borrowed, b is copied.  Aborts without memory, as base/mem.h does. */
struct explain *explain_new(const struct config *c, const struct core_mapping *m,
                            enum explain_form form, const struct explain_bounds *b);
void explain_free(struct explain *e); /* NULL is fine */

/**
 * explain_some(e):
 * Look at the next line, or do a part of what has to be done before.
 *   returns  true: there is more
 *   cost     a line: some 10 us for a short one, and a look at each rule of the mapping file; with
 *            bounds as much as a quarter of the answer takes to write, some ms
 */
bool explain_some(struct explain *e);

/* Copied.  At most DATAGRAM_MAX bytes are read, of longer ones as if the kernel had cut them there.
 * truncated: the kernel did cut it. */
void explain_datagram(struct explain *e, struct slice datagram, bool truncated);

/* Errors of framing are told where they come up.  push returns  false: the stream is broken, and
 * more bytes tell nothing. */
void explain_stream_begin(struct explain *e, enum framing_kind kind);
bool explain_stream_push(struct explain *e, struct slice bytes);
void explain_stream_end(struct explain *e);

/* No lines any more: find out what /metrics would show.  returns  true: there is more */
bool explain_close(struct explain *e);

/**
 * explain_finish(e, out):
 * Append what was found, with the sums and what /metrics would show.  Once; does what explain_some
 * and explain_close would do.
 *   returns  false: something was wrong with the input
 */
bool explain_finish(struct explain *e, struct buf *out);

#endif
