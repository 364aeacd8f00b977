#include "load.h"

#include <math.h>
#include <stdlib.h>

#include "base/mem.h"

struct local {
    struct senders *senders;
    struct tally *tally;
    const struct shape *shape;
    double duration_s;
};

static void local_end(void *local)
{
    struct local *l = local;
    senders_free(l->senders);
    tally_free(l->tally);
    free(l);
}

static int local_start(void *with, const struct sender_opts *o, const struct payload *payload,
                       void **ret)
{
    (void)with;
    struct local *l = mem_zalloc(sizeof *l);
    struct sender_opts opts = *o;
    l->tally = tally_new(payload, opts.threads);
    l->shape = opts.shape;
    l->duration_s = opts.duration_s;
    opts.block = payload_block(payload);
    opts.on_sent = tally_sent;
    opts.cookie = l->tally;
    int rc = senders_start(&opts, &l->senders);
    if (rc < 0) {
        local_end(l);
        return rc;
    }
    *ret = l;
    return 0;
}

static bool local_running(const void *local)
{
    return senders_running(((const struct local *)local)->senders);
}

static double local_elapsed_s(const void *local)
{
    return senders_elapsed_s(((const struct local *)local)->senders);
}

static double local_wished(const void *local, double at_s)
{
    const struct local *l = local;
    return l->shape != NULL ? shape_total(l->shape, fmin(at_s, l->duration_s)) : NAN;
}

static void local_totals(const void *local, struct tally_totals *ret)
{
    const struct local *l = local;
    tally_totals(l->tally, l->senders, ret);
}

static void local_stop(void *local)
{
    senders_stop(((struct local *)local)->senders);
}

static double local_join(void *local)
{
    struct local *l = local;
    senders_join(l->senders);
    return senders_lasted_s(l->senders);
}

static void local_settle(void *local)
{
    senders_settle(((struct local *)local)->senders);
}

const struct load_kind load_local = {
    .start = local_start,
    .running = local_running,
    .elapsed_s = local_elapsed_s,
    .wished = local_wished,
    .totals = local_totals,
    .stop = local_stop,
    .join = local_join,
    .settle = local_settle,
    .end = local_end,
};
