#include "aggregate/sketch.h"
#include "aggregate/sketch_window.h"

static void sort_few(const struct sketch_few *few, struct sketch_few *ret)
{
    ret->used = few->used;
    for (uint32_t n = 0; n < few->used; n++) {
        uint32_t i = n;
        for (; i > 0 && ret->at[i - 1] > few->at[n]; i--) {
            ret->at[i] = ret->at[i - 1];
            ret->count[i] = ret->count[i - 1];
        }
        ret->at[i] = few->at[n];
        ret->count[i] = few->count[n];
    }
}

void sketch_buckets_begin(const struct sketch *k, bool negative, struct sketch_buckets *ret)
{
    const struct sketch_window *w = negative ? k->neg : &k->pos;
    uint32_t first = 0, last = 0;
    ret->window = NULL;
    ret->schema = (int)k->pos.schema;
    ret->first = 0;
    ret->last = -1;
    if (w == NULL)
        return;
    ret->schema = (int)w->schema;
    sketch_window_check(w);
    if (w->n == 0 || !sketch_window_span(w, &first, &last))
        return;
    ret->window = w;
    ret->first = w->first + (int32_t)first;
    ret->last = w->first + (int32_t)last;
    ret->next = w->width == 0 ? 0 : first;
    if (w->width == 0)
        sort_few(w->counts, &ret->sorted);
}

static bool next_of_list(struct sketch_buckets *b)
{
    if (b->next == b->sorted.used)
        return false;
    b->index = b->window->first + b->sorted.at[b->next];
    b->count = b->sorted.count[b->next++];
    return true;
}

bool sketch_buckets_next(struct sketch_buckets *b)
{
    const struct sketch_window *w = b->window;
    if (w == NULL)
        return false;
    if (w->width == 0)
        return next_of_list(b);
    for (; w->first + (int32_t)b->next <= b->last; b->next++) {
        b->count = sketch_window_count(w, b->next);
        if (b->count > 0) {
            b->index = w->first + (int32_t)b->next++;
            return true;
        }
    }
    return false;
}
