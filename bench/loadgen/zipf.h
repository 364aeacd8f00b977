/**
 * zipf: draw ranks 0 .. n - 1 with weight 1 / (rank + 1)^skew.
 *
 * Skew 0 is uniform; 1 is the classic law of a few busy series and a long tail.  Alias method
 * (Walker 1977, Vose 1991): one table of n rows, a draw costs one random number and at most two
 * reads whatever n is.
 *   thread   read-only after zipf_init
 */
#ifndef LOADGEN_ZIPF_H
#define LOADGEN_ZIPF_H

#include <stdint.h>

#include "rng.h"

struct zipf {
    uint32_t n;
    double *keep;    /* chance that a draw of column i stays i */
    uint32_t *alias; /* where it goes otherwise */
};

void zipf_init(struct zipf *z, uint32_t n, double skew); /* n > 0, skew >= 0 */
void zipf_release(struct zipf *z);
uint32_t zipf_draw(const struct zipf *z, struct rng *r);

#endif
