/* The labels of an exposed: borrowed from an identity as long as that is there, else kept. */
#include "aggregate/exposed.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "aggregate/exposed_priv.h"
#include "aggregate/labels.h"
#include "aggregate/naming.h"
#include "base/mem.h"

void exposed_labels(const struct exposed *e, struct buf *out)
{
    if (e->has_text)
        buf_append(out, e->labels.text->bytes, e->labels.text->labels_len);
    else if (e->labels.id != NULL)
        labels_plain(e->labels.id, out);
}

void exposed_escape_value(struct slice value, struct buf *out)
{
    (void)naming_escape_value(value, out);
}

void exposed_borrow_labels(struct exposed *e, const struct identity *id)
{
    exposed_drop_labels(e);
    e->labels.id = id;
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

void exposed_let_go(struct exposed *e, const struct identity *id)
{
    if (e->has_text || e->labels.id != id)
        return;
    struct buf text = { 0 };
    labels_plain(id, &text);
    exposed_keep_labels(e, buf_slice(&text), identity_name(id));
    buf_release(&text);
}

void exposed_drop_labels(struct exposed *e)
{
    if (e->has_text)
        free(e->labels.text);
    e->labels.id = NULL;
    e->has_text = 0;
}

struct slice exposed_name_sent(const struct exposed *e)
{
    assert(e->has_text || e->labels.id != NULL);
    if (!e->has_text)
        return identity_name(e->labels.id);
    const struct exposed_text *t = e->labels.text;
    return slice_of(t->bytes + t->labels_len, t->name_len);
}
