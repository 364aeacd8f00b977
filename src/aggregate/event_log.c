#include "aggregate/event_log.h"

#include <assert.h>
#include <stdlib.h>

#include "base/mem.h"
#include "protocol/event.h"

/* The last entries of one kind: a ring, whose `at[next]` is where the next one comes to stand. */
struct kept {
    struct event_entry **at; /* each in a block of its own, with its tags and bytes behind it */
    size_t n, next;
};

struct event_log {
    size_t keep;
    uint64_t seq; /* of the newest entry */
    struct kept of[EVENT_KINDS];
    void (*on_added)(void *cookie, const struct event_entry *e);
    void *cookie;
};

static const struct kept *kept_of(const struct event_log *l, enum event_kind k)
{
    assert(k < EVENT_KINDS);
    assert(l->of[k].n <= l->keep && l->of[k].next < l->keep);
    return &l->of[k];
}

uint64_t event_log_memory(size_t keep, uint32_t max_line)
{
    /* Of a line's text nothing is kept twice. */
    uint64_t entry = sizeof(struct event_entry) + EVENT_TAGS_MAX * sizeof(struct slice) + max_line;
    return sizeof(struct event_log) +
           EVENT_KINDS * (uint64_t)keep * (sizeof(struct event_entry *) + entry);
}

struct event_log *event_log_new(size_t keep)
{
    assert(keep > 0);
    struct event_log *l = mem_zalloc(sizeof *l);
    l->keep = keep;
    for (int k = 0; k < EVENT_KINDS; k++)
        l->of[k].at = mem_zalloc(keep * sizeof *l->of[k].at);
    return l;
}

void event_log_free(struct event_log *l)
{
    if (l == NULL)
        return;
    for (int k = 0; k < EVENT_KINDS; k++) {
        for (size_t i = 0; i < l->keep; i++)
            free(l->of[k].at[i]);
        free(l->of[k].at);
    }
    free(l);
}

/* s copied to *room, which then points behind the copy.  What is absent stays so. */
static struct slice keep_bytes(struct slice s, char **room)
{
    if (s.ptr == NULL)
        return s;
    struct slice copy = slice_of(*room, s.len);
    *room = slice_put(*room, s);
    return copy;
}

static struct event_entry *entry_copy(const struct event_entry *e)
{
    size_t n =
        e->title.len + e->text.len + e->hostname.len + e->aggregation_key.len + e->source_type.len;
    for (uint32_t i = 0; i < e->n_tags; i++)
        n += e->tags[i].len;
    size_t tags_at = sizeof *e, bytes_at = tags_at + e->n_tags * sizeof *e->tags;
    static_assert(sizeof *e % _Alignof(struct slice) == 0, "tags stand right behind the entry");
    char *block = mem_alloc(bytes_at + n), *room = block + bytes_at;
    struct event_entry *copy = (void *)block;
    struct slice *tags = (void *)(block + tags_at);
    *copy = *e;
    copy->title = keep_bytes(e->title, &room);
    copy->text = keep_bytes(e->text, &room);
    copy->hostname = keep_bytes(e->hostname, &room);
    copy->aggregation_key = keep_bytes(e->aggregation_key, &room);
    copy->source_type = keep_bytes(e->source_type, &room);
    for (uint32_t i = 0; i < e->n_tags; i++)
        tags[i] = keep_bytes(e->tags[i], &room);
    copy->tags = tags;
    assert(room == block + bytes_at + n);
    return copy;
}

void event_log_add(struct event_log *l, const struct event_entry *e)
{
    assert(e->kind < EVENT_KINDS);
    struct kept *k = &l->of[e->kind];
    struct event_entry *copy = entry_copy(e);
    copy->seq = ++l->seq;
    free(k->at[k->next]);
    k->at[k->next] = copy;
    k->next = (k->next + 1) % l->keep;
    k->n += k->n < l->keep;
    if (l->on_added != NULL)
        l->on_added(l->cookie, copy);
}

size_t event_log_count(const struct event_log *l, enum event_kind k)
{
    return kept_of(l, k)->n;
}

const struct event_entry *event_log_at(const struct event_log *l, enum event_kind k, size_t i)
{
    const struct kept *of = kept_of(l, k);
    assert(i < of->n);
    return of->at[(of->next + l->keep - 1 - i) % l->keep];
}

void event_log_tell(struct event_log *l,
                    void (*on_added)(void *cookie, const struct event_entry *e), void *cookie)
{
    l->on_added = on_added;
    l->cookie = cookie;
}
