/**
 * deleted: the series that were deleted while cells of workers still point to them, told to the
 * workers so that they drop those cells.
 *
 *     control    registry_take_deleted -> ingest_forget of every worker, once each is through with
 *                what was deleted before (deleted_alone)
 *     worker     ingest_turn: cells of such series leave the table, as idle ones do (ingest.h)
 *
 * A Bloom filter (B. Bloom: "Space/Time Trade-offs in Hash Tables with Allowable Errors", 1970) of
 * the series' addresses: 1 MiB however many there are.  Of a million, one cell in twenty of another
 * series goes along with them.  That is harmless: the next sample of its spelling is as at first
 * sight.
 *
 *   thread   filled by control, and not changed any more once it is given away
 */
#ifndef AGGREGATE_DELETED_H
#define AGGREGATE_DELETED_H

#include <stdbool.h>

struct deleted;

/* Empty, with one reference. */
struct deleted *deleted_new(void);

void deleted_add(struct deleted *d, const void *series);

/* returns  false: that series was not added */
bool deleted_may(const struct deleted *d, const void *series);

struct deleted *deleted_ref(struct deleted *d); /* returns d */
void deleted_unref(struct deleted *d);          /* NULL is fine */

/* The caller's reference is the only one. */
bool deleted_alone(const struct deleted *d);

#endif
