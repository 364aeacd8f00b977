#include "aggregate/series.h"

#include <string.h>

#include "aggregate/kind.h"

static struct tuple *tuple_of(struct series *s)
{
    return (struct tuple *)(void *)((char *)s + kind_rows[s->kind]->series_bytes);
}

struct series *series_new(struct slabs *memory, struct symbols *ss, const struct identity *id,
                          const struct profile *profile)
{
    enum series_kind kind = kind_of(id->type);
    const size_t bytes = kind_rows[kind]->series_bytes;
    struct series *s = slabs_alloc(memory, bytes + tuple_bytes_for(id));
    memset(s, 0, bytes);
    s->profile = profile;
    s->kind = (unsigned)kind & 3;
    tuple_init(tuple_of(s), ss, id);
    return s;
}

void series_free(struct series *s, struct slabs *memory, struct symbols *ss)
{
    const struct kind_ops *kind = kind_rows[s->kind];
    struct tuple *t = tuple_of(s);
    size_t bytes = kind->series_bytes + tuple_bytes(t);
    if (kind->series_release != NULL)
        kind->series_release(s);
    tuple_release(t, ss);
    slabs_free(memory, s, bytes);
}

const struct tuple *series_tuple(const struct series *s)
{
    const char *behind = (const char *)s + kind_rows[s->kind]->series_bytes;
    return (const struct tuple *)(const void *)behind;
}
