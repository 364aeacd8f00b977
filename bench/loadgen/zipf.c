#include "zipf.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>

#include "base/mem.h"

void zipf_init(struct zipf *z, uint32_t n, double skew)
{
    assert(n > 0 && skew >= 0);
    z->n = n;
    z->keep = mem_alloc(n * sizeof *z->keep);
    z->alias = mem_alloc(n * sizeof *z->alias);
    double sum = 0;
    for (uint32_t i = 0; i < n; i++)
        sum += z->keep[i] = pow((double)i + 1, -skew);

    /* Columns below the mean are filled up by those above it, each column from one donor only. */
    uint32_t *small = mem_alloc(n * sizeof *small), *large = mem_alloc(n * sizeof *large);
    uint32_t n_small = 0, n_large = 0;
    for (uint32_t i = 0; i < n; i++) {
        z->keep[i] *= (double)n / sum;
        z->alias[i] = i;
        if (z->keep[i] < 1)
            small[n_small++] = i;
        else
            large[n_large++] = i;
    }
    while (n_small > 0 && n_large > 0) {
        uint32_t s = small[--n_small], l = large[n_large - 1];
        z->alias[s] = l;
        z->keep[l] -= 1 - z->keep[s];
        if (z->keep[l] < 1) {
            n_large--;
            small[n_small++] = l;
        }
    }
    /* What is left differs from 1 by rounding only. */
    while (n_small > 0)
        z->keep[small[--n_small]] = 1;
    free(small);
    free(large);
}

void zipf_release(struct zipf *z)
{
    free(z->keep);
    free(z->alias);
    *z = (struct zipf){ 0 };
}

uint32_t zipf_draw(const struct zipf *z, struct rng *r)
{
    uint32_t i = (uint32_t)rng_below(r, z->n);
    return rng_unit(r) < z->keep[i] ? i : z->alias[i];
}
