/**
 * render: what /metrics shows, written by a writer: the registry along a walk, and the server's own
 * counters.
 *
 *     render_begin(&r, writer, registry);
 *     while (render_some(&r, now_ns, enough, &piece))
 *         ...                       merges and expiries may come in here
 *     render_end(&r);
 *
 *   thread   control
 */
#ifndef EXPOSE_RENDER_H
#define EXPOSE_RENDER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "aggregate/registry.h"
#include "aggregate/registry_walk.h"
#include "base/buf.h"
#include "base/counters.h"
#include "expose/writer.h"

/* One rendering under way. */
struct render {
    struct writer *writer;
    struct registry_walk walk;
    struct writer_family family; /* at hand */
    bool heads;                  /* they are written */
    bool head_due;               /* its head is written with its first line */
    struct buf labels;           /* of the exposed at hand */
};

/* writer and registry are borrowed until render_end. */
void render_begin(struct render *r, struct writer *w, struct registry *registry);
void render_end(struct render *r);

/**
 * render_some(r, now_ns, enough, out):
 * Append metrics until out holds `enough` bytes.  Families are sorted by name, each line is unique;
 * all lines of one exposed are of one moment and of one piece, unless its family has parts.  A
 * family of which nothing is to be shown yet has no head.
 *   returns  false: that was the last
 */
bool render_some(struct render *r, uint64_t now_ns, size_t enough, struct buf *out);

/* Append everything at once. */
void render_all(struct writer *w, struct registry *registry, uint64_t now_ns, struct buf *out);

/* The lines of all families without their heads, as `statsd explain` shows them. */
void render_lines(struct writer *w, struct registry *registry, uint64_t now_ns, struct buf *out);

/**
 * render_counters(w, sources, n, out):
 * Append every row of every source: its head, then its lines.  A row without lines keeps its head;
 * a source that is turned off has nothing.  What would end a label's value is escaped.
 */
void render_counters(struct writer *w, const struct counter_source *sources, size_t n,
                     struct buf *out);

#endif
