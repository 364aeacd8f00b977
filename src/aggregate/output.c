/*
 * output_show       under its name ...
 *   family_for        the family of the name and type; a new one when claim_name has nothing
 *                     against it
 *   ... and its labels: what stands there already?
 *     nothing         e does, from now on
 *     the same kind   join: it takes in what e had brought, and e goes
 *     a gauge         a set stands behind it
 *     a set           a gauge takes its place
 *
 *     of a saved state, the same kind   wake: it counts on, or starts at 0; then join
 *
 * output_restore    a line of a saved state
 * output_stays      would a series be put there again?
 *
 * output_leave      the series' pointer goes; with the last one
 *   leave_page        e makes place for a set behind it, or none
 */
#include "aggregate/output.h"

#include <assert.h>

#include "aggregate/labels.h"
#include "aggregate/naming.h"

void output_init(struct output *o, const struct output_opts *opts, const struct claim_desk *desk)
{
    *o = (struct output){ .symbols = opts->symbols, .desk = *desk };
    spelling_init(&o->spelling, opts->symbols, opts->mapping, opts->suffixes);
    families_init(&o->families, opts->symbols);
    exposed_pool_init(&o->pool, opts->births);
    off_page_init(&o->notes);
    o->desk.symbols = opts->symbols;
    o->desk.families = &o->families;
    o->desk.notes = &o->notes;
}

void output_release(struct output *o)
{
    families_release(&o->families);
    exposed_pool_release(&o->pool);
    off_page_release(&o->notes);
    buf_release(&o->desk.scratch);
    spelling_release(&o->spelling);
}

void output_reserve(struct output *o, const char *name)
{
    if (families_find(&o->families, slice_str(name)) == NULL)
        families_new(&o->families, slice_str(name), FAMILY_RESERVED);
}

/* ---- names ---- */

/* returns  NULL: kept off the page */
static struct family *family_for(struct output *o, const struct exposed *e,
                                 const struct output_request *q)
{
    const struct claim c = { .name = spelling_name(&o->spelling, q->tuple),
                             .sent = tuple_name(q->tuple, o->symbols),
                             .kind = (enum series_kind)e->kind,
                             .type = kind_rows[e->kind]->family_type(e->profile),
                             .now_s = q->now_s,
                             .samples = q->samples };
    struct family *f = families_find(&o->families, c.name);
    bool known = f != NULL && f->type == c.type;
    if (!known && !claim_name(&o->desk, &c))
        return NULL;
    if (!known)
        f = families_new(&o->families, c.name, c.type);
    families_help(f, spelling_help(&o->spelling));
    return f;
}

/* ---- who shares a line ---- */

/*
 * The first sample for a line of a saved state.  Where what it keeps is of another shape, it starts
 * at 0.
 */
static void wake(struct output *o, struct exposed *to, const struct exposed *by,
                 struct kind_now *now)
{
    const struct kind_ops *kind = kind_rows[to->kind];
    uint64_t *birth = exposed_pool_birth(&o->pool, to);
    bool same = kind->same_shape == NULL || kind->same_shape(to->profile, by->profile);
    to->restored = 0;
    if (same) {
        to->profile = by->profile;
    } else if (!kind->reshape(to, by->profile, now)) {
        now->stats->v[REGISTRY_RESTORED_RESET]++;
        if (birth != NULL)
            *birth = now->now_ns;
    }
}

/*
 * `from` is off the page.  One of its series goes over to `to`, with all that its series had
 * brought so far.
 */
static struct exposed *join(struct output *o, struct exposed *to, struct exposed *from,
                            struct kind_now *now)
{
    assert(to != from && to->kind == from->kind && from->family == NULL);
    kind_rows[to->kind]->absorb(to, from, now);
    uint64_t *birth = exposed_pool_birth(&o->pool, to);
    /* Signed: a saved state may hold births before the clock's 0. */
    if (birth != NULL && (int64_t)(*exposed_pool_birth(&o->pool, from) - *birth) < 0)
        *birth = *exposed_pool_birth(&o->pool, from);
    assert(from->series > 0 && to->series < EXPOSED_SERIES_MAX);
    to->series++;
    if (from->series == 1) {
        exposed_pool_free(&o->pool, from);
    } else {
        from->series--;
        kind_rows[from->kind]->exposed_release(from);
    }
    return to;
}

static void link_gauge_and_set(struct exposed *gauge, struct exposed *set)
{
    assert(gauge->kind == SERIES_GAUGE && set->kind == SERIES_SET);
    assert(gauge->family != NULL && exposed_other(gauge) == NULL && exposed_other(set) == NULL);
    exposed_gauge_line(gauge)->other = set;
    exposed_gauge_line(set)->other = gauge;
    set->family = gauge->family;
    set->behind = 1;
}

static struct exposed *unlink_other(struct exposed *e)
{
    struct exposed *other = exposed_other(e);
    if (other != NULL) {
        assert(exposed_other(other) == e && other->behind != e->behind);
        exposed_gauge_line(e)->other = NULL;
        exposed_gauge_line(other)->other = NULL;
    }
    return other;
}

static void set_labels(struct output *o, struct exposed *e, const struct tuple *t, bool plain)
{
    if (plain)
        exposed_borrow_labels(e, t);
    else
        exposed_keep_labels(e, buf_slice(&o->spelling.labels), tuple_name(t, o->symbols));
}

struct exposed *output_show(struct output *o, struct exposed *e, const struct output_request *q,
                            struct kind_now *now)
{
    assert(e->family == NULL && e->series > 0);
    struct family *f = family_for(o, e, q);
    if (f == NULL)
        return e;
    bool plain = spelling_labels(&o->spelling, f->type);
    const struct labels_key key = families_key(f, o->spelling.distinct);
    struct exposed *there = families_exposed(&o->families, &key);
    if (there != NULL && there->kind == SERIES_GAUGE && e->kind == SERIES_SET &&
        exposed_other(there) != NULL)
        there = exposed_other(there);
    f->restored = false;
    if (there != NULL && there->kind == e->kind) {
        if (there->restored) {
            wake(o, there, e, now);
            set_labels(o, there, q->tuple, plain);
        }
        return join(o, there, e, now);
    }
    set_labels(o, e, q->tuple, plain);
    if (there == NULL) {
        families_add(&o->families, f, e, &key);
    } else if (e->kind == SERIES_SET) {
        link_gauge_and_set(there, e);
    } else {
        families_replace(there, e);
        link_gauge_and_set(e, there);
    }
    exposed_check(e);
    return e;
}

bool output_stays(struct output *o, const struct exposed *e, struct slice name,
                  enum family_type type)
{
    struct family *f = families_find(&o->families, name);
    if (f == NULL || f != e->family || f->type != type)
        return false;
    (void)spelling_labels(&o->spelling, type);
    const struct labels_key key = families_key(f, o->spelling.distinct);
    const struct exposed *there = families_exposed(&o->families, &key);
    if (there != e && (there == NULL || exposed_other(there) != e))
        return false;
    families_help(f, spelling_help(&o->spelling));
    return true;
}

static void leave_page(struct output *o, struct exposed *e)
{
    bool behind = e->behind;
    struct exposed *other = unlink_other(e);
    if (other == NULL) {
        families_remove(&o->families, e);
        return;
    }
    if (!behind)
        families_replace(e, other);
    e->behind = 0;
    e->family = NULL;
}

bool output_restore(struct output *o, struct exposed *e, struct slice name, struct slice labels)
{
    assert(e->family == NULL && e->restored);
    enum family_type type = kind_rows[e->kind]->family_type(e->profile);
    struct family *f = families_find(&o->families, name);
    struct buf *text = &o->spelling.labels; /* scratch */
    if (naming_prometheus_makes(name) || (f != NULL && f->type != type))
        return false;
    buf_clear(text);
    buf_append_slice(text, labels);
    labels_drop_empty(text);
    struct exposed *there = NULL;
    if (f == NULL) {
        f = families_new(&o->families, name, type);
        f->restored = true;
    }
    const struct labels_key key = families_key(f, buf_slice(text));
    there = families_exposed(&o->families, &key);
    bool behind = there != NULL && there->kind == SERIES_GAUGE && e->kind == SERIES_SET &&
                  exposed_other(there) == NULL;
    if (there != NULL && !behind)
        return false;
    exposed_keep_labels(e, labels, name);
    if (behind)
        link_gauge_and_set(there, e);
    else
        families_add(&o->families, f, e, &key);
    exposed_check(e);
    return true;
}

void output_leave_restored(struct output *o, struct exposed *e)
{
    exposed_check(e);
    if (e->series > 1) {
        e->series--;
        return;
    }
    if (e->family != NULL)
        leave_page(o, e);
    exposed_pool_free(&o->pool, e);
}

void output_leave(struct output *o, struct exposed *e, const struct tuple *t)
{
    exposed_check(e);
    if (e->series > 1) {
        e->series--;
        exposed_let_go(e, o->symbols, t);
        return;
    }
    if (e->family != NULL)
        leave_page(o, e);
    exposed_pool_free(&o->pool, e);
}
