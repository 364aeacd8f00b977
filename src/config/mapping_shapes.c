#include "config/mapping_shapes.h"

#include <stdlib.h>

#include "base/mem.h"

struct glob {
    const char *text;
    size_t length, rule;
};

size_t mapping_shapes_length(const char *glob)
{
    size_t n = 1;
    for (; *glob != '\0'; glob++)
        n += *glob == '.';
    return n;
}

/* Takes the first component off.  returns  whether it is `*` */
static bool take_star(const char **rest)
{
    bool star = **rest == '*';
    while (**rest != '\0' && **rest != '.')
        (*rest)++;
    *rest += **rest == '.';
    return star;
}

static int shape_order(const struct glob *a, const struct glob *b)
{
    const char *x = a->text, *y = b->text;
    if (a->length != b->length)
        return a->length < b->length ? -1 : 1;
    for (size_t i = 0; i < a->length; i++) {
        bool in_x = take_star(&x), in_y = take_star(&y);
        if (in_x != in_y)
            return in_x ? 1 : -1;
    }
    return 0;
}

static int by_shape(const void *a, const void *b)
{
    const struct glob *x = a, *y = b;
    int order = shape_order(x, y);
    return order != 0 ? order : (x->rule > y->rule) - (x->rule < y->rule);
}

static int by_length(const void *a, const void *b)
{
    const struct glob *x = a, *y = b;
    if (x->length != y->length)
        return x->length < y->length ? -1 : 1;
    return (x->rule > y->rule) - (x->rule < y->rule);
}

size_t *mapping_shapes_find(const struct mapping_file *f)
{
    size_t *ret = mem_zalloc((f->n_rules + 1) * sizeof *ret), n = 0, kept = 0;
    struct glob *globs = mem_alloc((f->n_rules + 1) * sizeof *globs);
    for (size_t i = 0; i < f->n_rules; i++) {
        const char *match = f->rules[i].match;
        if (!f->rules[i].regex)
            globs[n++] = (struct glob){ match, mapping_shapes_length(match), i };
    }
    qsort(globs, n, sizeof *globs, by_shape);
    for (size_t i = 0; i < n; i++) { /* the first rule of each shape stays */
        if (kept == 0 || shape_order(&globs[kept - 1], &globs[i]) != 0)
            globs[kept++] = globs[i];
    }
    qsort(globs, kept, sizeof *globs, by_length);
    for (size_t from = 0, to; from < kept; from = to) {
        for (to = from; to < kept && globs[to].length == globs[from].length;)
            to++;
        if (to - from > MAPPING_SHAPES_FEW)
            ret[globs[from + MAPPING_SHAPES_FEW].rule] = to - from;
    }
    free(globs);
    return ret;
}
