#include "expose/room.h"

#include <stdlib.h>

#include "base/mem.h"

struct weight {
    uint64_t ns;
    bool is_read;
};

static int by_who_and_page(const void *left, const void *right)
{
    const struct room_reader *a = left, *b = right;
    if (a->who != b->who)
        return a->who < b->who ? -1 : 1;
    return (a->page > b->page) - (a->page < b->page);
}

static bool is_newcomer_only(const struct room *room, uint64_t who)
{
    for (size_t i = 0; i < room->n_newcomers; i++)
        if (room->newcomers[i] != who)
            return false;
    return true;
}

/* All readers of one address, sorted by page. */
static void weigh_address(const struct room *room, const struct room_reader *r, size_t n,
                          struct weight *weights)
{
    size_t pages = 0;
    for (size_t i = 0; i < n; i++)
        pages += i == 0 || r[i].page != r[i - 1].page;
    bool too_many = pages > room->n_pages / 2 && !is_newcomer_only(room, r->who);
    for (size_t i = 0; i < n; i++) {
        struct weight *w = &weights[r[i].page];
        uint64_t ns = r[i].quiet_ns * pages;
        w->ns = ns < w->ns ? ns : w->ns;
        w->is_read =
            w->is_read || (ns < room->least_ns && r[i].quiet_ns <= r[i].age_ns / 2 && !too_many);
    }
}

bool room_worst(const struct room *room, size_t *ret_page)
{
    struct weight *weights = mem_alloc(room->n_pages * sizeof *weights);
    for (size_t page = 0; page < room->n_pages; page++)
        weights[page] = (struct weight){ UINT64_MAX, false };
    if (room->n > 0)
        qsort(room->readers, room->n, sizeof *room->readers, by_who_and_page);
    for (size_t first = 0, end = 0; first < room->n; first = end) {
        while (end < room->n && room->readers[end].who == room->readers[first].who)
            end++;
        weigh_address(room, room->readers + first, end - first, weights);
    }
    size_t worst = room->n_pages;
    for (size_t page = 0; page < room->n_pages; page++) {
        const struct weight *w = &weights[page];
        if (!room->may_go[page] || w->is_read)
            continue;
        if (worst == room->n_pages || w->ns > weights[worst].ns)
            worst = page;
    }
    free(weights);
    if (worst == room->n_pages)
        return false;
    *ret_page = worst;
    return true;
}
