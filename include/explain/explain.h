/**
 * explain: how datagrams are understood, as `statsd explain` and /api/v1/explain say it.
 *
 *     struct explain *e = explain_new(config, mapping, EXPLAIN_JSON);
 *     explain_datagram(e, bytes, false);            once or more; or a stream:
 *     explain_stream_begin(e, FRAMING_LINE);
 *     explain_stream_push(e, bytes);                as often as there are bytes
 *     explain_stream_end(e);
 *     wrong = explain_finish(e, &out);
 *     explain_free(e);
 *
 * What is found is explain_core's, how it is shown to people explain_text's.  JSON is of all
 * datagrams as a whole, the text line by line, each with what it says.
 *
 *   thread   one        cost   a lane and a registry of its own, freed with it
 */
#ifndef EXPLAIN_EXPLAIN_H
#define EXPLAIN_EXPLAIN_H

#include <stdbool.h>

#include "base/buf.h"
#include "config/config.h"
#include "core/core_mapping.h"
#include "protocol/framing.h"

struct explain;

enum explain_form { EXPLAIN_TEXT, EXPLAIN_JSON };

/* Both are borrowed.  Aborts without memory, as base/mem.h does. */
struct explain *explain_new(const struct config *c, const struct core_mapping *m,
                            enum explain_form form);
void explain_free(struct explain *e); /* NULL is fine */

/* At most DATAGRAM_MAX bytes are read, of longer ones as if the kernel had cut them there.
 * truncated: the kernel did cut it. */
void explain_datagram(struct explain *e, struct slice datagram, bool truncated);

/* Errors of framing are told where they come up.  push returns  false: the stream is broken, and
 * more bytes tell nothing. */
void explain_stream_begin(struct explain *e, enum framing_kind kind);
bool explain_stream_push(struct explain *e, struct slice bytes);
void explain_stream_end(struct explain *e);

/**
 * explain_finish(e, out):
 * Append what was found, with the sums and what /metrics would show.  Once.
 *   returns  false: something was wrong with the input
 */
bool explain_finish(struct explain *e, struct buf *out);

#endif
