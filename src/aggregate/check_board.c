/*
 * The pairs lie in an array; the index finds one by its name and host.
 *
 *   check_board_note     finds the pair, or pair_new; counts what is too long or one too many
 *   check_board_expire   where a pair goes, the last of the array takes its place
 *   check_board_put      a line for each pair
 */
#include "aggregate/check_board.h"

#include <assert.h>
#include <stdlib.h>

#include "aggregate/index.h"
#include "base/hash.h"
#include "base/mem.h"

enum { NS_PER_S = 1000000000 };

struct pair {
    uint64_t hash;
    uint64_t seen_ns; /* when the last one arrived */
    uint8_t status;
    uint16_t name_len, host_len;
    char text[]; /* the name, NUL, the host, NUL */
};

struct check_board {
    struct pair *at[CHECK_BOARD_MAX]; /* in no order */
    size_t n;
    struct index index; /* of the same pairs */
    uint64_t refused[CHECK_REFUSAL_COUNT];
};

struct key {
    struct slice name, host;
};

static void board_check(const struct check_board *b)
{
    assert(b->n <= CHECK_BOARD_MAX && b->index.n == b->n);
}

const char *check_refusal_word(enum check_refusal why)
{
    static const char *const words[] = {
#define X(id, word) word,
        CHECK_REFUSALS(X)
#undef X
    };
    assert(why < CHECK_REFUSAL_COUNT);
    return words[why];
}

/* ---- pairs ---- */

static uint64_t hash_of(const void *pair)
{
    return ((const struct pair *)pair)->hash;
}

static bool pair_is(const void *pair, const void *key)
{
    const struct pair *p = pair;
    const struct key *k = key;
    return slice_eq(slice_of(p->text, p->name_len), k->name) &&
           slice_eq(slice_of(p->text + p->name_len + 1, p->host_len), k->host);
}

static struct pair *pair_new(const struct key *k, uint64_t hash)
{
    struct pair *p = mem_zalloc(sizeof *p + k->name.len + k->host.len + 2);
    p->hash = hash;
    p->name_len = (uint16_t)k->name.len;
    p->host_len = (uint16_t)k->host.len;
    slice_put(p->text, k->name);
    slice_put(p->text + k->name.len + 1, k->host);
    return p;
}

static struct slice host_of(const struct event_entry *e)
{
    const struct slice start = SLICE_LIT("host:");
    struct slice host = SLICE_LIT("");
    if (e->hostname.ptr != NULL)
        return e->hostname;
    for (uint32_t i = 0; i < e->n_tags; i++)
        if (e->tags[i].len > start.len && slice_starts(e->tags[i], start))
            host = slice_of(e->tags[i].ptr + start.len, e->tags[i].len - start.len);
    return host;
}

/* ---- the board ---- */

struct check_board *check_board_new(void)
{
    struct check_board *b = mem_zalloc(sizeof *b);
    index_init(&b->index, hash_of);
    return b;
}

void check_board_free(struct check_board *b)
{
    if (b == NULL)
        return;
    for (size_t i = 0; i < b->n; i++)
        free(b->at[i]);
    index_release(&b->index);
    free(b);
}

void check_board_note(struct check_board *b, const struct event_entry *e, uint64_t at_ns)
{
    assert(e->kind == CHECK_ENTRY);
    board_check(b);
    const struct key k = { .name = e->title, .host = host_of(e) };
    if (k.name.len > CHECK_BOARD_TEXT_MAX || k.host.len > CHECK_BOARD_TEXT_MAX) {
        b->refused[CHECK_REFUSED_TOO_LONG]++;
        return;
    }
    uint64_t hash =
        hash_join(hash_bytes(k.name.ptr, k.name.len), hash_bytes(k.host.ptr, k.host.len)).lo;
    struct pair *p = index_find(&b->index, hash, pair_is, &k);
    if (p == NULL && b->n == CHECK_BOARD_MAX) {
        b->refused[CHECK_REFUSED_LIMIT]++;
        return;
    }
    if (p == NULL) {
        p = pair_new(&k, hash);
        b->at[b->n++] = p;
        index_put(&b->index, p);
    }
    if (at_ns < p->seen_ns)
        return;
    p->status = e->status;
    p->seen_ns = at_ns;
}

void check_board_expire(struct check_board *b, uint64_t ttl_s, uint64_t now_ns)
{
    board_check(b);
    for (size_t i = 0; ttl_s > 0 && i < b->n;) {
        struct pair *p = b->at[i];
        if (now_ns < p->seen_ns || (now_ns - p->seen_ns) / NS_PER_S < ttl_s) {
            i++;
            continue;
        }
        index_remove(&b->index, p);
        b->at[i] = b->at[--b->n]; /* looked at next */
        free(p);
    }
}

size_t check_board_count(const struct check_board *b)
{
    return b->n;
}

uint64_t check_board_refused(const struct check_board *b, enum check_refusal why)
{
    assert(why < CHECK_REFUSAL_COUNT);
    return b->refused[why];
}

uint64_t check_board_memory(void)
{
    enum { SLOT_BYTES = 8, SLOTS = 4 }; /* for each pair, while the index grows */
    uint64_t pair = sizeof(struct pair) + 2ull * (CHECK_BOARD_TEXT_MAX + 1);
    return sizeof(struct check_board) + CHECK_BOARD_MAX * (pair + (size_t)SLOTS * SLOT_BYTES);
}

uint64_t check_board_page_bytes(void)
{
    enum { ESCAPED = 2, REST = 64 }; /* name of the family, names of the labels, value */
    return CHECK_BOARD_MAX * (ESCAPED * 2ull * CHECK_BOARD_TEXT_MAX + REST);
}

void check_board_put(const struct check_board *b, struct counter_lines *to)
{
    board_check(b);
    for (size_t i = 0; i < b->n; i++) {
        const struct pair *p = b->at[i];
        counter_put(to, (const char *const[]){ p->text, p->text + p->name_len + 1 }, p->status);
    }
}
