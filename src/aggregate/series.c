#include "aggregate/series.h"

#include <string.h>

#include "aggregate/kind.h"

/* Without the tuple. */
static size_t head_bytes(const struct series *s)
{
    return s->bare ? sizeof *s : kind_rows[s->kind]->series_bytes;
}

static struct tuple *tuple_of(struct series *s)
{
    return (struct tuple *)(void *)((char *)s + head_bytes(s));
}

struct series *series_new(struct slabs *memory, struct symbols *ss, const struct identity *id,
                          uint8_t profile, bool bare)
{
    const enum series_kind kind = kind_of(id->type);
    const struct series head = { .kind = (unsigned)kind & 3, .bare = bare };
    const size_t bytes = head_bytes(&head);
    struct series *s = slabs_alloc(memory, bytes + tuple_bytes_for(id));
    memset(s, 0, bytes);
    *s = head;
    tuple_init(tuple_of(s), ss, id);
    series_set_profile(s, profile);
    return s;
}

void series_clear(struct series *s)
{
    if (!s->bare && kind_rows[s->kind]->series_release != NULL)
        kind_rows[s->kind]->series_release(s);
}

void series_free(struct series *s, struct slabs *memory, struct symbols *ss)
{
    struct tuple *t = tuple_of(s);
    const size_t bytes = head_bytes(s) + tuple_bytes(t);
    series_clear(s);
    tuple_release(t, ss);
    slabs_free(memory, s, bytes);
}

const struct tuple *series_tuple(const struct series *s)
{
    return (const struct tuple *)(const void *)((const char *)s + head_bytes(s));
}

const struct profile *series_profile(const struct series *s, const struct profiles *ps)
{
    return profiles_at(ps, series_tuple(s)->profile);
}

void series_set_profile(struct series *s, uint8_t profile)
{
    tuple_of(s)->profile = profile;
}
