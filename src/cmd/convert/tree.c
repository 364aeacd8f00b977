#include "cmd/convert/tree.h"

#include <assert.h>
#include <stdlib.h>
#include <strings.h>

#include "base/mem.h"

static char *copy(struct slice s)
{
    return mem_strndup(s.ptr != NULL ? s.ptr : "", s.len);
}

struct tree *tree_add(struct tree_doc *doc, struct tree *parent, const struct slice *key,
                      enum tree_kind kind, unsigned line)
{
    if (doc->n >= TREE_NODES_MAX)
        return NULL;
    assert(parent == NULL || parent->kind == TREE_LIST || parent->kind == TREE_MAP);
    struct tree *t = mem_zalloc(sizeof *t);
    t->kind = kind;
    t->line = line;
    t->key = key != NULL ? copy(*key) : NULL;
    t->before = doc->newest;
    doc->newest = t;
    doc->n++;
    if (parent == NULL)
        doc->root = t;
    else if (parent->last == NULL)
        parent->first = parent->last = t;
    else
        parent->last = parent->last->next = t;
    return t;
}

void tree_set_text(struct tree *t, struct slice text)
{
    assert((t->kind == TREE_TEXT || t->kind == TREE_CODE) && t->text == NULL);
    t->text = copy(text);
}

void tree_release(struct tree_doc *doc)
{
    for (struct tree *t = doc->newest, *before; t != NULL; t = before) {
        before = t->before;
        free(t->key);
        free(t->text);
        free(t);
    }
    *doc = (struct tree_doc){ 0 };
}

const struct tree *tree_get(const struct tree *map, const char *key)
{
    if (map == NULL || map->kind != TREE_MAP)
        return NULL;
    for (const struct tree *t = map->first; t != NULL; t = t->next) {
        if (strcmp(t->key, key) == 0)
            return t->kind != TREE_NULL ? t : NULL;
    }
    return NULL;
}

static bool is_one_of(const struct tree *t, const char *const words[3])
{
    if (t == NULL || t->kind != TREE_TEXT)
        return false;
    for (size_t i = 0; i < 3; i++) {
        if (strcasecmp(t->text, words[i]) == 0)
            return true;
    }
    return false;
}

bool tree_is_true(const struct tree *t)
{
    static const char *const words[3] = { "true", "yes", "on" };
    return is_one_of(t, words);
}

bool tree_is_false(const struct tree *t)
{
    static const char *const words[3] = { "false", "no", "off" };
    return is_one_of(t, words);
}
