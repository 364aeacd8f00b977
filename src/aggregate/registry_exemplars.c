#include <assert.h>
#include <math.h>

#include "aggregate/naming.h"
#include "aggregate/page.h"
#include "aggregate/registry_priv.h"
#include "aggregate/timer.h"

/*
 * The value as e shows it, and the place it has there.  false: none; it is no finite number, or one
 * by which a counter goes down.
 */
static bool place_of(const struct exposed *e, const struct cell *c, double sent, double scale,
                     double *ret_value, uint32_t *ret_place)
{
    double value = kind_types[cell_type(c)].milliseconds ? sent / 1000 : sent;
    value *= scale;
    *ret_value = value;
    *ret_place = 0;
    if (!isfinite(value))
        return false;
    if (e->kind == SERIES_COUNTER)
        return value >= 0;
    *ret_place = timer_bucket(e->profile, value);
    return true;
}

/* r->exemplar_labels: `trace_id="abc"` */
static struct slice labels_of(struct registry *r, const struct cell_exemplar *x)
{
    struct buf *out = &r->exemplar_labels;
    buf_clear(out);
    naming_escape(slice_str(r->opts.exemplar_tag), out);
    buf_append_str(out, "=\"");
    naming_escape_value(slice_of(x->text, x->len), out);
    buf_append_char(out, '"');
    return buf_slice(out);
}

static void take(struct registry *r, const struct cell_exemplar *from)
{
    const struct cell *c = from->cell;
    const struct exposed *e = c->series->exposed;
    struct exemplar x = { .at_ns = from->at_ns };
    uint32_t place;
    if (e == NULL || e->family == NULL)
        return;
    double scale = profiles_at(r->opts.profiles, c->profile)->scale;
    if (!place_of(e, c, from->value, scale, &x.value, &place))
        return;
    x.labels = labels_of(r, from);
    exposed_exemplars_put(&r->output.pool.exemplars, e, place, &x);
}

void registry_take_exemplars(struct registry *r, size_t *most)
{
    struct merging *m = &r->merging;
    assert(m->exemplar == NULL || r->opts.exemplar_tag != NULL);
    for (; m->exemplar != NULL && *most > 0; m->exemplar = m->exemplar->next, --*most)
        take(r, m->exemplar);
}
