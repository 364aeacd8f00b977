#include "api/timeline.h"

#include <stdio.h>

void timeline_add_flush(struct timeline *t, const struct timeline_flush *f)
{
    t->flushes[t->n_flushes++ % TIMELINE_MAX] = *f;
}

void timeline_add_redis(struct timeline *t, double at_s, const char *what, const char *text)
{
    struct timeline_redis *r = &t->redis[t->n_redis++ % TIMELINE_MAX];
    r->at_s = at_s;
    r->what = what;
    snprintf(r->text, sizeof r->text, "%s", text);
}

void timeline_add_drop(struct timeline *t, double at_s, const char *addr, uint64_t dropped)
{
    struct timeline_drop *d = &t->drops[t->n_drops++ % TIMELINE_MAX];
    d->at_s = at_s;
    d->dropped = dropped;
    snprintf(d->addr, sizeof d->addr, "%s", addr);
}
