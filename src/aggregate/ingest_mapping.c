/*
 * What the mapping makes of a spelling that a worker meets for the first time.
 *
 * A spelling that is dropped is remembered in the worker's table, so that a flood of it costs no
 * walk over the rules.  There are at most as many of these as there may be series; the rules are
 * asked again about each sample of any other.  They expire as cells do.
 */
#include "aggregate/ingest_priv.h"
#include "aggregate/mapping.h"

/* A dropped cell is listed by no page, so its counts of samples are free: the first is the why. */
static void set_why(struct cell *c, enum ingest_drop why)
{
    c->samples[0] = why;
}

static enum ingest_drop why(const struct cell *c)
{
    assert(cell_type(c) == CELL_DROPPED && c->samples[0] < INGEST_DROP_COUNT);
    return (enum ingest_drop)c->samples[0];
}

/* Without memory it is not remembered. */
static void remember(struct ingest *in, const struct sample *s, const struct mapping_rule *rule,
                     enum ingest_drop reason, uint32_t now_s)
{
    if (in->now.n_dropped >= in->opts.limit->max || table_reserve(&in->now.table) < 0)
        return;
    struct cell *c = cells_dropped_new(&in->now.cells, rule->profile);
    if (c == NULL)
        return;
    c->check = s->hash.hi;
    c->last_s = now_s;
    set_why(c, reason);
    table_put(&in->now.table, s->hash, c);
    in->now.n_dropped++;
}

static bool find(struct ingest *in, const struct sample *s, struct mapping_match *ret)
{
    const uint64_t before = mapping_limit_hits(in->now.scratch);
    bool found = mapping_find(in->now.mapping, in->now.scratch, slice_of(s->name, s->name_len),
                              mapping_class_of((enum sample_type)s->type), ret);
    in->stats.v[INGEST_REGEX_LIMITS] += mapping_limit_hits(in->now.scratch) - before;
    return found;
}

bool ingest_map(struct ingest *in, const struct sample *s, uint32_t now_s, uint8_t *ret_profile)
{
    struct mapping_match match;
    *ret_profile = 0;
    if (in->now.mapping == NULL || !find(in, s, &match))
        return true;
    *ret_profile = match.rule->profile;
    if (!match.rule->drop && !mapping_name_is_empty(&match))
        return true;
    enum ingest_drop reason = match.rule->drop ? INGEST_DROP_RULE : INGEST_DROP_EMPTY_NAME;
    in->stats.dropped[reason]++;
    remember(in, s, match.rule, reason, now_s);
    return false;
}

void ingest_drop_again(struct ingest *in, struct cell *dropped, uint32_t now_s)
{
    dropped->last_s = now_s;
    in->stats.dropped[why(dropped)]++;
}

bool ingest_expire_dropped(struct ingest *in, struct cell *dropped, uint64_t now_s)
{
    assert(cell_type(dropped) == CELL_DROPPED && in->now.n_dropped > 0);
    if (!ingest_is_idle(in, dropped, now_s))
        return false;
    table_remove_at(&in->now.table, in->expire_at);
    cells_dropped_free(&in->now.cells, dropped);
    in->now.n_dropped--;
    return true;
}
