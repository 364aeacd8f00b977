/* YAML into a tree: config/document.h reads it, aliases are written out here. */
#include <errno.h>

#include "cmd/convert/tree.h"
#include "config/document.h"
#include "config/escape.h"

struct reader {
    const struct document *d;
    struct tree_doc *doc;
    struct tree_error *error;
};

static int refuse(struct reader *r, unsigned line, const char *why)
{
    r->error->line = line;
    buf_append_str(&r->error->why, why);
    return -EINVAL;
}

static int add(struct reader *r, const struct document_node *node, struct tree *parent,
               const struct slice *key, unsigned line, size_t depth);

static int refuse_key(struct reader *r, unsigned line, struct slice key)
{
    escape_short(key, &r->error->why);
    return refuse(r, line, ": given twice; keep one of them");
}

static int add_member(struct reader *r, struct tree *map, const struct document_node *key_at,
                      const struct document_node *value_at, size_t depth)
{
    const struct document_node *node = document_value(r->d, key_at);
    unsigned line = key_at->line;
    if (node->kind != DOCUMENT_TEXT)
        return refuse(r, line, "a key is a list or a map; only text can be one");
    struct slice key = document_text(r->d, node);
    if (slice_eq(key, SLICE_LIT("<<")))
        return refuse(r, line, "<<: merged maps are not read; write their keys out here");
    for (const struct tree *t = map->first; t != NULL; t = t->next) {
        if (slice_eq(slice_str(t->key), key))
            return refuse_key(r, line, key);
    }
    return add(r, document_value(r->d, value_at), map, &key, line, depth);
}

static int add_children(struct reader *r, const struct document_node *node, struct tree *t,
                        size_t depth)
{
    const struct document_node *at = document_first(r->d, node);
    int rc = 0;
    while (at != NULL && rc == 0) {
        const struct document_node *key = at;
        if (t->kind == TREE_MAP) {
            at = document_next(r->d, at);
            rc = add_member(r, t, key, at, depth);
        } else
            rc = add(r, document_value(r->d, at), t, NULL, at->line, depth);
        at = document_next(r->d, at);
    }
    return rc;
}

/* line: that of its key, if it has one; an alias counts where it stands */
static int add(struct reader *r, const struct document_node *node, struct tree *parent,
               const struct slice *key, unsigned line, size_t depth)
{
    bool null = document_null(r->d, node);
    enum tree_kind kind = null                          ? TREE_NULL
                          : node->kind == DOCUMENT_TEXT ? TREE_TEXT
                          : node->kind == DOCUMENT_LIST ? TREE_LIST
                                                        : TREE_MAP;
    if (depth > TREE_DEPTH_MAX)
        return refuse(r, line, "too many levels; are aliases (*) nested?");
    struct tree *t = tree_add(r->doc, parent, key, kind, line);
    if (t == NULL)
        return refuse(r, line, "too many values; are aliases (*) nested?");
    if (kind == TREE_TEXT)
        tree_set_text(t, document_text(r->d, node));
    return kind == TREE_LIST || kind == TREE_MAP ? add_children(r, node, t, depth + 1) : 0;
}

int tree_read_yaml(struct slice text, struct tree_doc *ret, struct tree_error *ret_error)
{
    struct document d = { 0 };
    struct reader r = { &d, ret, ret_error };
    *ret = (struct tree_doc){ 0 };
    int rc = document_parse(&d, text, &ret_error->line, &ret_error->why);
    const struct document_node *root = rc == 0 ? document_root(&d) : NULL;
    if (root != NULL && !document_null(&d, root))
        rc = add(&r, root, NULL, NULL, root->line, 0);
    document_release(&d);
    return rc;
}
