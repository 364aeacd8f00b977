/* The labels of an exposed: borrowed from a tuple as long as that is there, else kept. */
#include "aggregate/exposed.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "aggregate/exposed_priv.h"
#include "aggregate/labels.h"
#include "aggregate/naming.h"
#include "base/mem.h"

void exposed_labels(const struct exposed *e, const struct symbols *ss, struct buf *out)
{
    if (e->has_text)
        buf_append(out, e->labels.text->bytes, e->labels.text->labels_len);
    else if (e->labels.tuple != NULL)
        labels_join(e->labels.tuple, ss, out);
}

void exposed_escape_value(struct slice value, struct buf *out)
{
    (void)naming_escape_value(value, out);
}

void exposed_borrow_labels(struct exposed *e, const struct tuple *t)
{
    exposed_drop_labels(e);
    e->labels.tuple = t;
}

void exposed_keep_labels(struct exposed *e, struct slice text, struct slice name)
{
    assert(text.len <= UINT32_MAX && name.len <= UINT32_MAX);
    struct exposed_text *t = mem_alloc(sizeof *t + text.len + name.len);
    t->labels_len = (uint32_t)text.len;
    t->name_len = (uint32_t)name.len;
    if (text.len > 0)
        memcpy(t->bytes, text.ptr, text.len);
    if (name.len > 0)
        memcpy(t->bytes + text.len, name.ptr, name.len);
    exposed_drop_labels(e);
    e->labels.text = t;
    e->has_text = 1;
}

void exposed_let_go(struct exposed *e, const struct symbols *ss, const struct tuple *t)
{
    if (e->has_text || e->labels.tuple != t)
        return;
    struct buf text = { 0 };
    labels_join(t, ss, &text);
    exposed_keep_labels(e, buf_slice(&text), tuple_name(t, ss));
    buf_release(&text);
}

void exposed_drop_labels(struct exposed *e)
{
    if (e->has_text)
        free(e->labels.text);
    e->labels.tuple = NULL;
    e->has_text = 0;
}

struct slice exposed_name_sent(const struct exposed *e, const struct symbols *ss)
{
    assert(e->has_text || e->labels.tuple != NULL);
    if (!e->has_text)
        return tuple_name(e->labels.tuple, ss);
    const struct exposed_text *t = e->labels.text;
    return slice_of(t->bytes + t->labels_len, t->name_len);
}
