#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "fleet.h"

enum { VARIANTS = 16, SCHEMA = 5, SAMPLES_A_BUCKET = 3, TAGS_A_NAME = 50, FIRST_BUCKET = 160 };

struct fleet_load {
    struct fleet_plan plan;
    struct sketch timers[VARIANTS];
    struct members set;
    struct buf key, member;
};

/* Buckets side by side; no two variants begin at the same one. */
static void fill_timer(struct sketch *k, uint32_t variant, uint32_t buckets)
{
    sketch_init(k, SCHEMA);
    for (uint32_t i = 0; i < buckets; i++) {
        double v = sketch_middle(SCHEMA, (int32_t)(FIRST_BUCKET + variant + i));
        for (uint32_t n = 0; n < SAMPLES_A_BUCKET; n++)
            (void)sketch_add(k, v, 1);
    }
}

struct fleet_load *fleet_load_new(const struct fleet_plan *plan)
{
    struct fleet_load *l = mem_zalloc(sizeof *l);
    l->plan = *plan;
    sketch_setup();
    for (uint32_t i = 0; i < VARIANTS; i++)
        fill_timer(&l->timers[i], i, plan->buckets);
    return l;
}

void fleet_load_free(struct fleet_load *l)
{
    for (uint32_t i = 0; i < VARIANTS; i++)
        sketch_release(&l->timers[i]);
    members_release(&l->set);
    buf_release(&l->key);
    buf_release(&l->member);
    free(l);
}

static enum series_kind kind_of(const struct fleet_plan *p, uint32_t nth)
{
    uint32_t at = nth * 37 % 100; /* all kinds all over */
    for (uint32_t k = 0; k + 1 < SERIES_KIND_COUNT; k++) {
        if (at < p->part[k])
            return (enum series_kind)k;
        at -= p->part[k];
    }
    return SERIES_KIND_COUNT - 1;
}

void fleet_load_member(uint32_t nth, uint32_t i, struct buf *out)
{
    buf_clear(out);
    buf_printf(out, "user-%u", nth * 7 + i * 131);
}

static const struct members *set_of(struct fleet_load *l, uint32_t nth)
{
    members_clear(&l->set);
    for (uint32_t i = 0; i < l->plan.members; i++) {
        fleet_load_member(nth, i, &l->member);
        (void)members_add(&l->set, members_hash(buf_slice(&l->member)));
    }
    return &l->set;
}

/* 59 or 60 bytes, as a metric of three tags has; those that are not shared have the instance in
 * the middle one. */
static void spell(struct fleet_load *l, uint32_t instance, uint32_t nth)
{
    bool own = nth * 53 % 100 >= l->plan.shared;
    buf_clear(&l->key);
    buf_printf(&l->key, "shop.service%05u.requests|#env:prod,host:web-%04u,route:r%03u",
               nth / TAGS_A_NAME, own ? instance + 1 : 0, nth % TAGS_A_NAME);
}

void fleet_load_series(struct fleet_load *l, uint32_t instance, uint32_t nth, int64_t start_s,
                       struct closed_series *ret)
{
    spell(l, instance, nth);
    *ret = (struct closed_series){ .key = buf_slice(&l->key), .kind = kind_of(&l->plan, nth) };
    const char *bar = memchr(l->key.ptr, '|', l->key.len);
    ret->name = (struct slice){ l->key.ptr, (size_t)(bar - l->key.ptr) };
    switch (ret->kind) {
    case SERIES_COUNTER:
        ret->counter = (double)(nth % 997 + 1);
        break;
    case SERIES_GAUGE:
        ret->gauge = (struct gauge_change){ .absolute = true,
                                            .value = (double)((nth + instance) % 1000) / 4,
                                            .stamp_ms = start_s * 1000 + 9000 };
        break;
    case SERIES_TIMER:
        ret->timer = &l->timers[(nth + instance) % VARIANTS];
        break;
    case SERIES_SET:
        ret->set = set_of(l, nth);
        break;
    case SERIES_KIND_COUNT:
        assert(!"a kind of no series");
    }
}
