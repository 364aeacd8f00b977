/**
 *   mapping_cases_load -> mapping_cases_load_text
 *     read_list
 *       read_mapping    the first element
 *       read_case       each of the others
 */
#include "config/mapping_cases.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "config/escape.h"
#include "config/mapping_reader.h"
#include "config/mapping_scalar.h"

/* name as seen from the folder that path is in. */
static char *beside(const char *path, struct slice name)
{
    struct buf out = { 0 };
    const char *slash = strrchr(path, '/');
    if (name.ptr[0] != '/' && slash != NULL)
        buf_append(&out, path, (size_t)(slash - path) + 1);
    buf_append_slice(&out, name);
    char *made = mem_strndup(out.ptr, out.len);
    buf_release(&out);
    return made;
}

/* Is node {mapping: ...}? */
static bool is_mapping(const struct document *d, const struct document_node *node)
{
    const struct document_node *key = node->kind == DOCUMENT_MAP ? document_first(d, node) : NULL;
    return key != NULL && key->kind == DOCUMENT_TEXT &&
           slice_eq(document_text(d, key), SLICE_LIT("mapping"));
}

static void read_mapping(struct mapping_reader *r, const struct document_node *node,
                         struct mapping_cases *c)
{
    static const struct mapping_key keys[] = {
        { "mapping", NULL },
        { "name", "belongs to a case of its own: - name:" },
        { "lines", "belongs to a case, which begins with - name:" },
        { "expect", "belongs to a case, which begins with - name:" },
        { "absent", "belongs to a case, which begins with - name:" },
    };
    struct mapping_field f[ARRAY_LEN(keys)];
    struct slice name = { 0 };
    mapping_reader_fields(r, node, "", keys, ARRAY_LEN(keys), f);
    if (f[0].node == NULL || (mapping_scalar_text(r, &f[0], &name) && name.len == 0))
        mapping_reader_wrong(r, &f[0], "names no file");
    else if (name.len > 0)
        c->mapping = beside(c->path, name);
}

static const char mapping_hint[] = "stands in the first element of the file alone: - mapping: FILE";

static char *take_text(struct mapping_reader *r, const struct mapping_field *f)
{
    struct slice text;
    return mapping_scalar_text(r, f, &text) ? mem_strndup(text.ptr, text.len) : NULL;
}

static void read_case(struct mapping_reader *r, const struct document_node *node, unsigned line,
                      struct mapping_case *ret)
{
    enum { NAME, LINES, EXPECT, ABSENT };
    static const struct mapping_key keys[] = {
        [NAME] = { "name", NULL },
        [LINES] = { "lines", NULL },
        [EXPECT] = { "expect", NULL },
        [ABSENT] = { "absent", NULL },
        { "line", "write lines, also for one" },
        { "mapping", mapping_hint },
    };
    struct mapping_field f[ARRAY_LEN(keys)];
    *ret = (struct mapping_case){ .line = line };
    mapping_reader_fields(r, node, "", keys, ARRAY_LEN(keys), f);
    if (node->kind != DOCUMENT_MAP)
        return;
    ret->name = take_text(r, &f[NAME]);
    ret->lines = take_text(r, &f[LINES]);
    ret->expect = take_text(r, &f[EXPECT]);
    ret->absent = take_text(r, &f[ABSENT]);
    if (f[NAME].node == NULL)
        mapping_reader_mistake(r, line, "the case has no name: say what it shows");
    if (f[LINES].node == NULL)
        mapping_reader_mistake(r, line, "the case has no lines: what is sent to the server");
    if (f[EXPECT].node == NULL && f[ABSENT].node == NULL)
        mapping_reader_mistake(r, line,
                               "the case expects nothing: give expect, or absent; expect: \"\" is "
                               "for lines of which nothing is shown");
}

static void read_list(struct mapping_reader *r, const struct document_node *root,
                      struct mapping_cases *c)
{
    const struct document *d = &r->document;
    size_t cap = 0;
    bool empty = root == NULL || document_null(d, root);
    if (!empty && root->kind != DOCUMENT_LIST) {
        if (root->whole)
            mapping_reader_mistake(r, root->line,
                                   "the file has to be a list: - mapping: FILE, "
                                   "and then cases that begin with - name:");
        return;
    }
    const struct document_node *at = empty ? NULL : document_first(d, root);
    if (at != NULL && is_mapping(d, document_value(d, at))) {
        read_mapping(r, document_value(d, at), c);
        at = document_next(d, at);
    }
    for (; at != NULL && !mapping_reader_full(r); at = document_next(d, at)) {
        const struct document_node *node = document_value(d, at);
        if (!node->whole)
            return;
        if (c->n == MAPPING_CASES_MAX) {
            mapping_reader_mistake(r, at->line, "more than %d cases; make several files of it",
                                   MAPPING_CASES_MAX);
            return;
        }
        if (is_mapping(d, node)) {
            mapping_reader_mistake(r, at->line, "mapping: %s", mapping_hint);
            continue;
        }
        c->cases = mem_grow(c->cases, &cap, c->n + 1, sizeof *c->cases);
        read_case(r, node, at->line, &c->cases[c->n++]);
    }
    if (c->n == 0 && r->n_mistakes == 0)
        mapping_reader_mistake(r, 1,
                               "there is no case in it: - {name: ..., lines: ..., "
                               "expect: ...}");
}

int mapping_cases_load_text(const char *path, struct slice text, struct mapping_cases *ret,
                            struct buf *ret_errors)
{
    struct mapping_reader r = { .path = path };
    struct mapping_cases c = { .path = mem_strdup(path) };
    struct buf why = { 0 };
    unsigned line = 0;
    if (document_parse(&r.document, text, &line, &why) != 0)
        mapping_reader_mistake(&r, line, "%.*s", (int)why.len, why.ptr);
    read_list(&r, document_root(&r.document), &c);
    bool good = r.n_mistakes == 0;
    mapping_reader_print(&r, ret_errors);
    mapping_reader_release(&r);
    buf_release(&why);
    if (!good) {
        mapping_cases_release(&c);
        return -EINVAL;
    }
    assert(c.n > 0);
    *ret = c;
    return 0;
}

int mapping_cases_load(const char *path, struct mapping_cases *ret, struct buf *ret_errors)
{
    struct buf text = { 0 };
    int rc = mapping_reader_file(path, "test file", &text, ret_errors);
    if (rc == 0)
        rc = mapping_cases_load_text(path, buf_slice(&text), ret, ret_errors);
    buf_release(&text);
    return rc;
}

void mapping_cases_release(struct mapping_cases *c)
{
    for (size_t i = 0; i < c->n; i++) {
        free(c->cases[i].name);
        free(c->cases[i].lines);
        free(c->cases[i].expect);
        free(c->cases[i].absent);
    }
    free(c->cases);
    free(c->mapping);
    free(c->path);
    *c = (struct mapping_cases){ 0 };
}
