#include "aggregate/tuple.h"

#include <assert.h>
#include <string.h>

static_assert(offsetof(struct tuple, symbol) == 4, "three tags fit into 24 bytes");

static size_t bytes_of(unsigned n_tags, bool wide)
{
    size_t place = wide ? sizeof(uint16_t) : sizeof(uint8_t);
    return offsetof(struct tuple, symbol) + (1 + n_tags) * sizeof(uint32_t) + n_tags * place;
}

static bool needs_wide(const struct identity *id)
{
    for (unsigned i = 0; i < id->n_tags; i++)
        if (id->tag[i].order > UINT8_MAX)
            return true;
    return false;
}

size_t tuple_bytes_for(const struct identity *id)
{
    return bytes_of(id->n_tags, needs_wide(id));
}

size_t tuple_bytes(const struct tuple *t)
{
    return bytes_of(t->n_tags, t->wide);
}

static unsigned char *places_of(struct tuple *t)
{
    return (unsigned char *)&t->symbol[1 + t->n_tags];
}

static struct symbol_text text_of(const struct identity *id, unsigned tag, size_t *at)
{
    return symbol_text_tag(identity_next_text(id, tag, at).ptr, id->tag[tag].key_len,
                           id->tag[tag].value_len);
}

void tuple_hash(struct identity *id)
{
    size_t at = 0;
    struct symbol_text text = symbol_text_name(identity_name(id));
    id->name_hash = symbol_text_hash(&text);
    for (unsigned i = 0; i < id->n_tags; i++) {
        text = text_of(id, i, &at);
        id->tag[i].hash = symbol_text_hash(&text);
    }
}

void tuple_ahead(const struct symbols *ss, const struct identity *id, unsigned step)
{
    symbols_ahead(ss, id->name_hash, step);
    for (unsigned i = 0; i < id->n_tags; i++)
        symbols_ahead(ss, id->tag[i].hash, step);
}

void tuple_init(struct tuple *t, struct symbols *ss, const struct identity *id)
{
    size_t at = 0;
    struct symbol_text text = symbol_text_name(identity_name(id));
    t->n_tags = id->n_tags;
    t->type = (unsigned)id->type & 0x7f;
    t->wide = needs_wide(id);
    t->profile = 0;
    assert(t->n_tags == id->n_tags && t->type == id->type); /* the bit fields hold them */
    t->symbol[0] = symbols_use(ss, &text, id->name_hash);
    for (unsigned i = 0; i < id->n_tags; i++) {
        const struct identity_tag *tag = &id->tag[i];
        text = text_of(id, i, &at);
        t->symbol[1 + i] = symbols_use(ss, &text, tag->hash);
        if (t->wide)
            memcpy(places_of(t) + i * sizeof tag->order, &tag->order, sizeof tag->order);
        else
            places_of(t)[i] = (unsigned char)tag->order;
    }
}

void tuple_release(struct tuple *t, struct symbols *ss)
{
    for (unsigned i = 0; i < 1u + t->n_tags; i++)
        symbols_drop(ss, t->symbol[i]);
}

struct tag tuple_tag(const struct tuple *t, const struct symbols *ss, unsigned tag)
{
    const struct symbol *s = tuple_symbol(t, ss, tag);
    const unsigned char *places = (const unsigned char *)&t->symbol[1 + t->n_tags];
    uint16_t order = places[tag];
    if (t->wide)
        memcpy(&order, places + tag * sizeof order, sizeof order);
    return (struct tag){ symbol_key(s), symbol_value(s), order };
}

bool tuple_is(const struct tuple *t, const struct symbols *ss, const struct identity *id)
{
    size_t offset = 0;
    if (t->type != id->type || t->n_tags != id->n_tags ||
        !slice_eq(tuple_name(t, ss), identity_name(id)))
        return false;
    for (unsigned i = 0; i < id->n_tags; i++) {
        struct tag tag = identity_next_tag(id, i, &offset);
        const struct symbol *s = tuple_symbol(t, ss, i);
        if (!slice_eq(symbol_key(s), tag.key) || !slice_eq(symbol_value(s), tag.value))
            return false;
    }
    return true;
}

void tuple_key(const struct tuple *t, const struct symbols *ss, struct buf *out)
{
    buf_append_slice(out, tuple_name(t, ss));
    for (unsigned i = 0; i < t->n_tags; i++) {
        const struct symbol *s = tuple_symbol(t, ss, i);
        struct slice key = symbol_key(s), value = symbol_value(s);
        char *to = buf_reserve(out, key.len + value.len + 3);
        *to++ = i == 0 ? '|' : ',';
        if (i == 0)
            *to++ = '#';
        to = slice_put(to, key);
        *to++ = ':';
        to = slice_put(to, value);
        out->len = (size_t)(to - out->ptr);
    }
}
