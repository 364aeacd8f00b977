#include "expose/render.h"

#include <assert.h>

#include "base/slice.h"

void render_begin(struct render *r, struct writer *w, struct registry *registry)
{
    *r = (struct render){ .writer = w, .heads = true };
    registry_walk_begin(registry, &r->walk);
}

void render_end(struct render *r)
{
    registry_walk_end(&r->walk);
    buf_release(&r->labels);
}

/* The family's name is the walk's copy: the family itself may have gone since the last piece. */
static void render_check(const struct render *r)
{
    assert(r->family.parts == 0 || r->family.part < r->family.parts);
    assert(r->family.name.ptr == NULL || r->family.name.ptr == r->walk.name.ptr);
    assert(!r->head_due || r->heads);
}

static void put_head(struct render *r, struct buf *out)
{
    if (r->head_due)
        r->writer->ops->head(r->writer, &r->family, out);
    r->head_due = false;
}

static void put_exposed(struct render *r, struct exposed *e, uint64_t now_ns, struct buf *out)
{
    const struct writer_ops *ops = r->writer->ops;
    struct exposed_view v;
    registry_view(r->walk.registry, e, now_ns, &v);
    if (!v.shown)
        return;
    put_head(r, out);
    buf_clear(&r->labels);
    registry_labels(r->walk.registry, e, &r->labels);
    struct slice labels = buf_slice(&r->labels);
    switch (r->family.type) {
    case FAMILY_COUNTER:
        ops->counter(r->writer, &r->family, labels, &v, out);
        break;
    case FAMILY_GAUGE:
        ops->gauge(r->writer, &r->family, labels, v.value, out);
        break;
    case FAMILY_SUMMARY:
    case FAMILY_HISTOGRAM:
        ops->timer(r->writer, &r->family, labels, &v, out);
        break;
    case FAMILY_RESERVED:
    case FAMILY_TYPE_COUNT:
        break;
    }
}

/* The rest of the part at hand.  returns  false when there was enough before its end */
static bool put_part(struct render *r, uint64_t now_ns, size_t enough, struct buf *out)
{
    size_t before = out->len;
    struct exposed *e;
    while ((e = registry_walk_exposed(&r->walk)) != NULL) {
        put_exposed(r, e, now_ns, out);
        if (out->len > before && out->len >= enough)
            return false;
    }
    return true;
}

/* The rest of the family at hand.  returns  as put_part */
static bool put_family(struct render *r, uint64_t now_ns, size_t enough, struct buf *out)
{
    while (put_part(r, now_ns, enough, out)) {
        if (r->family.part + 1 >= r->family.parts)
            return true;
        r->family.part++;
        r->head_due = r->heads;
        registry_walk_again(&r->walk);
    }
    return false;
}

static bool next_family(struct render *r)
{
    static const char default_help[] = "Metric received by statsd.";
    const struct family *f = registry_walk_family(&r->walk);
    if (f == NULL)
        return false;
    const char *help = r->walk.help.len > 0 ? r->walk.help.ptr : default_help;
    /* The walk's own copies: the family may go between two pieces. */
    r->family = (struct writer_family){ .name = slice_of(r->walk.name.ptr, f->name_len),
                                        .help = help,
                                        .type = f->type,
                                        .negative = f->negative,
                                        .parts = 1 };
    const struct writer_ops *ops = r->writer->ops;
    if (ops->begin != NULL)
        ops->begin(r->writer, &r->family);
    r->head_due = r->heads;
    render_check(r);
    return true;
}

bool render_some(struct render *r, uint64_t now_ns, size_t enough, struct buf *out)
{
    render_check(r);
    if (!put_family(r, now_ns, enough, out))
        return true;
    while (next_family(r)) {
        if (!put_family(r, now_ns, enough, out))
            return true;
    }
    r->writer->ops->end(r->writer, out);
    return false;
}

void render_all(struct writer *w, struct registry *registry, uint64_t now_ns, struct buf *out)
{
    struct render r;
    render_begin(&r, w, registry);
    (void)render_some(&r, now_ns, SIZE_MAX, out);
    render_end(&r);
}

void render_lines(struct writer *w, struct registry *registry, uint64_t now_ns, struct buf *out)
{
    struct render r;
    render_begin(&r, w, registry);
    r.heads = false;
    while (next_family(&r))
        (void)put_family(&r, now_ns, SIZE_MAX, out);
    render_end(&r);
}
