/*
 * May a new family stand under its name?
 *
 *   claim_name
 *     makes_reserved   one of its lines would have a name that Prometheus makes itself: never
 *     rival_at         the families it would share a line's name with: the one of that name, those named like its
 *                      `_sum`, `_count`, `_bucket`, and the one that makes the name as such a line
 *     is_idle          one rival is not: keep_off counts the samples and tells the name
 *     give_way         all are: their series leave /metrics
 */
#include <string.h>

#include "aggregate/naming.h"
#include "aggregate/registry_priv.h"

static const struct {
    const char *suffix;
    bool summary, histogram;   /* who makes lines of that name */
} made[] = {
    { "_sum", true, true },
    { "_count", true, true },
    { "_bucket", false, true },
};

static bool makes(enum family_type type, size_t i)
{
    return (type == FAMILY_SUMMARY && made[i].summary) || (type == FAMILY_HISTOGRAM && made[i].histogram);
}

static struct slice join(struct registry *r, struct slice base, const char *suffix)
{
    buf_clear(&r->text);
    buf_append_slice(&r->text, base);
    buf_append_str(&r->text, suffix);
    return buf_slice(&r->text);
}

/* Would one of the lines have a name that Prometheus makes itself?  *ret is that name, in r->text or the name given. */
static bool makes_reserved(struct registry *r, struct slice name, enum family_type type, struct slice *ret)
{
    *ret = name;
    if (naming_prometheus_makes(name))
        return true;
    for (size_t i = 0; i < ARRAY_LEN(made); i++) {
        if (!makes(type, i))
            continue;
        *ret = join(r, name, made[i].suffix);
        if (naming_prometheus_makes(*ret))
            return true;
    }
    return false;
}

/* ---- rivals ---- */

enum { N_MADE = ARRAY_LEN(made), RIVALS = 1 + 2 * N_MADE };

/* The families that one of that name and type would meet: the i-th of RIVALS places, mostly NULL. */
static struct family *rival_at(struct registry *r, const struct claim *c, size_t i)
{
    if (i == 0)
        return family_find(r, c->name);
    size_t m = (i - 1) % N_MADE, n = strlen(made[m].suffix);
    if (i <= N_MADE)
        return makes(c->type, m) ? family_find(r, join(r, c->name, made[m].suffix)) : NULL;
    if (c->name.len == n || !slice_ends(c->name, slice_str(made[m].suffix)))
        return NULL;
    struct family *base = family_find(r, slice_of(c->name.ptr, c->name.len - n));
    return base != NULL && makes(base->type, m) ? base : NULL;
}

/*
 * Has no series of the family had a sample for type_idle?  Keeping the time of a family's last sample would cost each
 * merge a cache miss.  So the series are searched until one is found that keeps the family busy for at least half of
 * type_idle, and not again before the time that the search found.
 */
static bool is_idle(const struct registry *r, struct family *f, uint64_t now_s)
{
    uint64_t idle_s = r->opts.type_idle_s, until_s = 0;
    if (idle_s == 0 || f->type == FAMILY_RESERVED || now_s <= f->busy_until_s)
        return false;
    for (size_t i = 0; i < f->n && until_s < now_s + idle_s / 2; i++)
        for (const struct series *s = f->series[i]; s != NULL; s = s->twin)
            until_s = s->last_s + idle_s > until_s ? s->last_s + idle_s : until_s;
    f->busy_until_s = until_s;
    return now_s > until_s;
}

/* ---- what is told ---- */

static void tell(struct registry *r, const struct off_page_note *n)
{
    const struct off_page_note *fresh = off_page_add(&r->off_page, n);
    if (fresh != NULL && r->opts.on_off_page != NULL)
        r->opts.on_off_page(r->opts.cookie, fresh);
}

static void keep_off(struct registry *r, const struct claim *c, struct slice other, enum family_type other_type)
{
    bool reserved = other_type == FAMILY_RESERVED;
    r->stats.v[reserved ? REGISTRY_RESERVED_NAMES : REGISTRY_TYPE_CONFLICTS] += c->samples;
    tell(r, &(struct off_page_note){ .metric = c->name,
                                     .sent = identity_name(c->series->id),
                                     .other = other,
                                     .why = reserved ? OFF_PAGE_RESERVED : OFF_PAGE_CONFLICT,
                                     .kind = (enum series_kind)c->series->kind,
                                     .type = c->type,
                                     .other_type = other_type,
                                     .samples = c->samples,
                                     .last_s = c->now_s });
}

static void give_way(struct registry *r, const struct claim *to, struct family *f)
{
    const struct series *any = f->series[0];
    tell(r, &(struct off_page_note){ .metric = slice_of(f->name, f->name_len),
                                     .sent = identity_name(any->id),
                                     .other = to->name,
                                     .why = OFF_PAGE_CONFLICT,
                                     .kind = (enum series_kind)any->kind,
                                     .type = f->type,
                                     .other_type = to->type,
                                     .taken_over = true,
                                     .last_s = to->now_s });
    family_evict(r, f);
}

bool claim_name(struct registry *r, const struct claim *c)
{
    struct slice line;
    if (makes_reserved(r, c->name, c->type, &line)) {
        keep_off(r, c, line, FAMILY_RESERVED);
        return false;
    }
    struct family *idle[RIVALS];
    size_t n = 0;
    for (size_t i = 0; i < RIVALS; i++) {
        struct family *f = rival_at(r, c, i);
        if (f != NULL && !is_idle(r, f, c->now_s)) {
            keep_off(r, c, slice_of(f->name, f->name_len), f->type);
            return false;
        }
        if (f != NULL)
            idle[n++] = f;
    }
    for (size_t i = 0; i < n; i++)
        give_way(r, c, idle[i]);
    return true;
}
