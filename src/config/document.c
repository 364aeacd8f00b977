/**
 *   document_parse
 *     document_bytes_ok      UTF-8 and no NUL, before libyaml sees it (document_syntax.h)
 *     take_event             one event of libyaml: a node is begun, ended, or both
 *       begin_node, end_node `open` is the way from the root to the node that is being read
 *       take_alias
 *     document_syntax_error  libyaml's words, and what is usually meant
 *
 * Aliases: what an anchored node would be with its aliases written out is known when it ends.  Each
 * alias adds that to the whole, so a "billion laughs" stops at DOCUMENT_WRITTEN_OUT_MAX after a few
 * lines.  Depth counts through aliases, too, so a walk down the tree needs no check of its own.
 */
#include "config/document.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

#include "base/mem.h"
#include "config/document_syntax.h"
#include "config/escape.h"

/* A node that has begun and not ended. */
struct open_node {
    uint32_t node;
    uint32_t last_child; /* 0: none yet */
    uint32_t anchor;     /* in anchors, from 1; 0: none */
    unsigned height;     /* levels below it */
    size_t size;         /* nodes and bytes in it, aliases written out */
};

struct anchor {
    char *name;
    uint32_t node;
    bool ended;
    unsigned height; /* levels of lists and maps; 0: a text */
    size_t size;
};

struct builder {
    struct document *d;
    struct open_node open[DOCUMENT_DEPTH_MAX];
    unsigned n_open;
    struct anchor anchors[DOCUMENT_ANCHORS_MAX];
    uint32_t n_anchors;
    size_t size; /* of the whole, aliases written out */
    bool has_document, done;
    struct buf *why; /* not empty: it went wrong */
};

/* Whether a node of that many levels and that size may be added. */
static bool fits(struct builder *b, unsigned height, size_t size)
{
    b->size += size;
    if (b->n_open + height > DOCUMENT_DEPTH_MAX)
        buf_printf(b->why, "nested deeper than %d levels; a mapping file needs 6",
                   DOCUMENT_DEPTH_MAX);
    else if (b->size > DOCUMENT_WRITTEN_OUT_MAX)
        buf_printf(b->why, "with its aliases written out the file is larger than %d MiB; use fewer",
                   DOCUMENT_WRITTEN_OUT_MAX >> 20);
    else if (b->d->n >= DOCUMENT_NODES_MAX)
        buf_printf(b->why, "the file has more than %d keys and values; make it smaller",
                   DOCUMENT_NODES_MAX);
    return b->why->len == 0;
}

/* Append a child to the node that is open.  returns  its number */
static uint32_t add_node(struct builder *b, const yaml_event_t *e, enum document_kind kind)
{
    struct document *d = b->d;
    uint32_t at = (uint32_t)d->n;
    d->nodes = mem_grow(d->nodes, &d->cap, d->n + 1, sizeof *d->nodes);
    d->nodes[d->n++] =
        (struct document_node){ .line = (unsigned)e->start_mark.line + 1, .kind = (uint8_t)kind };
    if (b->n_open == 0)
        return at;
    struct open_node *parent = &b->open[b->n_open - 1];
    if (parent->last_child == 0)
        d->nodes[parent->node].at = at;
    else
        d->nodes[parent->last_child].next = at;
    parent->last_child = at;
    return at;
}

/* The node that is open has a child of that height and size. */
static void grow_open(struct builder *b, unsigned height, size_t size)
{
    if (b->n_open == 0)
        return;
    struct open_node *parent = &b->open[b->n_open - 1];
    parent->size += size;
    if (parent->height < height)
        parent->height = height;
}

/* returns  the number of the anchor, from 1; 0: there is no name, or too many */
static uint32_t add_anchor(struct builder *b, const yaml_char_t *name, uint32_t node)
{
    if (name == NULL)
        return 0;
    if (b->n_anchors == DOCUMENT_ANCHORS_MAX) {
        buf_printf(b->why, "more than %d anchors; use fewer", DOCUMENT_ANCHORS_MAX);
        return 0;
    }
    b->anchors[b->n_anchors++] =
        (struct anchor){ .name = mem_strdup((const char *)name), .node = node };
    return b->n_anchors;
}

static void end_anchor(struct builder *b, uint32_t anchor, unsigned height, size_t size)
{
    if (anchor == 0)
        return;
    b->anchors[anchor - 1].ended = true;
    b->anchors[anchor - 1].height = height;
    b->anchors[anchor - 1].size = size;
}

enum tag { TAG_NONE, TAG_TEXT, TAG_OTHER };

/* What an explicit tag says of a value; a list or map gains nothing by one. */
static enum tag take_tag(struct builder *b, const yaml_char_t *tag)
{
    static const char core[] = "tag:yaml.org,2002:";
    static const char *const others[] = { "int", "float", "bool", "null", "map", "seq" };
    const char *t = (const char *)tag;
    if (t == NULL)
        return TAG_NONE;
    const char *name = strncmp(t, core, sizeof core - 1) == 0 ? t + sizeof core - 1 : "";
    if (strcmp(t, "!") == 0 || strcmp(name, "str") == 0)
        return TAG_TEXT;
    for (size_t i = 0; i < ARRAY_LEN(others); i++) {
        if (strcmp(name, others[i]) == 0)
            return TAG_OTHER;
    }
    buf_append_str(b->why, "the tag ");
    escape_short(slice_str(t), b->why);
    buf_append_str(b->why, " means nothing here; remove it");
    return TAG_OTHER;
}

static void take_scalar(struct builder *b, const yaml_event_t *e)
{
    size_t len = e->data.scalar.length;
    enum tag tag = take_tag(b, e->data.scalar.tag);
    if (!fits(b, 0, 1 + len))
        return;
    if (memchr(e->data.scalar.value, '\0', len) != NULL) {
        buf_append_str(b->why, "a NUL in a text; remove it");
        return;
    }
    uint32_t at = add_node(b, e, DOCUMENT_TEXT);
    struct document_node *node = &b->d->nodes[at];
    node->plain =
        tag == TAG_OTHER || (tag == TAG_NONE && e->data.scalar.style == YAML_PLAIN_SCALAR_STYLE);
    node->whole = true;
    node->at = (uint32_t)b->d->text.len;
    node->len = (uint32_t)len;
    buf_append(&b->d->text, e->data.scalar.value, len);
    end_anchor(b, add_anchor(b, e->data.scalar.anchor, at), 0, 1 + len);
    grow_open(b, 0, 1 + len);
}

static void begin_node(struct builder *b, const yaml_event_t *e, enum document_kind kind,
                       const yaml_char_t *anchor, const yaml_char_t *tag)
{
    take_tag(b, tag);
    if (!fits(b, 1, 1))
        return;
    uint32_t at = add_node(b, e, kind);
    b->open[b->n_open++] =
        (struct open_node){ .node = at, .anchor = add_anchor(b, anchor, at), .size = 1 };
}

static void end_node(struct builder *b)
{
    assert(b->n_open > 0);
    struct open_node ended = b->open[--b->n_open];
    b->d->nodes[ended.node].whole = true;
    end_anchor(b, ended.anchor, ended.height + 1, ended.size);
    grow_open(b, ended.height + 1, ended.size);
}

static void take_alias(struct builder *b, const yaml_event_t *e)
{
    const char *name = (const char *)e->data.alias.anchor;
    uint32_t i = b->n_anchors;
    while (i > 0 && strcmp(b->anchors[i - 1].name, name) != 0) /* the latest of that name */
        i--;
    const struct anchor *a = i > 0 ? &b->anchors[i - 1] : NULL;
    if (a != NULL && a->ended) {
        if (fits(b, a->height, a->size)) {
            uint32_t at = add_node(b, e, DOCUMENT_ALIAS);
            b->d->nodes[at].at = a->node;
            b->d->nodes[at].whole = true;
            grow_open(b, a->height, a->size);
        }
        return;
    }
    buf_append_str(b->why, "*");
    escape_short(slice_str(name), b->why);
    if (a != NULL)
        buf_append_str(b->why, " stands inside of what it is an alias of; write that out");
    else
        buf_append_str(b->why, " is an alias, and nothing before it has an anchor of that name; "
                               "put a text that begins with * in quotes");
}

/* returns  false: this was the last one, or it went wrong */
static bool take_event(struct builder *b, const yaml_event_t *e)
{
    switch (e->type) {
    case YAML_DOCUMENT_START_EVENT:
        if (b->has_document)
            buf_append_str(b->why, "a second document begins here; there may be one: remove the "
                                   "line ---, and what was meant to be ignored");
        b->has_document = true;
        break;
    case YAML_SCALAR_EVENT:
        take_scalar(b, e);
        break;
    case YAML_SEQUENCE_START_EVENT:
        begin_node(b, e, DOCUMENT_LIST, e->data.sequence_start.anchor, e->data.sequence_start.tag);
        break;
    case YAML_MAPPING_START_EVENT:
        begin_node(b, e, DOCUMENT_MAP, e->data.mapping_start.anchor, e->data.mapping_start.tag);
        break;
    case YAML_SEQUENCE_END_EVENT:
    case YAML_MAPPING_END_EVENT:
        end_node(b);
        break;
    case YAML_ALIAS_EVENT:
        take_alias(b, e);
        break;
    default:
        break;
    }
    return b->why->len == 0 && e->type != YAML_STREAM_END_EVENT;
}

int document_parse(struct document *d, struct slice text, unsigned *ret_line, struct buf *why)
{
    assert(d->n == 0 && why->len == 0);
    yaml_parser_t parser;
    yaml_event_t e;
    bool more = true;
    if (text.len > DOCUMENT_BYTES_MAX) {
        *ret_line = 1;
        buf_printf(why, "larger than %d MiB; is it the right file?", DOCUMENT_BYTES_MAX >> 20);
        return -EINVAL;
    }
    if (!document_bytes_ok(text, ret_line, why))
        return -EINVAL;
    if (!yaml_parser_initialize(&parser))
        mem_exhausted(sizeof parser);
    yaml_parser_set_input_string(&parser, (const unsigned char *)(text.len ? text.ptr : ""),
                                 text.len);
    struct builder *b = mem_zalloc(sizeof *b);
    *b = (struct builder){ .d = d, .why = why };
    d->nodes = mem_grow(NULL, &d->cap, 1, sizeof *d->nodes);
    d->nodes[d->n++] = (struct document_node){ 0 };
    while (more) {
        if (!yaml_parser_parse(&parser, &e)) {
            document_syntax_error(&parser, text, ret_line, why);
            break;
        }
        more = take_event(b, &e);
        if (why->len > 0)
            *ret_line = (unsigned)e.start_mark.line + 1;
        yaml_event_delete(&e);
    }
    for (uint32_t i = 0; i < b->n_anchors; i++)
        free(b->anchors[i].name);
    free(b);
    yaml_parser_delete(&parser);
    return why->len > 0 ? -EINVAL : 0;
}

void document_release(struct document *d)
{
    free(d->nodes);
    buf_release(&d->text);
    *d = (struct document){ 0 };
}

static const struct document_node *node_at(const struct document *d, uint32_t at)
{
    assert(at < d->n);
    return at != 0 ? &d->nodes[at] : NULL;
}

const struct document_node *document_root(const struct document *d)
{
    return d->n > 1 ? &d->nodes[1] : NULL;
}

const struct document_node *document_first(const struct document *d,
                                           const struct document_node *node)
{
    assert(node->kind == DOCUMENT_LIST || node->kind == DOCUMENT_MAP);
    return node_at(d, node->at);
}

const struct document_node *document_next(const struct document *d,
                                          const struct document_node *node)
{
    return node_at(d, node->next);
}

const struct document_node *document_value(const struct document *d,
                                           const struct document_node *node)
{
    return node->kind == DOCUMENT_ALIAS ? node_at(d, node->at) : node;
}

struct slice document_text(const struct document *d, const struct document_node *node)
{
    assert(node->kind == DOCUMENT_TEXT && node->at + (size_t)node->len <= d->text.len);
    return slice_of(node->len > 0 ? d->text.ptr + node->at : "", node->len);
}

bool document_null(const struct document *d, const struct document_node *node)
{
    if (node->kind != DOCUMENT_TEXT || !node->plain)
        return false;
    static const char *const words[] = { "", "~", "null", "Null", "NULL" };
    for (size_t i = 0; i < ARRAY_LEN(words); i++) {
        if (slice_eq(document_text(d, node), slice_str(words[i])))
            return true;
    }
    return false;
}
