/*
 * May a new family stand under its name?
 *
 *   claim_name
 *     makes_reserved   one of its lines would have a name that Prometheus makes itself: never
 *     rival_at         the families it would share a line's name with: the one of that name, those
 *                      named like its `_sum`, `_count`, `_bucket`, and the one that makes the name
 *                      as such a line
 *     is_idle          one rival is not: keep_off counts the samples and notes the name
 *     give_way         all are: they leave /metrics
 */
#include "aggregate/claim.h"

#include <assert.h>
#include <string.h>

#include "aggregate/naming.h"

static const struct {
    const char *suffix;
    bool summary, histogram; /* who makes lines of that name */
} made[] = {
    { "_sum", true, true },
    { "_count", true, true },
    { "_bucket", false, true },
};

static bool makes(enum family_type type, size_t i)
{
    return (type == FAMILY_SUMMARY && made[i].summary) ||
           (type == FAMILY_HISTOGRAM && made[i].histogram);
}

static struct slice join(struct claim_desk *d, struct slice base, const char *suffix)
{
    buf_clear(&d->scratch);
    buf_append_slice(&d->scratch, base);
    buf_append_str(&d->scratch, suffix);
    return buf_slice(&d->scratch);
}

/*
 * Would one of the lines have a name that Prometheus makes itself?  *ret is that name, in
 * d->scratch or the name given.
 */
static bool makes_reserved(struct claim_desk *d, struct slice name, enum family_type type,
                           struct slice *ret)
{
    *ret = name;
    if (naming_prometheus_makes(name))
        return true;
    for (size_t i = 0; i < ARRAY_LEN(made); i++) {
        if (!makes(type, i))
            continue;
        *ret = join(d, name, made[i].suffix);
        if (naming_prometheus_makes(*ret))
            return true;
    }
    return false;
}

/* ---- rivals ---- */

enum { N_MADE = ARRAY_LEN(made), RIVALS = 1 + 2 * N_MADE };

/*
 * The families that one of that name and type would meet: the i-th of RIVALS places, mostly NULL.
 */
static struct family *rival_at(struct claim_desk *d, const struct claim *c, size_t i)
{
    if (i == 0)
        return families_find(d->families, c->name);
    size_t m = (i - 1) % N_MADE, n = strlen(made[m].suffix);
    if (i <= N_MADE)
        return makes(c->type, m) ? families_find(d->families, join(d, c->name, made[m].suffix))
                                 : NULL;
    if (c->name.len <= n || memcmp(c->name.ptr + c->name.len - n, made[m].suffix, n) != 0)
        return NULL;
    struct family *base = families_find(d->families, slice_of(c->name.ptr, c->name.len - n));
    return base != NULL && makes(base->type, m) ? base : NULL;
}

/*
 * Has nothing in the family had a sample for type_idle?  Keeping the time of a family's last sample
 * would cost each merge a cache miss.  So its exposed are searched, until one is found that keeps
 * the family busy for at least half of type_idle, and not again before that time has passed.
 */
static bool is_idle(const struct claim_desk *d, struct family *f, uint64_t now_s)
{
    uint64_t idle_s = d->type_idle_s, until_s = 0;
    if (f->restored)
        return true;
    if (idle_s == 0 || f->type == FAMILY_RESERVED || now_s <= f->busy_until_s)
        return false;
    for (size_t i = 0; i < f->n && until_s < now_s + idle_s / 2; i++)
        for (const struct exposed *e = f->exposed[i]; e != NULL;
             e = e->behind ? NULL : exposed_other(e))
            until_s = e->last_s + idle_s > until_s ? e->last_s + idle_s : until_s;
    f->busy_until_s = until_s;
    return now_s > until_s;
}

/* ---- notes ---- */

static void note(struct claim_desk *d, const struct off_page_note *n)
{
    const struct off_page_note *fresh = off_page_add(d->notes, n);
    if (fresh != NULL && d->on_off_page != NULL)
        d->on_off_page(d->cookie, fresh);
}

static void keep_off(struct claim_desk *d, const struct claim *c, struct slice other,
                     enum family_type other_type)
{
    bool reserved = other_type == FAMILY_RESERVED;
    d->stats->v[reserved ? REGISTRY_RESERVED_NAMES : REGISTRY_TYPE_CONFLICTS] += c->samples;
    note(d, &(struct off_page_note){ .metric = c->name,
                                     .sent = c->sent,
                                     .other = other,
                                     .why = reserved ? OFF_PAGE_RESERVED : OFF_PAGE_CONFLICT,
                                     .kind = c->kind,
                                     .type = c->type,
                                     .other_type = other_type,
                                     .samples = c->samples,
                                     .last_s = c->now_s });
}

static void give_way(struct claim_desk *d, const struct claim *to, struct family *f)
{
    assert(f->type != FAMILY_RESERVED && f->n > 0);
    const struct exposed *any = f->exposed[0];
    if (f->restored)
        d->stats->v[REGISTRY_RESTORED_RESET] += f->n;
    note(d, &(struct off_page_note){ .metric = slice_of(f->name, f->name_len),
                                     .sent = exposed_name_sent(any, d->symbols),
                                     .other = to->name,
                                     .why = OFF_PAGE_CONFLICT,
                                     .kind = (enum series_kind)any->kind,
                                     .type = f->type,
                                     .other_type = to->type,
                                     .taken_over = true,
                                     .last_s = to->now_s });
    families_evict(d->families, f);
}

bool claim_name(struct claim_desk *d, const struct claim *c)
{
    assert(c->type != FAMILY_RESERVED && c->name.len > 0);
    struct slice line;
    if (makes_reserved(d, c->name, c->type, &line)) {
        keep_off(d, c, line, FAMILY_RESERVED);
        return false;
    }
    struct family *idle[RIVALS];
    size_t n = 0;
    for (size_t i = 0; i < RIVALS; i++) {
        struct family *f = rival_at(d, c, i);
        if (f != NULL && !is_idle(d, f, c->now_s)) {
            keep_off(d, c, slice_of(f->name, f->name_len), f->type);
            return false;
        }
        if (f != NULL)
            idle[n++] = f;
    }
    for (size_t i = 0; i < n; i++)
        give_way(d, c, idle[i]);
    return true;
}
