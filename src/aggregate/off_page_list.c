#include "aggregate/off_page_list.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/mem.h"

enum { FORGET_S = 3600 };

/* A note as kept: its texts stand behind it. */
struct kept {
    struct off_page_note note;
    uint64_t hash;
    char text[];
};

const char *off_page_word(enum off_page why)
{
    static const char *const words[] = {
#define X(id, word) word,
        OFF_PAGE_REASONS(X)
#undef X
    };
    return words[why];
}

static void off_page_check(const struct off_page_list *l)
{
    assert(l->n <= OFF_PAGE_MAX && l->n <= l->cap && l->by_hash.n == l->n);
}

static uint64_t kept_hash(const void *note)
{
    return ((const struct kept *)note)->hash;
}

/* By the hash of the whole names: what is kept of them is cut. */
static bool kept_is(const void *note, const void *hash)
{
    return ((const struct kept *)note)->hash == *(const uint64_t *)hash;
}

static uint64_t note_hash(const struct off_page_note *n)
{
    const uint64_t parts[] = { hash64_bytes(n->metric.ptr, n->metric.len),
                               hash64_bytes(n->other.ptr, n->other.len), (uint64_t)n->why,
                               (uint64_t)n->type, (uint64_t)n->other_type };
    return hash64_bytes(parts, sizeof parts);
}

void off_page_init(struct off_page_list *l)
{
    *l = (struct off_page_list){ 0 };
    index_init(&l->by_hash, kept_hash);
}

void off_page_release(struct off_page_list *l)
{
    for (size_t i = 0; i < l->n; i++)
        free(l->at[i]);
    free(l->at);
    index_release(&l->by_hash);
    *l = (struct off_page_list){ 0 };
}

/* Names that are silent make room for those that are not. */
static void sweep(struct off_page_list *l, uint32_t now_s)
{
    if (l->swept_s == now_s)
        return;
    l->swept_s = now_s;
    for (size_t i = 0; i < l->n;) {
        if (now_s - l->at[i]->last_s < FORGET_S) {
            i++;
            continue;
        }
        index_remove(&l->by_hash, l->at[i]);
        free(l->at[i]);
        l->at[i] = l->at[--l->n];
    }
}

/* The first OFF_PAGE_TEXT_MAX bytes, without half a code point at their end. */
static struct slice cut(struct slice s)
{
    if (s.len <= OFF_PAGE_TEXT_MAX)
        return s;
    size_t n = OFF_PAGE_TEXT_MAX;
    while (n > 0 && ((unsigned char)s.ptr[n] & 0xc0) == 0x80)
        n--;
    return slice_of(s.ptr, n);
}

static struct slice keep(char **to, struct slice s)
{
    struct slice kept = slice_of(*to, s.len);
    if (s.len > 0)
        memcpy(*to, s.ptr, s.len);
    *to += s.len;
    return kept;
}

static struct off_page_note *note_new(const struct off_page_note *n, uint64_t hash)
{
    struct slice metric = cut(n->metric), sent = cut(n->sent), other = cut(n->other);
    struct kept *k = mem_alloc(sizeof *k + metric.len + sent.len + other.len);
    char *to = k->text;
    k->note = *n;
    k->note.metric = keep(&to, metric);
    k->note.sent = keep(&to, sent);
    k->note.other = keep(&to, other);
    k->hash = hash;
    return &k->note;
}

const struct off_page_note *off_page_add(struct off_page_list *l, const struct off_page_note *n)
{
    off_page_check(l);
    uint64_t hash = note_hash(n);
    struct off_page_note *known = index_find(&l->by_hash, hash, kept_is, &hash);
    if (known != NULL) {
        known->samples += n->samples;
        known->last_s = n->last_s;
        return NULL;
    }
    if (l->n == OFF_PAGE_MAX)
        sweep(l, n->last_s);
    if (l->n == OFF_PAGE_MAX)
        return NULL;
    l->at = mem_grow(l->at, &l->cap, l->n + 1, sizeof(struct off_page_note *));
    struct off_page_note *fresh = note_new(n, hash);
    l->at[l->n++] = fresh;
    index_put(&l->by_hash, fresh);
    return fresh;
}
