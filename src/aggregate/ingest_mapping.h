/**
 * ingest_mapping: what the mapping makes of a spelling that a worker meets for the first time.
 * Private to aggregate/.
 *
 * A spelling that is dropped is remembered in the worker's table, so that a flood of it costs no
 * walk over the rules.  There are at most as many of these as there may be series; the rules are
 * asked again about each sample of any other.  They expire as cells do.
 *   thread   worker
 */
#ifndef AGGREGATE_INGEST_MAPPING_H
#define AGGREGATE_INGEST_MAPPING_H

#include <stdbool.h>
#include <stdint.h>

struct cell;
struct ingest;
struct sample;

/**
 * ingest_map(in, s, now_s, ret_profile):
 * s is a good sample of a spelling that the table does not know.
 *   returns  true, and the number of the series' profile; false: dropped, counted and remembered
 */
bool ingest_map(struct ingest *in, const struct sample *s, uint32_t now_s, uint8_t *ret_profile);

/* One more sample of a spelling that is remembered as dropped. */
void ingest_drop_again(struct ingest *in, struct cell *dropped, uint32_t now_s);

/* The sweep is at a spelling that is dropped.  true: it was idle and is gone */
bool ingest_expire_dropped(struct ingest *in, struct cell *dropped, uint64_t now_s);

#endif
