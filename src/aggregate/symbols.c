/*
 * symbols_use     by the text
 *   symbol_new      with the number of one that went, or the next
 *     escape          the label, if it is another text, in ss->scratch
 */
#include "aggregate/symbols.h"

#include <stdlib.h>
#include <string.h>

#include "aggregate/naming.h"
#include "base/mem.h"

static uint64_t spread(uint32_t hash)
{
    return hash * 0x9E3779B97F4A7C15ull;
}

static uint64_t hash_at(const void *symbols, uint32_t number)
{
    return spread(((const struct symbols *)symbols)->hashes[number]);
}

static void ahead(const void *symbols, uint32_t number, bool soon)
{
    if (soon)
        __builtin_prefetch(&((const struct symbols *)symbols)->hashes[number]);
}

static struct places_array array_of(const struct symbols *ss)
{
    return (struct places_array){ ss, hash_at, ahead };
}

void symbols_init(struct symbols *ss)
{
    *ss = (struct symbols){ .end = 1 };
    slabs_init(&ss->memory);
}

void symbols_release(struct symbols *ss)
{
    assert(ss->index.n == 0);
    places_release(&ss->index);
    slabs_release(&ss->memory);
    buf_release(&ss->scratch);
    free(ss->at);
    free(ss->hashes);
    *ss = (struct symbols){ 0 };
}

size_t symbols_count(const struct symbols *ss)
{
    return ss->index.n;
}

static size_t sent_len(const struct symbol *s)
{
    return s->is_tag ? (size_t)s->key_len + s->value_len + 3 : s->key_len;
}

static size_t symbol_bytes(const struct symbol *s)
{
    return sizeof *s + sent_len(s) + s->escaped_len;
}

static bool is_wanted(const void *symbols, uint32_t number, const void *wanted)
{
    const struct symbol *s = symbols_at(symbols, number);
    const struct symbol_text *t = wanted;
    if (s->is_tag != t->is_tag || s->key_len != t->key_len || s->value_len != t->value_len)
        return false;
    return memcmp(s->text, t->ptr, t->key_len) == 0 &&
           (!t->is_tag || memcmp(symbol_value(s).ptr, t->ptr + t->key_len + 1, t->value_len) == 0);
}

/* The tag's label in ss->scratch.  returns  its length; 0: it is the text that was sent */
static uint32_t escape(struct symbols *ss, const struct symbol_text *t)
{
    buf_clear(&ss->scratch);
    bool same = naming_escape(slice_of(t->ptr, t->key_len), &ss->scratch);
    buf_append(&ss->scratch, "=\"", 2);
    same &= naming_escape_value(slice_of(t->ptr + t->key_len + 1, t->value_len), &ss->scratch);
    buf_append_char(&ss->scratch, '"');
    return same ? 0 : (uint32_t)ss->scratch.len;
}

static void put_text(struct symbol *s, const struct symbol_text *t)
{
    char *to = slice_put(s->text, slice_of(t->ptr, t->key_len));
    if (!t->is_tag)
        return;
    *to++ = '=';
    *to++ = '"';
    to = slice_put(to, slice_of(t->ptr + t->key_len + 1, t->value_len));
    *to = '"';
}

static uint32_t number_new(struct symbols *ss)
{
    uint32_t number = ss->free;
    if (number != 0) {
        ss->free = (uint32_t)ss->at[number].next_free;
        return number;
    }
    ss->at = mem_grow(ss->at, &ss->cap, ss->end + 1u, sizeof *ss->at);
    ss->hashes = mem_grow(ss->hashes, &ss->cap_hashes, ss->end + 1u, sizeof *ss->hashes);
    return ss->end++;
}

static uint32_t symbol_new(struct symbols *ss, const struct symbol_text *t, uint32_t hash)
{
    const uint32_t escaped = t->is_tag ? escape(ss, t) : 0;
    const struct symbol head = { .is_tag = t->is_tag,
                                 .escaped_len = escaped,
                                 .key_len = t->key_len,
                                 .value_len = t->value_len };
    struct symbol *s = slabs_alloc(&ss->memory, symbol_bytes(&head));
    *s = head;
    put_text(s, t);
    if (escaped > 0)
        memcpy(s->text + sent_len(s), ss->scratch.ptr, escaped);
    const uint32_t number = number_new(ss);
    ss->at[number].symbol = s;
    ss->hashes[number] = hash;
    const struct places_array array = array_of(ss);
    places_put(&ss->index, &array, number);
    return number;
}

uint32_t symbols_use(struct symbols *ss, const struct symbol_text *t, uint32_t hash)
{
    const struct places_array array = array_of(ss);
    uint32_t number = places_find(&ss->index, &array, spread(hash), is_wanted, t);
    if (number == PLACES_NONE)
        number = symbol_new(ss, t, hash);
    assert(ss->at[number].symbol->users < INT32_MAX);
    ss->at[number].symbol->users++;
    return number;
}

void symbols_ahead(const struct symbols *ss, uint32_t hash, unsigned step)
{
    if (step == 0) {
        places_prefetch(&ss->index, spread(hash));
        return;
    }
    const uint32_t number = places_likely(&ss->index, spread(hash));
    if (number == PLACES_NONE)
        return;
    if (step == 1)
        __builtin_prefetch(&ss->at[number]);
    else
        __builtin_prefetch(ss->at[number].symbol, 1);
}

void symbols_drop(struct symbols *ss, uint32_t number)
{
    assert(number > 0 && number < ss->end && ss->at[number].symbol->users > 0);
    struct symbol *s = ss->at[number].symbol;
    const struct places_array array = array_of(ss);
    if (--s->users > 0)
        return;
    places_remove(&ss->index, &array, number, ss->end);
    slabs_free(&ss->memory, s, symbol_bytes(s));
    ss->at[number].next_free = ss->free;
    ss->free = number;
    ss->gone++;
}
