/*
 * symbols_name, symbols_tag
 *   spell         the text as a symbol keeps it, in ss->scratch
 *   find_or_new   by that text
 *     symbol_new    with the number of one that went, or the next
 */
#include "aggregate/symbols.h"

#include "aggregate/naming.h"
#include "base/hash.h"
#include "base/mem.h"

/* A text that is looked for: cut so, as a symbol keeps it. */
struct wanted {
    struct slice text;
    uint32_t hash;
    uint16_t key_len, value_len;
    bool is_tag;
};

static uint64_t spread(uint32_t hash)
{
    return hash * 0x9E3779B97F4A7C15ull;
}

static uint64_t hash_at(const void *symbols, uint32_t number)
{
    return spread(((const struct symbols *)symbols)->hashes[number]);
}

static struct places_array array_of(const struct symbols *ss)
{
    return (struct places_array){ ss, hash_at };
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
    const struct wanted *w = wanted;
    return s->key_len == w->key_len && s->value_len == w->value_len && s->is_tag == w->is_tag &&
           memcmp(s->text, w->text.ptr, w->text.len) == 0;
}

/*
 * The tag in ss->scratch as /metrics shows it, if that is another text: it is put behind the one
 * that was sent.  returns  its length, or 0
 */
static uint32_t escape(struct symbols *ss, const struct wanted *w)
{
    const struct slice key = slice_of(w->text.ptr, w->key_len);
    const struct slice value = slice_of(w->text.ptr + w->key_len + 2, w->value_len);
    struct buf label = { 0 };
    bool same = naming_escape(key, &label);
    buf_append(&label, "=\"", 2);
    same &= naming_escape_value(value, &label);
    buf_append_char(&label, '"');
    if (!same)
        buf_append_slice(&ss->scratch, buf_slice(&label));
    uint32_t len = same ? 0 : (uint32_t)label.len;
    buf_release(&label);
    return len;
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

static uint32_t symbol_new(struct symbols *ss, const struct wanted *w)
{
    const size_t sent = w->text.len;
    const uint32_t escaped = w->is_tag ? escape(ss, w) : 0;
    const struct symbol head = { .is_tag = w->is_tag,
                                 .escaped_len = escaped,
                                 .key_len = w->key_len,
                                 .value_len = w->value_len };
    struct symbol *s = slabs_zalloc(&ss->memory, symbol_bytes(&head));
    *s = head;
    memcpy(s->text, ss->scratch.ptr, sent + escaped);
    uint32_t number = number_new(ss);
    ss->at[number].symbol = s;
    ss->hashes[number] = w->hash;
    const struct places_array array = array_of(ss);
    places_put(&ss->index, &array, number);
    return number;
}

/* What is in ss->scratch. */
static uint32_t find_or_new(struct symbols *ss, size_t key_len, size_t value_len, bool is_tag)
{
    assert(key_len <= UINT16_MAX && value_len <= UINT16_MAX);
    const struct places_array array = array_of(ss);
    struct wanted w = { .text = buf_slice(&ss->scratch),
                        .key_len = (uint16_t)key_len,
                        .value_len = (uint16_t)value_len,
                        .is_tag = is_tag };
    w.hash = (uint32_t)hash64_bytes(w.text.ptr, w.text.len) + w.key_len;
    uint32_t number = places_find(&ss->index, &array, spread(w.hash), is_wanted, &w);
    if (number == PLACES_NONE)
        number = symbol_new(ss, &w);
    assert(ss->at[number].symbol->users < INT32_MAX);
    ss->at[number].symbol->users++;
    return number;
}

uint32_t symbols_name(struct symbols *ss, struct slice name)
{
    buf_clear(&ss->scratch);
    buf_append_slice(&ss->scratch, name);
    return find_or_new(ss, name.len, 0, false);
}

uint32_t symbols_tag(struct symbols *ss, struct slice key, struct slice value)
{
    buf_clear(&ss->scratch);
    char *to = slice_put(buf_reserve(&ss->scratch, key.len + value.len + 3), key);
    *to++ = '=';
    *to++ = '"';
    to = slice_put(to, value);
    *to = '"';
    ss->scratch.len = key.len + value.len + 3;
    return find_or_new(ss, key.len, value.len, true);
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
}
