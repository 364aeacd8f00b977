/**
 *   mapping_reader_file
 *   mapping_reader_fields
 *     mapping_reader_pairs -> walk_map, which calls itself for a merge key -> walk_pair
 *     take_field             one pair
 *       no_such_key          told with the nearest key that there is
 *   mapping_reader_mistake, mapping_reader_wrong <- every part that finds one
 *   mapping_reader_print
 */
#include "config/mapping_reader.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/err.h"
#include "base/mem.h"
#include "config/escape.h"
#include "config/guess.h"
#include "config/mapping_values.h"

enum { KEYS_MAX = 64 };

int mapping_reader_file(const char *path, const char *what, struct buf *ret, struct buf *ret_errors)
{
    int fd = (int)TEMP_FAILURE_RETRY(open(path, O_RDONLY | O_CLOEXEC));
    ssize_t n = fd < 0 ? -1 : 1;
    /* One byte more than a document may have: document_parse tells that it is too long. */
    while (n > 0 && ret->len <= DOCUMENT_BYTES_MAX) {
        n = TEMP_FAILURE_RETRY(read(fd, buf_reserve(ret, 65536), 65536));
        ret->len += n > 0 ? (size_t)n : 0;
    }
    if (n < 0) {
        const char *why = err_text(errno);
        escape_text(slice_str(path), ret_errors);
        buf_printf(ret_errors, ": cannot read the %s: %s\n", what, why);
    }
    if (fd >= 0)
        close(fd);
    return n < 0 ? -EINVAL : 0;
}

void mapping_reader_release(struct mapping_reader *r)
{
    for (size_t i = 0; i < r->n_mistakes && i < MAPPING_MISTAKES_MAX; i++)
        free(r->mistakes[i].text);
    free(r->mistakes);
    document_release(&r->document);
}

bool mapping_reader_full(const struct mapping_reader *r)
{
    return r->n_mistakes > MAPPING_MISTAKES_MAX;
}

void mapping_reader_where(const char *path, unsigned line, size_t rule, struct slice match,
                          struct buf *out)
{
    escape_text(slice_str(path), out);
    buf_printf(out, ":%u: ", line);
    if (rule == 0)
        return;
    buf_printf(out, "rule %zu", rule);
    if (match.len > 0) {
        buf_append_str(out, " (");
        escape_short(match, out);
        buf_append_str(out, ")");
    }
    buf_append_str(out, ": ");
}

static void __attribute__((format(printf, 4, 0)))
add_mistake(struct mapping_reader *r, unsigned line, const char *subject, const char *format,
            va_list args)
{
    if (r->n_mistakes++ >= MAPPING_MISTAKES_MAX)
        return;
    struct buf text = { 0 };
    va_list again;
    mapping_reader_where(r->path, line, r->rule, r->match, &text);
    buf_append_str(&text, subject);
    va_copy(again, args);
    int n = vsnprintf(NULL, 0, format, again);
    va_end(again);
    assert(n >= 0);
    vsnprintf(buf_reserve(&text, (size_t)n + 1), (size_t)n + 1, format, args);
    text.len += (size_t)n;
    r->mistakes = mem_grow(r->mistakes, &r->cap_mistakes, r->n_mistakes, sizeof *r->mistakes);
    r->mistakes[r->n_mistakes - 1] = (struct mapping_mistake){
        .line = line, .number = r->n_mistakes, .text = mem_strndup(text.ptr, text.len)
    };
    buf_release(&text);
}

void mapping_reader_mistake(struct mapping_reader *r, unsigned line, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    add_mistake(r, line, "", format, args);
    va_end(args);
}

void mapping_reader_wrong(struct mapping_reader *r, const struct mapping_field *f,
                          const char *format, ...)
{
    struct buf subject = { 0 };
    va_list args;
    buf_printf(&subject, "%s%s: ", f->block, f->name);
    if (f->node != NULL && f->node->kind == DOCUMENT_TEXT) {
        buf_append_char(&subject, '\'');
        escape_short(document_text(&r->document, f->node), &subject);
        buf_append_str(&subject, "' ");
    }
    buf_append_char(&subject, '\0');
    va_start(args, format);
    add_mistake(r, f->line, subject.ptr, format, args);
    va_end(args);
    buf_release(&subject);
}

static int by_line(const void *a, const void *b)
{
    const struct mapping_mistake *x = a, *y = b;
    if (x->line != y->line)
        return x->line < y->line ? -1 : 1;
    return (x->number > y->number) - (x->number < y->number);
}

void mapping_reader_print(struct mapping_reader *r, struct buf *out)
{
    size_t n = r->n_mistakes < MAPPING_MISTAKES_MAX ? r->n_mistakes : MAPPING_MISTAKES_MAX;
    if (n > 0)
        qsort(r->mistakes, n, sizeof *r->mistakes, by_line);
    for (size_t i = 0; i < n; i++)
        buf_printf(out, "%s\n", r->mistakes[i].text);
    if (r->n_mistakes > n) {
        escape_text(slice_str(r->path), out);
        buf_printf(out, ": more than %d mistakes; the rest of the file was not read\n",
                   MAPPING_MISTAKES_MAX);
    }
}

static void no_such_key(struct mapping_reader *r, const struct document_node *key,
                        const char *block, const struct mapping_key *keys, size_t n)
{
    struct slice name = document_text(&r->document, key);
    struct buf shown = { 0 };
    const char *near = NULL;
    size_t least = name.len < 5 ? 2 : 3;
    escape_short(name, &shown);
    buf_append_char(&shown, '\0');
    for (size_t i = 0; i < n; i++) {
        size_t d = guess_distance(name, slice_str(keys[i].name), least);
        if (d < least && keys[i].hint == NULL) {
            least = d;
            near = keys[i].name;
        }
    }
    if (near != NULL)
        mapping_reader_mistake(r, key->line, "%s%s: no such key here; did you mean %s?", block,
                               shown.ptr, near);
    else {
        struct buf all = { 0 };
        for (size_t i = 0; i < n && keys[i].hint == NULL; i++)
            buf_printf(&all, "%s%s", i > 0 ? ", " : "", keys[i].name);
        buf_append_char(&all, '\0');
        mapping_reader_mistake(r, key->line, "%s%s: no such key here; there are %s", block,
                               shown.ptr, all.ptr);
        buf_release(&all);
    }
    buf_release(&shown);
}

/* The way of mapping_reader_pairs through a map and those that it merges. */
struct walk {
    const char *block;
    mapping_pair_fn fn;
    void *cookie;
};

static bool is_merge(const struct document *d, const struct document_node *key)
{
    return key->plain && slice_eq(document_text(d, key), SLICE_LIT("<<"));
}

static void walk_map(struct mapping_reader *r, const struct walk *w,
                     const struct document_node *map, bool merged);

/* value: of a merge key: a map, or a list of maps, of which earlier ones win. */
static void walk_merge(struct mapping_reader *r, const struct walk *w,
                       const struct document_node *value)
{
    const struct document *d = &r->document;
    if (value->kind != DOCUMENT_LIST) {
        walk_map(r, w, value, true);
        return;
    }
    for (const struct document_node *at = document_first(d, value); at != NULL;
         at = document_next(d, at))
        walk_map(r, w, document_value(d, at), true);
}

static void walk_pair(struct mapping_reader *r, const struct walk *w,
                      const struct document_node *key, const struct document_node *value,
                      bool merging, bool merged)
{
    if (key->kind != DOCUMENT_TEXT) {
        if (!merging)
            mapping_reader_mistake(r, key->line,
                                   "a key is a word; put a text with { or [ in quotes");
    } else if (is_merge(&r->document, key) && merging)
        walk_merge(r, w, value);
    else if (!is_merge(&r->document, key) && !merging)
        w->fn(r, w->cookie, key, value, merged);
}

/* The map's own pairs first, then those that it merges. */
static void walk_map(struct mapping_reader *r, const struct walk *w,
                     const struct document_node *map, bool merged)
{
    const struct document *d = &r->document;
    if (map->kind != DOCUMENT_MAP) {
        mapping_reader_mistake(r, map->line, "%.*s%skeys are wanted here, each as key: value",
                               (int)strcspn(w->block, "."), w->block,
                               w->block[0] != '\0' ? ": " : "");
        return;
    }
    for (int merging = 0; merging < 2; merging++) {
        const struct document_node *key = document_first(d, map), *value;
        for (; key != NULL && !mapping_reader_full(r); key = document_next(d, value)) {
            value = document_next(d, key);
            if (value == NULL) /* the text broke off behind the key */
                break;
            walk_pair(r, w, document_value(d, key), document_value(d, value), merging == 1, merged);
        }
    }
}

void mapping_reader_pairs(struct mapping_reader *r, const struct document_node *map,
                          const char *block, mapping_pair_fn fn, void *cookie)
{
    struct walk w = { .block = block, .fn = fn, .cookie = cookie };
    walk_map(r, &w, map, false);
}

/* The fields of one map while they are collected. */
struct fields {
    const char *block;
    const struct mapping_key *keys;
    size_t n;
    struct mapping_field *ret;
    unsigned given_at[KEYS_MAX]; /* line of the key; 0: not given */
};

static void take_field(struct mapping_reader *r, void *cookie, const struct document_node *key,
                       const struct document_node *value, bool merged)
{
    struct fields *f = cookie;
    struct slice name = document_text(&r->document, key);
    size_t i = 0;
    while (i < f->n && !slice_eq(name, slice_str(f->keys[i].name)))
        i++;
    if (i == f->n)
        no_such_key(r, key, f->block, f->keys, f->n);
    else if (f->keys[i].hint != NULL)
        mapping_reader_mistake(r, key->line, "%s%s: %s", f->block, f->keys[i].name,
                               f->keys[i].hint);
    else if (f->given_at[i] == 0) {
        f->given_at[i] = key->line;
        f->ret[i].node = document_null(&r->document, value) ? NULL : value;
        f->ret[i].line = value->line;
    } else if (!merged)
        mapping_reader_mistake(r, key->line,
                               "%s%s: given twice, first on line %u; keep one of them", f->block,
                               f->keys[i].name, f->given_at[i]);
}

void mapping_reader_fields(struct mapping_reader *r, const struct document_node *map,
                           const char *block, const struct mapping_key *keys, size_t n,
                           struct mapping_field *ret)
{
    assert(n <= KEYS_MAX);
    struct fields f = { .block = block, .keys = keys, .n = n, .ret = ret };
    for (size_t i = 0; i < n; i++)
        ret[i] = (struct mapping_field){ .line = map->line, .block = block, .name = keys[i].name };
    mapping_reader_pairs(r, map, block, take_field, &f);
}
