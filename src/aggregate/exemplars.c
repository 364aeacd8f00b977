#include "aggregate/exemplars.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum { SLOTS_MIN = 64, TEXT_MIN = 32 };

static struct cell_exemplar *slot_of(struct cell_exemplar *slots, uint32_t n_slots,
                                     const struct cell *c)
{
    uint64_t hash = (uint64_t)(uintptr_t)c * 0x9E3779B97F4A7C15ull;
    uint32_t at = (uint32_t)(hash >> 32) & (n_slots - 1);
    while (slots[at].cell != NULL && slots[at].cell != c)
        at = (at + 1) & (n_slots - 1);
    return &slots[at];
}

/* At most three quarters full. */
static bool reserve(struct exemplars *x)
{
    if (x->n < x->n_slots / 4 * 3)
        return true;
    uint32_t more = x->n_slots > 0 ? x->n_slots * 2 : SLOTS_MIN;
    struct cell_exemplar *slots = calloc(more, sizeof *slots);
    if (slots == NULL)
        return false;
    for (uint32_t i = 0; i < x->n_slots; i++)
        if (x->slots[i].cell != NULL)
            *slot_of(slots, more, x->slots[i].cell) = x->slots[i];
    free(x->slots);
    x->slots = slots;
    x->n_slots = more;
    return true;
}

static bool text_room(struct cell_exemplar *e, size_t len)
{
    if (len <= e->cap)
        return true;
    size_t cap = TEXT_MIN;
    while (cap < len)
        cap *= 2;
    char *text = realloc(e->text, cap);
    if (text == NULL)
        return false;
    e->text = text;
    e->cap = (uint32_t)cap;
    return true;
}

bool exemplars_put(struct exemplars *x, const struct cell *c, struct slice text, double value,
                   uint64_t at_ns)
{
    assert(c != NULL && text.len > 0);
    if (!reserve(x))
        return false;
    struct cell_exemplar *e = slot_of(x->slots, x->n_slots, c);
    if (!text_room(e, text.len))
        return false;
    x->n += e->cell == NULL;
    memcpy(e->text, text.ptr, text.len);
    e->cell = c;
    e->len = (uint32_t)text.len;
    e->value = value;
    e->at_ns = at_ns;
    return true;
}

void exemplars_clear(struct exemplars *x)
{
    for (uint32_t i = 0; i < x->n_slots; i++)
        free(x->slots[i].text);
    free(x->slots);
    *x = (struct exemplars){ 0 };
}
