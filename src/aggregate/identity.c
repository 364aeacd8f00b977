#include "aggregate/identity.h"

#include <assert.h>
#include <string.h>

static char *put(char *to, struct slice s)
{
    if (s.len > 0)
        memcpy(to, s.ptr, s.len);
    return to + s.len;
}

struct identity *identity_new(struct arena *memory, const struct sample *s, const struct tags *tags)
{
    assert(s->type < SAMPLE_TYPE_COUNT && s->name_len <= UINT16_MAX && tags->n <= TAGS_ROOM);
    size_t text = s->name_len + (tags->n > 0);
    for (uint32_t i = 0; i < tags->n; i++)
        text += tags->at[i].key.len + tags->at[i].value.len + 2;
    struct identity *id = arena_alloc(memory, sizeof *id + tags->n * sizeof id->tag[0] + text);
    if (id == NULL)
        return NULL;
    *id = (struct identity){ .key_len = (uint32_t)text,
                             .name_len = (uint16_t)s->name_len,
                             .n_tags = (uint16_t)tags->n,
                             .type = s->type };
    char *start = (char *)&id->tag[tags->n], *to = put(start, slice_of(s->name, s->name_len));
    for (uint32_t i = 0; i < tags->n; i++) {
        id->tag[i] = (struct identity_tag){ .key_len = (uint16_t)tags->at[i].key.len,
                                            .value_len = (uint16_t)tags->at[i].value.len,
                                            .order = tags->at[i].order };
        to = put(to, i == 0 ? SLICE_LIT("|#") : SLICE_LIT(","));
        to = put(to, tags->at[i].key);
        to = put(to, SLICE_LIT(":"));
        to = put(to, tags->at[i].value);
    }
    assert(to == start + text);
    id->hash = hash64_bytes(start, text) + (uint64_t)id->type * 0x9E3779B97F4A7C15ull + id->n_tags;
    return id;
}

struct hash128 identity_hash128(const struct identity *id)
{
    uint64_t kind = ((uint64_t)id->type + 1) << 32 | id->n_tags;
    struct hash128 cut = { kind, kind };
    for (unsigned i = 0; i < id->n_tags; i++) {
        uint64_t lengths = (uint64_t)id->tag[i].key_len << 32 | id->tag[i].value_len;
        cut = hash_join(cut, (struct hash128){ lengths, lengths });
    }
    return hash_join(hash_bytes(identity_text(id), id->key_len), cut);
}
