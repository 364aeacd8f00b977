#include "aggregate/ingest_priv.h"
#include "aggregate/kind.h"

/* Does /metrics have a place for it?  By a decrement no counter changes there. */
static bool has_place(const struct ingest *in, const struct cell *c, double value)
{
    const struct profile *p = profiles_at(in->now.profiles, c->profile);
    return kind_of(cell_type(c)) == SERIES_COUNTER ? value * p->scale >= 0 : p->histogram;
}

void ingest_exemplars(struct ingest *in, const struct batch *b, uint32_t at, uint32_t n)
{
    assert(in->opts.exemplars && n <= INGEST_BATCH_MAX);
    for (uint32_t i = 0; i < n; i++) {
        const struct sample *s = &b->samples[at + i];
        const struct cell *c = in->found[i];
        if (!(s->flags & SAMPLE_EXEMPLAR) || c == NULL)
            continue;
        /* Of several values, the last: all of them came with it. */
        double value = s->more_n > 0 ? b->values[s->more_at + s->more_n - 1] : s->value;
        if (!has_place(in, c, value))
            continue;
        if (!exemplars_put(&in->page->exemplars, c, s->exemplar, value, in->batch_ns))
            in->stats.v[INGEST_EXEMPLARS_REFUSED]++;
    }
}
