/**
 * redis_bale_parts: what a batch has in it that stands for a bale (bale.h).
 *   thread   the ledger's owner
 */
#ifndef SINKS_REDIS_BALE_PARTS_H
#define SINKS_REDIS_BALE_PARTS_H

#include <stdint.h>

#include "sinks/redis/spool_file.h"

struct redis_producer;

struct redis_bale {
    char *bytes; /* NULL: in the file */
    uint32_t len, raw_len;
    uint32_t batches;
    char token[17];               /* of the interval */
    struct spool_place at;        /* len 0: in memory */
    struct redis_producer *start; /* NULL: they have no numbers */
};

#endif
