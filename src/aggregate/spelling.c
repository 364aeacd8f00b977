#include "aggregate/spelling.h"

#include <assert.h>

#include "aggregate/kind.h"
#include "aggregate/labels.h"
#include "aggregate/naming.h"

void spelling_init(struct spelling *s, const struct symbols *symbols, const struct mapping *mapping,
                   bool suffixes)
{
    *s = (struct spelling){ .symbols = symbols, .mapping = mapping, .suffixes = suffixes };
    if (mapping != NULL)
        s->scratch = mapping_scratch_new(mapping);
}

void spelling_remap(struct spelling *s, const struct mapping *mapping)
{
    mapping_scratch_free(s->scratch);
    s->scratch = mapping != NULL ? mapping_scratch_new(mapping) : NULL;
    s->mapping = mapping;
    s->match = (struct mapping_match){ 0 };
    s->tuple = NULL;
}

void spelling_release(struct spelling *s)
{
    mapping_scratch_free(s->scratch);
    buf_release(&s->raw);
    buf_release(&s->name);
    buf_release(&s->labels);
    buf_release(&s->shorter);
}

static bool ends_with(const struct buf *b, struct slice suffix)
{
    return b->len >= suffix.len &&
           slice_eq(slice_of(b->ptr + b->len - suffix.len, suffix.len), suffix);
}

/* The rule's name in s->raw.  false: there is no rule that makes one */
static bool ask(struct spelling *s, const struct tuple *t)
{
    s->match = (struct mapping_match){ 0 };
    s->dropped = false;
    s->profile = 0;
    if (s->mapping == NULL || !mapping_find(s->mapping, s->scratch, tuple_name(t, s->symbols),
                                            mapping_class_of((enum sample_type)t->type), &s->match))
        return false;
    s->profile = s->match.rule->profile;
    buf_clear(&s->raw);
    if (!s->match.rule->drop)
        mapping_name(&s->match, &s->raw);
    if (s->raw.len > 0)
        return true;
    s->dropped = true;
    s->match.rule = NULL;
    return false;
}

struct slice spelling_name(struct spelling *s, const struct tuple *t)
{
    struct slice suffix = slice_str(kind_types[t->type].suffix);
    s->tuple = t;
    buf_clear(&s->name);
    naming_escape(ask(s, t) ? buf_slice(&s->raw) : tuple_name(t, s->symbols), &s->name);
    if (s->suffixes && !ends_with(&s->name, suffix))
        buf_append_slice(&s->name, suffix);
    return buf_slice(&s->name);
}

const char *spelling_help(const struct spelling *s)
{
    return s->match.rule == NULL ? NULL : s->match.rule->help;
}

bool spelling_labels(struct spelling *s, enum family_type type)
{
    assert(s->tuple != NULL);
    buf_clear(&s->labels);
    bool plain = labels_spell(s->tuple, s->symbols, s->match.rule == NULL ? NULL : &s->match, type,
                              &s->labels);
    s->distinct = buf_slice(&s->labels);
    if (s->match.rule == NULL || s->match.rule->n_labels == 0) /* tags are not empty */
        return plain;
    buf_clear(&s->shorter);
    buf_append_slice(&s->shorter, s->distinct);
    labels_drop_empty(&s->shorter);
    s->distinct = buf_slice(&s->shorter);
    return plain;
}
