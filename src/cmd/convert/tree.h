/**
 * tree: a foreign config as values, each with the line it stands on.
 *
 * Made by one of the readers below; what a key means is for the converters.  Sizes are bounded: a
 * text of TREE_TEXT_MAX bytes, TREE_NODES_MAX values (each use of a YAML alias counts what it
 * copies), TREE_DEPTH_MAX levels.
 *   thread   main
 */
#ifndef CMD_CONVERT_TREE_H
#define CMD_CONVERT_TREE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/slice.h"

enum { TREE_TEXT_MAX = 1024 * 1024, TREE_NODES_MAX = 100 * 1000, TREE_DEPTH_MAX = 32 };

enum tree_kind {
    TREE_NULL,
    TREE_TEXT, /* a string, a number, true or false: as it is written, without quotes */
    TREE_LIST,
    TREE_MAP,
    TREE_CODE /* JavaScript that is no literal; text is its source */
};

struct tree {
    enum tree_kind kind;
    unsigned line;                    /* from 1: that of its key, if it has one */
    char *key;                        /* in a map; NULL elsewhere */
    char *text;                       /* TEXT, CODE: without NUL inside */
    struct tree *first, *last, *next; /* children of LIST and MAP; next of its parent */
    struct tree *before;              /* all nodes of the tree, for tree_free */
};

/* The nodes of one text. */
struct tree_doc {
    struct tree *root; /* NULL: the text holds nothing */
    struct tree *newest;
    size_t n;
};

/* Where and why a text cannot be read. */
struct tree_error {
    unsigned line;
    struct buf why;
};

/**
 * tree_read_yaml, tree_read_json, tree_read_js(text, ret, ret_error):
 * js: an object literal, as etsy's config.js is, behind nothing but comments, "(", "module.exports
 * =" or "config =".
 *   ret      tree_release it, whatever is returned
 *   returns  0; -EINVAL with ret_error filled in
 */
int tree_read_yaml(struct slice text, struct tree_doc *ret, struct tree_error *ret_error);
int tree_read_json(struct slice text, struct tree_doc *ret, struct tree_error *ret_error);
int tree_read_js(struct slice text, struct tree_doc *ret, struct tree_error *ret_error);

void tree_release(struct tree_doc *doc);

/**
 * tree_add(doc, parent, key, kind, line):
 * Put a new value behind the others of parent (NULL: it is the root).
 *   key      copied up to its first NUL; NULL: none
 *   returns  NULL: there are TREE_NODES_MAX already
 */
struct tree *tree_add(struct tree_doc *doc, struct tree *parent, const struct slice *key,
                      enum tree_kind kind, unsigned line);

/* Set the text of a TEXT or CODE; copied up to its first NUL. */
void tree_set_text(struct tree *t, struct slice text);

/* The value of a key; map may be NULL or no map.  returns  NULL: there is none, or it is null */
const struct tree *tree_get(const struct tree *map, const char *key);

/* returns  whether t is TEXT that says true, yes or on (false, no, off), whatever its case */
bool tree_is_true(const struct tree *t);
bool tree_is_false(const struct tree *t);

#endif
