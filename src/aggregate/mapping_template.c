#include "aggregate/mapping_template.h"

#include <stdlib.h>

#include "base/mem.h"

static bool is_word(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '_';
}

/*
 * A name or {name} at the front of rest, which is what follows a `$`: taken off.
 *   returns  false: there is none, rest is unchanged
 */
static bool take_reference(struct slice *rest, struct slice *ret)
{
    size_t from = rest->len > 0 && rest->ptr[0] == '{', to = from;
    while (to < rest->len && is_word(rest->ptr[to]))
        to++;
    if (to == from)
        return false;
    *ret = slice_of(rest->ptr + from, to - from);
    if (from > 0) {
        if (to == rest->len || rest->ptr[to] != '}')
            return false;
        to++;
    }
    *rest = slice_of(rest->ptr + to, rest->len - to);
    return true;
}

/* returns  < 0: not a number as references have them, so a name: "1x", "01", one far too large */
static int32_t number_of(struct slice name)
{
    int32_t n = 0;
    if (name.len > 1 && name.ptr[0] == '0')
        return -1;
    for (size_t i = 0; i < name.len; i++) {
        if (name.ptr[i] < '0' || name.ptr[i] > '9' || n >= 100000000)
            return -1;
        n = n * 10 + (name.ptr[i] - '0');
    }
    return n;
}

struct draft {
    struct mapping_template *t;
    size_t cap;
};

static struct mapping_part *add(struct draft *d, struct slice text, int32_t capture)
{
    struct mapping_template *t = d->t;
    t->parts = mem_grow(t->parts, &d->cap, t->n + 1, sizeof *t->parts);
    t->parts[t->n] = (struct mapping_part){ .text = text, .capture = capture };
    return &t->parts[t->n++];
}

static void add_text(struct draft *d, struct slice text)
{
    if (text.len == 0)
        return;
    add(d, text, -1);
    d->t->has_text = true;
}

static void add_reference(struct draft *d, struct slice name, mapping_group_of *group_of,
                          const void *cookie)
{
    int32_t number = number_of(name);
    struct mapping_part *part = NULL;
    if (number >= 0) {
        add(d, name, number);
        return;
    }
    for (size_t nth = 0; group_of != NULL; nth++) {
        number = group_of(cookie, name, nth);
        if (number < 0)
            break;
        if (part != NULL)
            part->or_next = true;
        part = add(d, name, number);
    }
}

void mapping_template_init(struct mapping_template *t, const char *text, mapping_group_of *group_of,
                           const void *cookie)
{
    struct slice rest = slice_str(text), before, name;
    struct draft d = { .t = t };
    *t = (struct mapping_template){ 0 };
    while (slice_cut(&rest, '$', &before)) {
        if (take_reference(&rest, &name)) {
            add_text(&d, before);
            add_reference(&d, name, group_of, cookie);
            continue;
        }
        /* It stands for itself, and a second one behind it for nothing */
        add_text(&d, slice_of(before.ptr, before.len + 1));
        if (rest.len > 0 && rest.ptr[0] == '$')
            rest = slice_of(rest.ptr + 1, rest.len - 1);
    }
    add_text(&d, rest);
}

void mapping_template_release(struct mapping_template *t)
{
    free(t->parts);
    *t = (struct mapping_template){ 0 };
}

/* A capture of part *i; of several groups of one name, the first that took part, *i then being the
 * last of them.  Empty: there is none. */
static struct slice captured(const struct mapping_template *t, size_t *i,
                             const struct slice *captures, size_t n_captures)
{
    int32_t capture = t->parts[*i].capture;
    if ((size_t)capture >= n_captures || captures[capture].ptr == NULL)
        return slice_of("", 0);
    while (t->parts[*i].or_next)
        ++*i;
    return captures[capture];
}

void mapping_template_fill(const struct mapping_template *t, const struct slice *captures,
                           size_t n_captures, struct buf *out)
{
    for (size_t i = 0; i < t->n; i++)
        buf_append_slice(out, t->parts[i].capture < 0 ? t->parts[i].text
                                                      : captured(t, &i, captures, n_captures));
}

bool mapping_template_is_empty(const struct mapping_template *t, const struct slice *captures,
                               size_t n_captures)
{
    if (t->has_text)
        return false;
    for (size_t i = 0; i < t->n; i++)
        if (captured(t, &i, captures, n_captures).len > 0)
            return false;
    return true;
}
