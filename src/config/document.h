/**
 * document: a YAML document as a tree, each node with its line.
 *
 * Reads one document with libyaml.  Aliases are kept as such, so a tree has as many nodes as the
 * text has; what it would be with all aliases written out is bounded.
 *
 *     for (at = document_first(d, node); at != NULL; at = document_next(d, at))
 *         ... document_value(d, at) ...          the children; of a map key, value, key, value
 *
 *   thread   any
 */
#ifndef CONFIG_DOCUMENT_H
#define CONFIG_DOCUMENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/slice.h"

enum {
    DOCUMENT_BYTES_MAX = 16 << 20,
    DOCUMENT_WRITTEN_OUT_MAX = 64 << 20, /* bytes and nodes, aliases written out */
    DOCUMENT_NODES_MAX = 8 << 20,
    DOCUMENT_DEPTH_MAX = 32,
    DOCUMENT_ANCHORS_MAX = 256
};

enum document_kind { DOCUMENT_TEXT, DOCUMENT_LIST, DOCUMENT_MAP, DOCUMENT_ALIAS };

struct document_node {
    unsigned line; /* from 1 */
    uint8_t kind;  /* enum document_kind */
    bool plain;    /* TEXT without quotes: may be a number, a word for true, nothing */
    bool whole;    /* false: the text ended, or went wrong, inside of it */
    uint32_t next; /* sibling; 0: none */
    uint32_t at;   /* LIST, MAP: first child, 0: none; ALIAS: what it stands for; TEXT: its place */
    uint32_t len;  /* of TEXT */
};

struct document {
    struct document_node *nodes; /* [0] is no node */
    size_t n, cap;
    struct buf text;
};

/**
 * document_parse(d, text, ret_line, why):
 *   d        { 0 }; to be released, also after a failure: what was read until then is in it
 *   returns  0; -EINVAL with the line and what is wrong there, and what would be right
 */
int document_parse(struct document *d, struct slice text, unsigned *ret_line, struct buf *why);
void document_release(struct document *d);

/* NULL: the document is empty. */
const struct document_node *document_root(const struct document *d);
const struct document_node *document_first(const struct document *d,
                                           const struct document_node *node);
const struct document_node *document_next(const struct document *d,
                                          const struct document_node *node);

/* What a child is: itself, or what the alias stands for. */
const struct document_node *document_value(const struct document *d,
                                           const struct document_node *node);

/* Of TEXT.  Has no NUL. */
struct slice document_text(const struct document *d, const struct document_node *node);

/* `~`, `null`, or nothing at all; not "" in quotes. */
bool document_null(const struct document *d, const struct document_node *node);

#endif
