/**
 * YAML into a tree, from libyaml's events.
 *
 *   tree_read_yaml
 *     on_event          one event: a value goes below the innermost open list or map
 *       place             ... behind the key that was read before it
 *       on_alias          a copy of what its anchor named
 */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <yaml.h>

#include "base/mem.h"
#include "cmd/convert/tree.h"
#include "config/escape.h"

struct anchor {
    char *name;
    struct tree *node;
};

struct reader {
    struct tree_doc *doc;
    struct tree_error *error;
    struct tree *open[TREE_DEPTH_MAX]; /* lists and maps around the event, the innermost last */
    size_t depth;
    struct buf key; /* of the next value in a map */
    unsigned key_line;
    bool has_key;
    struct anchor *anchors;
    size_t n_anchors, anchors_cap;
    unsigned line;
    unsigned documents;
};

static int refuse(struct reader *r, const char *why)
{
    r->error->line = r->line;
    buf_append_str(&r->error->why, why);
    return -EINVAL;
}

static int refuse_key(struct reader *r, struct slice key, const char *why)
{
    r->error->line = r->line;
    escape_short(key, &r->error->why);
    buf_append_str(&r->error->why, why);
    return -EINVAL;
}

/* Make a node where the next value belongs.  returns  NULL: there are too many */
static struct tree *place(struct reader *r, enum tree_kind kind)
{
    struct tree *parent = r->depth > 0 ? r->open[r->depth - 1] : NULL;
    struct slice key = buf_slice(&r->key);
    struct tree *t = tree_add(r->doc, parent, r->has_key ? &key : NULL, kind,
                              r->has_key ? r->key_line : r->line);
    assert(parent == NULL || (parent->kind == TREE_MAP) == r->has_key);
    r->has_key = false;
    return t;
}

static bool wants_key(const struct reader *r)
{
    return r->depth > 0 && r->open[r->depth - 1]->kind == TREE_MAP && !r->has_key;
}

static void keep_anchor(struct reader *r, const yaml_char_t *name, struct tree *node)
{
    if (name == NULL)
        return;
    r->anchors = mem_grow(r->anchors, &r->anchors_cap, r->n_anchors + 1, sizeof *r->anchors);
    r->anchors[r->n_anchors++] = (struct anchor){ mem_strdup((const char *)name), node };
}

static int on_key(struct reader *r, struct slice key)
{
    const struct tree *map = r->open[r->depth - 1];
    if (slice_eq(key, SLICE_LIT("<<")))
        return refuse(r, "<<: merged maps are not read; write their keys out here");
    if (memchr(key.ptr, '\0', key.len) != NULL)
        return refuse(r, "a NUL in a key");
    for (const struct tree *t = map->first; t != NULL; t = t->next) {
        if (slice_eq(slice_str(t->key), key))
            return refuse_key(r, key, ": given twice; keep one of them");
    }
    buf_clear(&r->key);
    buf_append_slice(&r->key, key);
    r->key_line = r->line;
    r->has_key = true;
    return 0;
}

static bool is_null(const yaml_event_t *e, struct slice s)
{
    return e->data.scalar.style == YAML_PLAIN_SCALAR_STYLE &&
           (s.len == 0 || slice_eq(s, SLICE_LIT("~")) || slice_eq(s, SLICE_LIT("null")));
}

static int on_scalar(struct reader *r, const yaml_event_t *e)
{
    struct slice s = slice_of((const char *)e->data.scalar.value, e->data.scalar.length);
    if (wants_key(r))
        return on_key(r, s);
    if (memchr(s.ptr, '\0', s.len) != NULL)
        return refuse(r, "a NUL in a value");
    bool null = is_null(e, s);
    struct tree *t = place(r, null ? TREE_NULL : TREE_TEXT);
    if (t == NULL)
        return refuse(r, "too many values");
    if (!null)
        tree_set_text(t, s);
    keep_anchor(r, e->data.scalar.anchor, t);
    return 0;
}

static int on_begin(struct reader *r, enum tree_kind kind, const yaml_char_t *anchor)
{
    if (wants_key(r))
        return refuse(r, "a key is a list or a map; only text can be one");
    if (r->depth == TREE_DEPTH_MAX)
        return refuse(r, "too many levels");
    struct tree *t = place(r, kind);
    if (t == NULL)
        return refuse(r, "too many values");
    r->open[r->depth++] = t;
    keep_anchor(r, anchor, t);
    return 0;
}

/* What from holds, below to. */
static bool copy_children(struct reader *r, const struct tree *from, struct tree *to, size_t depth)
{
    for (const struct tree *t = from->first; t != NULL; t = t->next) {
        struct slice key = slice_str(t->key != NULL ? t->key : "");
        struct tree *c = tree_add(r->doc, to, t->key != NULL ? &key : NULL, t->kind, t->line);
        if (c == NULL || depth == TREE_DEPTH_MAX)
            return false;
        if (t->text != NULL)
            tree_set_text(c, slice_str(t->text));
        if (!copy_children(r, t, c, depth + 1))
            return false;
    }
    return true;
}

static int on_alias(struct reader *r, struct slice name)
{
    const struct tree *from = NULL;
    for (size_t i = 0; i < r->n_anchors; i++) {
        if (slice_eq(slice_str(r->anchors[i].name), name))
            from = r->anchors[i].node; /* the last of that name counts */
    }
    if (from == NULL)
        return refuse_key(r, name, ": an alias (*) of which there is no anchor (&)");
    for (size_t i = 0; i < r->depth; i++) {
        if (r->open[i] == from)
            return refuse_key(r, name, ": an alias inside of what it stands for");
    }
    if (wants_key(r))
        return refuse(r, "a key is an alias; only text can be one");
    struct tree *t = place(r, from->kind);
    if (t != NULL && from->text != NULL)
        tree_set_text(t, slice_str(from->text));
    if (t == NULL || !copy_children(r, from, t, r->depth))
        return refuse(r, "too many values or levels; are aliases (*) nested?");
    return 0;
}

static int on_event(struct reader *r, const yaml_event_t *e)
{
    r->line = (unsigned)e->start_mark.line + 1;
    switch (e->type) {
    case YAML_DOCUMENT_START_EVENT:
        if (r->documents++ > 0)
            return refuse(r, "a second document (---); only one is read");
        return 0;
    case YAML_SCALAR_EVENT:
        return on_scalar(r, e);
    case YAML_SEQUENCE_START_EVENT:
        return on_begin(r, TREE_LIST, e->data.sequence_start.anchor);
    case YAML_MAPPING_START_EVENT:
        return on_begin(r, TREE_MAP, e->data.mapping_start.anchor);
    case YAML_SEQUENCE_END_EVENT:
    case YAML_MAPPING_END_EVENT:
        assert(r->depth > 0 && !r->has_key);
        r->depth--;
        return 0;
    case YAML_ALIAS_EVENT:
        return on_alias(r, slice_str((const char *)e->data.alias.anchor));
    default:
        return 0;
    }
}

static int syntax_error(struct reader *r, const yaml_parser_t *p)
{
    r->line = (unsigned)p->problem_mark.line + 1;
    return refuse(r, p->problem != NULL ? p->problem : "this is no YAML");
}

int tree_read_yaml(struct slice text, struct tree_doc *ret, struct tree_error *ret_error)
{
    struct reader r = { .doc = ret, .error = ret_error };
    yaml_parser_t p;
    int rc = 0;
    *ret = (struct tree_doc){ 0 };
    if (!yaml_parser_initialize(&p))
        mem_exhausted(sizeof p);
    yaml_parser_set_input_string(&p, (const unsigned char *)(text.len ? text.ptr : ""), text.len);
    for (bool more = true; more && rc == 0;) {
        yaml_event_t e;
        if (!yaml_parser_parse(&p, &e)) {
            rc = syntax_error(&r, &p);
            break;
        }
        more = e.type != YAML_STREAM_END_EVENT;
        rc = on_event(&r, &e);
        yaml_event_delete(&e);
    }
    yaml_parser_delete(&p);
    for (size_t i = 0; i < r.n_anchors; i++)
        free(r.anchors[i].name);
    free(r.anchors);
    buf_release(&r.key);
    return rc;
}
